// Goal: kafka-dump-log prints batches of every format, their records and the files beside them as
// Kafka 3.9 does, and survives damage. The expected texts were compared with Kafka's tool.
#include "tools/dump_log/dump.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "base/big_endian.h"
#include "base/crc32c.h"
#include "protocol/record_batch_builder.h"
#include "runtime/sim/sim_file_system.h"
#include "runtime/uv/system.h"

using namespace std::string_view_literals;

namespace {

class Directory {
 public:
  void write(const std::string& path, std::string_view bytes) {
    auto file = files_.open(path, runtime::OpenMode::create);
    REQUIRE(file);
    REQUIRE((*file)->pwrite(base::as_bytes(bytes), 0));
  }

  // The text of a dump, findings behind it.
  std::string dump(const std::string& path, dump_log::DumpSettings settings = {}) {
    std::string text;
    dump_log::Dumper dumper(files_, settings, [&](std::string_view part) { text += part; });
    bool is_unknown = false;
    const auto dumped = dumper.dump(path, is_unknown);
    if (!dumped) text += dumped.error().message;
    if (is_unknown) text += "unknown";
    return text + dumper.findings().text();
  }

 private:
  runtime::SystemClock clock_;
  runtime::SimFileSystem files_{clock_};
};

constexpr dump_log::DumpSettings kContents{.print_contents = true, .deep_iteration = true};

std::string batch(protocol::BatchOptions options, int records) {
  protocol::RecordBatchBuilder builder(options);
  for (int i = 0; i < records; ++i) {
    builder.append(1'700'000'000'000 + i,
                   i == 0 ? std::nullopt : std::optional(base::as_bytes("k")),
                   base::as_bytes("value"), {{"h", std::nullopt}});
  }
  return std::string(base::as_text(builder.build()->bytes()));
}

std::uint32_t crc_of(std::string_view bytes) {
  return base::load_be<std::uint32_t>(bytes.data() + 17);
}

template <class... Values>
std::string big_endian(Values... values) {
  std::string bytes;
  const auto append = [&](auto value) {
    char stored[sizeof value];
    base::store_be(stored, value);
    bytes.append(stored, sizeof value);
  };
  (append(values), ...);
  return bytes;
}

// A message of format 0: offset 1, key "k", value "v0b".
constexpr std::string_view kMessageOfFormat0 =
    "\0\0\0\0\0\0\0\1\0\0\0\x12\x75\x72\x5c\xe2\0\0\0\0\0\1k\0\0\0\3v0b"sv;

}  // namespace

TEST_CASE("batches and records") {
  Directory directory;
  const std::string bytes = batch({.base_offset = base::Offset(7),
                                   .leader_epoch = base::LeaderEpoch(2),
                                   .codec = protocol::Codec::lz4,
                                   .producer_id = 9,
                                   .producer_epoch = 1,
                                   .base_sequence = 5},
                                  2);
  directory.write("/00000000000000000007.log", bytes + "tail");
  CHECK(directory.dump("/00000000000000000007.log", kContents) ==
        fmt::format(
            "Log starting offset: 7\n"
            "baseOffset: 7 lastOffset: 8 count: 2 baseSequence: 5 lastSequence: 6 producerId: 9 "
            "producerEpoch: 1 partitionLeaderEpoch: 2 isTransactional: false isControl: false "
            "deleteHorizonMs: OptionalLong.empty position: 0 CreateTime: 1700000000001 size: {} "
            "magic: 2 compresscodec: lz4 crc: {} isvalid: true\n"
            "| offset: 7 CreateTime: 1700000000000 keySize: -1 valueSize: 5 sequence: 5 "
            "headerKeys: [h] payload: value\n"
            "| offset: 8 CreateTime: 1700000000001 keySize: 1 valueSize: 5 sequence: 6 "
            "headerKeys: [h] key: k payload: value\n"
            "Found 4 invalid bytes at the end of 00000000000000000007.log\n",
            bytes.size(), crc_of(bytes)));
}

TEST_CASE("a transaction marker, and a gap before it") {
  Directory directory;
  std::string marker(base::as_text(
      protocol::build_end_transaction_marker({.is_commit = true, .coordinator_epoch = 4}, 9, 1, 5)
          .bytes()));
  base::store_be<std::int64_t>(marker.data(), 3);
  directory.write("/00000000000000000000.log", batch({}, 1) + marker);
  const std::string text = directory.dump("/00000000000000000000.log", kContents);
  CHECK(text.find(" endTxnMarker: COMMIT coordinatorEpoch: 4\n") != std::string::npos);
  CHECK(
      text.ends_with("Non-consecutive offsets in /00000000000000000000.log\n"
                     "  0 is followed by 3\n"));
}

