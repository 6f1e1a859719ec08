// Goal: whatever way a stream of bytes is cut, the same frames come out, and no promise of a length
// costs memory. Method: the assembler alone, fed in portions, without I/O.
#include "broker/network/frame_assembler.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "test/unit/broker/network/frames.h"

namespace network {
namespace {

using network_test::big_endian;
using network_test::with_length;

constexpr std::size_t kFrameMax = 300'000;

// Feeds `stream` in portions of what `portion` says; collects the frames.
class Feeder {
 public:
  explicit Feeder(std::size_t scratch_bytes = 64 * 1024) : scratch_(scratch_bytes) {}

  template <class Portion>
  base::Result<std::vector<std::string>> feed(std::string_view stream, Portion portion) {
    std::vector<std::string> frames;
    for (;;) {
      TRY_ASSIGN(auto frame, assembler.next());
      if (frame) {
        frames.emplace_back(base::as_text(frame->buffer.bytes().subspan(frame->offset)));
        handed_over += frame->offset > 0 ? 1 : 0;
        continue;
      }
      if (stream.empty()) return frames;
      if (const auto bytes = assembler.charge_needed(); bytes > 0) {
        if (!budget.try_grow(assembler.charge(), bytes, MemoryBudget::Use::client)) FAIL("full");
        charged_max = std::max(charged_max, bytes);
      }
      const auto room = assembler.room(scratch_);
      if (room.empty()) FAIL("no room");
      const std::size_t size =
          std::min({room.size(), stream.size(), std::max<std::size_t>(portion(), 1)});
      std::memcpy(room.data(), stream.data(), size);
      // What was read is only safe in scratch until somebody else reads.
      assembler.received(size);
      const bool is_scratch =
          room.data() >= scratch_.data() && room.data() < scratch_.data() + scratch_.size();
      if (is_scratch) std::fill(scratch_.data(), room.data() + size, std::byte{0xee});
      stream.remove_prefix(size);
    }
  }

  MemoryBudget budget{1'000'000'000};
  FrameAssembler assembler{kFrameMax};
  std::int64_t charged_max = 0;
  int handed_over = 0;

 private:
  std::vector<std::byte> scratch_;
};

std::string content_of(std::size_t size, int seed) {
  std::string content(size, '\0');
  for (std::size_t i = 0; i < size; ++i) {
    content[i] = static_cast<char>(i * 31 + static_cast<std::size_t>(seed));
  }
  return content;
}

TEST_CASE("frames come out the same however the stream is cut in two") {
  const std::vector<std::string> frames = {"", content_of(1, 1), content_of(13, 2),
                                           content_of(40, 3)};
  std::string stream;
  for (const auto& frame : frames) stream += with_length(frame);
  for (std::size_t cut = 1; cut < stream.size(); ++cut) {
    Feeder feeder(32);  // so small that carrying and direct reading both happen
    bool is_first = true;
    const auto got =
        feeder.feed(stream, [&] { return std::exchange(is_first, false) ? cut : 100; });
    REQUIRE(got.has_value());
    CHECK(*got == frames);
  }
}

TEST_CASE("frames of all sizes survive random portions") {
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    std::vector<std::string> frames;
    std::string stream;
    for (int i = 0; i < 12; ++i) {
      const std::size_t magnitude = std::size_t{1} << (random() % 18);
      frames.push_back(content_of(random() % magnitude, i));
      stream += with_length(frames.back());
    }
    Feeder feeder;
    const std::size_t portion_max = std::size_t{1} << (5 + random() % 13);
    const auto got = feeder.feed(stream, [&] { return 1 + random() % portion_max; });
    REQUIRE(got.has_value());
    CHECK(*got == frames);
    CHECK_FALSE(feeder.assembler.has_partial());
  }
}

TEST_CASE("a frame that arrives alone is not copied again") {
  Feeder feeder;
  for (const std::size_t size : {100u, 20'000u, 20'000u, 200'000u, 200'000u}) {
    REQUIRE(feeder.feed(with_length(content_of(size, 1)), [] { return 1'000'000; }).has_value());
  }
  CHECK(feeder.handed_over == 5);
}

TEST_CASE("a length that makes no sense ends the stream") {
  CHECK(Feeder().feed(big_endian(-1), [] { return 4; }).error().is(base::Errc::corrupt));
  CHECK(Feeder().feed(big_endian(INT32_MIN), [] { return 1; }).error().is(base::Errc::corrupt));
  const auto above = Feeder().feed(big_endian(kFrameMax + 1), [] { return 4; });
  CHECK(above.error().is(base::Errc::too_large));
  CHECK(Feeder().feed(big_endian(kFrameMax), [] { return 4; }).has_value());
}

TEST_CASE("strangers are told by their first bytes, and only by those") {
  struct Row {
    std::string_view first_bytes, name;
  };
  using namespace std::string_view_literals;
  const Row rows[] = {{"GET /"sv, "HTTP"},          {"POST /"sv, "HTTP"},
                      {"PRI * HTTP/2.0"sv, "HTTP"}, {"\x16\x03\x01\x02\0"sv, "TLS"},
                      {"PROXY TCP4"sv, "PROXY"},    {"\r\n\r\n\0\r\nQUIT\n"sv, "PROXY"}};
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto got = Feeder().feed(row.first_bytes, [] { return 1; });
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().is(base::Errc::corrupt));
    CHECK(got.error().to_string().find(row.name) != std::string::npos);
    // Behind a frame of Kafka's it is a length that makes no sense.
    const auto later =
        Feeder().feed(with_length("a") + std::string(row.first_bytes), [] { return 100; });
    CHECK(later.error().is(base::Errc::too_large));
  }
}

TEST_CASE("an announced length is not believed: memory follows what has arrived") {
  Feeder feeder;
  REQUIRE(feeder.feed(big_endian(kFrameMax), [] { return 4; }).has_value());
  CHECK(feeder.assembler.charge_needed() == 0);
  REQUIRE(feeder.feed(content_of(60'000, 1), [] { return 1; }).has_value());
  CHECK(feeder.charged_max <= 2 * 64 * 1024);
  CHECK(feeder.assembler.charge().bytes() <= 2 * 64 * 1024);
  const auto rest = feeder.feed(content_of(kFrameMax - 60'000, 1), [] { return 1'000'000; });
  REQUIRE(rest.has_value());
  CHECK(rest->size() == 1);
  CHECK(feeder.charged_max == kFrameMax + 4);
  CHECK(feeder.assembler.charge().bytes() == 0);  // went with the frame
  CHECK(feeder.budget.used_bytes() == 0);
}

TEST_CASE("a buffer that was made ready and not filled is given back") {
  Feeder feeder;
  REQUIRE(feeder.feed(with_length(content_of(20'000, 1)), [] { return 1'000'000; }).has_value());
  std::vector<std::byte> scratch(64 * 1024);
  const auto room = feeder.assembler.room(scratch);
  CHECK(room.data() != scratch.data());  // large frames are expected now
  feeder.assembler.received(0);
  CHECK_FALSE(feeder.assembler.has_partial());
}

}  // namespace
}  // namespace network
