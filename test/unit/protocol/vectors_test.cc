// Goal: our decoders and encoders agree byte for byte with Apache Kafka's and with kafka-python's.
//
// Method: test/data/protocol holds messages of every version, recorded by test/oracle/record.sh.
// Each one is decoded and encoded again. Then each one is damaged (cut short, bits flipped), which
// must never crash, allocate much or give something that we could not encode again.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <new>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "protocol/api_key.h"
#include "protocol/headers.h"
#include "test/fuzz/protocol/message_codecs.h"

namespace {

// The largest single allocation since the last reset; the replaced operator new keeps it.
std::size_t largest_allocation_bytes = 0;

struct Vector {
  std::string file;
  std::string name;  // "Fetch request"
  std::int16_t version = 0;
  std::vector<std::byte> bytes;
};

const std::filesystem::path kDirectory = std::filesystem::path(TEST_DATA_DIRECTORY) / "protocol";

std::vector<std::byte> from_hex(const std::string& hex) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

std::vector<Vector> load() {
  std::vector<Vector> vectors;
  for (const auto& entry : std::filesystem::directory_iterator(kDirectory)) {
    const std::string name = entry.path().filename();
    if (name == "header_versions.txt" || name == "layouts.txt") continue;  // no vectors
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      std::string api, kind, hex;
      Vector vector{.file = entry.path().filename()};
      words >> api >> kind >> vector.version >> hex;
      vector.name = api + " " + kind;
      vector.bytes = from_hex(hex);
      vectors.push_back(std::move(vector));
    }
  }
  return vectors;
}

const std::vector<Vector>& vectors() {
  static const std::vector<Vector> all = load();
  return all;
}

const test::MessageCodec& codec_of(const std::string& name) {
  const auto& codecs = test::message_codecs();
  const auto found = std::ranges::find(codecs, name, &test::MessageCodec::name);
  REQUIRE_MESSAGE(found != codecs.end(), name);
  return *found;
}

}  // namespace

// ThreadSanitizer brings its own, which cannot be replaced; the limits are checked in other builds.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TEST_KEEPS_OPERATOR_NEW
#endif
#endif

#ifndef TEST_KEEPS_OPERATOR_NEW
void* operator new(std::size_t size) {
  largest_allocation_bytes = std::max(largest_allocation_bytes, size);
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif

TEST_CASE("every recorded message decodes and encodes to the same bytes") {
  for (const Vector& vector : vectors()) {
    CAPTURE(vector.file);
    CAPTURE(vector.name);
    CAPTURE(vector.version);
    const auto output = codec_of(vector.name).round_trip(base::Bytes(vector.bytes), vector.version);
    CHECK_MESSAGE(output.has_value(), (output ? "" : output.error().to_string()));
    if (output) CHECK(std::ranges::equal(output->bytes(), vector.bytes));
  }
}

TEST_CASE("Apache Kafka's vectors cover every version of every message") {
  std::map<std::string, std::set<std::int16_t>> versions;
  for (const Vector& vector : vectors()) {
    if (vector.file != "kafka_python.txt") versions[vector.name].insert(vector.version);
  }
  for (const auto& codec : test::message_codecs()) {
    CAPTURE(codec.name);
    for (std::int16_t version = codec.min_version; version <= codec.max_version; ++version) {
      CHECK_MESSAGE(versions[codec.name].contains(version), "v", version);
    }
    CHECK_EQ(versions[codec.name].size(),
             static_cast<std::size_t>(codec.max_version - codec.min_version + 1));
  }
}

TEST_CASE("the API table agrees with the schemas, and header versions with Kafka's") {
  for (const auto& codec : test::message_codecs()) {
    CAPTURE(codec.name);
    const protocol::ApiInfo* api = protocol::find_api(codec.api_key);
    REQUIRE(api != nullptr);
    CHECK_EQ(api->min_version, codec.min_version);
    CHECK_EQ(api->max_version, codec.max_version);
    CHECK_EQ(api->first_flexible, codec.first_flexible);
  }
  std::ifstream file(kDirectory / "header_versions.txt");
  std::set<std::int16_t> keys;
  std::int16_t key, version, request, response;
  for (std::string name; file >> key >> name >> version >> request >> response;) {
    if (name == "ConsumerGroupHeartbeat" || name == "ConsumerGroupDescribe") continue;
    CAPTURE(name);
    const protocol::ApiInfo* api = protocol::find_api(key);
    REQUIRE(api != nullptr);
    CHECK_EQ(api->name, name);
    CHECK(api->supports(version));
    CHECK_EQ(protocol::request_header_version(key, version), request);
    CHECK_EQ(protocol::response_header_version(key, version), response);
    keys.insert(key);
  }
  CHECK_EQ(keys.size(), protocol::all_apis().size());
}

TEST_CASE("a message cut short anywhere is an error") {
  for (const Vector& vector : vectors()) {
    CAPTURE(vector.name);
    CAPTURE(vector.version);
    const auto& codec = codec_of(vector.name);
    for (std::size_t size = 0; size < vector.bytes.size(); ++size) {
      // A copy of the exact size, so that the sanitizer sees a read behind it.
      const std::vector<std::byte> cut(vector.bytes.begin(),
                                       vector.bytes.begin() + static_cast<std::ptrdiff_t>(size));
      REQUIRE(!test::check_any_input(codec, base::Bytes(cut), vector.version));
    }
  }
}

TEST_CASE("flipped bits never crash a decoder nor make it allocate much") {
  std::mt19937 random(20240607);
  for (const Vector& vector : vectors()) {
    const auto& codec = codec_of(vector.name);
    for (std::size_t round = 0; round < 24 && !vector.bytes.empty(); ++round) {
      std::vector<std::byte> damaged = vector.bytes;
      for (int flips = 1 + static_cast<int>(round % 3); flips > 0; --flips) {
        damaged[random() % damaged.size()] ^= static_cast<std::byte>(1u << (random() % 8));
      }
      largest_allocation_bytes = 0;
      test::check_any_input(codec, base::Bytes(damaged), vector.version);
      // The costliest array: many elements of a few bytes each, as large C++ structs.
      REQUIRE_MESSAGE(largest_allocation_bytes <= 4096 + 256 * damaged.size(), vector.name);
    }
  }
}

TEST_CASE("a version out of range is refused") {
  for (const auto& codec : test::message_codecs()) {
    const auto above = codec.round_trip({}, static_cast<std::int16_t>(codec.max_version + 1));
    CHECK(above.error().is(base::Errc::unsupported));
    CHECK(codec.round_trip({}, -1).error().is(base::Errc::unsupported));
  }
}