TEST_CASE("a message of format 0") {
  Directory directory;
  directory.write("/00000000000000000000.log", kMessageOfFormat0);
  CHECK(directory.dump("/00000000000000000000.log", kContents) ==
        "Log starting offset: 0\n"
        "offset: 1 position: 0 NoTimestampType: -1 size: 30 magic: 0 compresscodec: none crc: "
        "1970429154 isvalid: true\n"
        "| offset: 1 NoTimestampType: -1 keySize: 1 valueSize: 3 isValid: true crc: 1970429154} "
        "key: k payload: v0b\n");
}

TEST_CASE("damaged logs end where they stop making sense") {
  Directory directory;
  directory.write("/00000000000000000000.log", std::string(40, '\0'));
  CHECK(directory.dump("/00000000000000000000.log")
            .ends_with("Found 40 invalid bytes at the end of "
                       "00000000000000000000.log\n"));
  std::string bytes = batch({}, 1);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  directory.write("/00000000000000000001.log", bytes);
  CHECK(directory.dump("/00000000000000000001.log").find("isvalid: false") != std::string::npos);
  CHECK(directory.dump("/x.log").ends_with("the name of the file is not an offset"));
  CHECK(directory.dump("/meta.properties") == "unknown");
}

TEST_CASE("indexes against their log") {
  Directory directory;
  const std::string first = batch({.base_offset = base::Offset(0)}, 3);
  const std::string second = batch({.base_offset = base::Offset(3)}, 2);
  directory.write("/00000000000000000000.log", first + second);
  const auto at = static_cast<std::int32_t>(first.size());
  // Zeros behind the entries are space that Kafka reserves.
  directory.write(
      "/00000000000000000000.index",
      big_endian(std::int32_t{2}, std::int32_t{0}, std::int32_t{4}, at) + std::string(16, '\0'));
  CHECK(directory.dump("/00000000000000000000.index") ==
        fmt::format("offset: 2 position: 0\noffset: 4 position: {}\n", at));
  directory.write(
      "/00000000000000000000.timeindex",
      big_endian(std::int64_t{1'700'000'000'002}, std::int32_t{2}, std::int64_t{1'700'000'000'001},
                 std::int32_t{4}, std::int64_t{1'700'000'000'009}, std::int32_t{7}));
  CHECK(directory.dump("/00000000000000000000.timeindex") ==
        "timestamp: 1700000000002 offset: 2\n"
        "timestamp: 1700000000001 offset: 4\n"
        "timestamp: 1700000000009 offset: 7\n"
        "Found out of order timestamp in :/00000000000000000000.timeindex\n"
        "  Index timestamp: 1700000000001, Previously indexed timestamp: 1700000000002\n"
        "The following indexed offsets are not found in the log.\n"
        "Indexed offset: 7, found log offset: -1\n");
  CHECK(directory.dump("/00000000000000000000.index", {.index_sanity_check = true}) ==
        "/00000000000000000000.index passed sanity check.\n");
  directory.write("/00000000000000000009.log", "");
  directory.write("/00000000000000000009.index", "");
  CHECK(directory.dump("/00000000000000000009.index") == "/00000000000000000009.index is empty.\n");
}

TEST_CASE("a mismatch of index and log") {
  Directory directory;
  directory.write("/00000000000000000000.log", batch({}, 3));
  directory.write("/00000000000000000000.index", big_endian(std::int32_t{1}, std::int32_t{0}));
  CHECK(directory.dump("/00000000000000000000.index", {.verify_index_only = true}) ==
        "Mismatches in :/00000000000000000000.index\n  Index offset: 1, log offset: 2\n");
}

TEST_CASE("producer snapshots and aborted transactions") {
  Directory directory;
  const std::string entries = big_endian(std::int32_t{1}, std::int64_t{7}, std::int16_t{2},
                                         std::int32_t{1}, std::int64_t{40}, std::int32_t{3},
                                         std::int64_t{99}, std::int32_t{-1}, std::int64_t{-1});
  const std::uint32_t crc = base::crc32c(base::as_bytes(entries));
  directory.write("/00000000000000000041.snapshot", big_endian(std::int16_t{1}, crc) + entries);
  CHECK(directory.dump("/00000000000000000041.snapshot") ==
        "producerId: 7 producerEpoch: 2 coordinatorEpoch: -1 currentTxnFirstOffset: "
        "OptionalLong.empty lastTimestamp: 99 firstSequence: 2147483646 lastSequence: 1 "
        "lastOffset: 40 offsetDelta: 3 timestamp: 99\n");
  directory.write("/00000000000000000042.snapshot", big_endian(std::int16_t{1}, crc + 1) + entries);
  CHECK(directory.dump("/00000000000000000042.snapshot")
            .starts_with("Snapshot is corrupt (CRC is no longer valid)."));
  directory.write("/00000000000000000000.txnindex",
                  big_endian(std::int16_t{0}, std::int64_t{1}, std::int64_t{3}, std::int64_t{9},
                             std::int64_t{10}));
  CHECK(directory.dump("/00000000000000000000.txnindex") ==
        "version: 0 producerId: 1 firstOffset: 3 lastOffset: 9 lastStableOffset: 10\n");
}
