// Goal: what a log says is what is loaded: later records win, tombstones remove, transactions wait
// for their markers, and damage costs only what it hits.
#include <doctest/doctest.h>

#include "broker/groups/partition_load.h"
#include "test/unit/storage/log_fixture.h"

using namespace groups;

namespace {

constexpr auto kIbp = config::kLatestInterBrokerProtocol;

CommittedOffset committed(std::int64_t offset) {
  CommittedOffset value;
  value.offset = offset;
  value.commit_timestamp_ms = 1;
  return value;
}

class Log {
 public:
  Log() { fixture.open(); }
  void append(RecordsBuilder& builder) { append(builder.build().value()); }
  void append(base::Buffer batch) {
    const auto appended = fixture.append(std::move(batch), 0, storage::AppendOrigin::coordinator);
    if (!appended) FAIL(appended.error().to_string());
  }
  void append_offset(const std::string& group, int partition, std::int64_t offset) {
    RecordsBuilder builder(RecordsBuilder::Kind::offsets, protocol::Codec::none, kIbp, 1);
    builder.add_offset({group, "t", partition}, committed(offset));
    append(builder);
  }
  void append_transactional(std::int64_t producer, const std::string& group, int partition,
                            std::int64_t offset) {
    protocol::BatchOptions options;
    options.producer_id = producer;
    options.producer_epoch = 0;
    options.base_sequence = 0;
    options.is_transactional = true;
    protocol::RecordBatchBuilder builder(options);
    builder.append(1, encode_offset_key({group, "t", partition}).bytes(),
                   encode_offset_value(committed(offset), kIbp).bytes());
    append(builder.build().value());
  }
  void append_marker(std::int64_t producer, bool is_commit) {
    append(protocol::build_end_transaction_marker({is_commit, 1}, producer, 0, 1));
  }
  LoadedPartition load(std::int64_t buffer_bytes = 100) {
    const std::atomic<bool> stop{false};
    auto loaded = load_partition(*fixture.log, buffer_bytes, stop);
    if (!loaded) FAIL(loaded.error().to_string());
    return std::move(*loaded);
  }

  storage_test::LogFixture fixture;
};

std::int64_t offset_of(const LoadedPartition& loaded, const std::string& group, int partition) {
  const auto place = loaded.groups.find(group);
  if (place == loaded.groups.end()) return -2;
  const auto* found = place->second.offsets.find("t", partition);
  return found == nullptr ? -1 : found->offset;
}

}  // namespace

TEST_CASE("an empty log has no groups") {
  Log log;
  CHECK(log.load().groups.empty());
}

TEST_CASE("later records win and tombstones remove") {
  Log log;
  for (int i = 0; i < 100; ++i) log.append_offset("a", i % 3, i);
  log.append_offset("b", 0, 5);
  RecordsBuilder builder(RecordsBuilder::Kind::group, protocol::Codec::lz4, kIbp, 1);
  GroupRecord record;
  record.protocol_type = "consumer";
  record.generation = 3;
  builder.add_group("c", record);
  record.generation = 4;
  builder.add_group("c", record);
  builder.add_group("d", record);
  builder.add_group_tombstone("d");
  builder.add_offset_tombstone({"b", "t", 0});
  builder.add_offset_tombstone({"a", "t", 1});
  log.append(builder);
  const LoadedPartition loaded = log.load();
  CHECK_EQ(loaded.groups.size(), 2);
  CHECK_EQ(offset_of(loaded, "a", 0), 99);
  CHECK_EQ(offset_of(loaded, "a", 1), -1);
  CHECK_EQ(offset_of(loaded, "a", 2), 98);
  CHECK_FALSE(loaded.groups.at("a").record.has_value());
  CHECK_EQ(loaded.groups.at("c").record->generation, 4);
  CHECK_EQ(loaded.counts.records, 107);
  CHECK_EQ(loaded.counts.damaged, 0);
}

TEST_CASE("transactions: committed, aborted, overtaken, open") {
  Log log;
  log.append_transactional(1, "committed", 0, 10);
  log.append_transactional(2, "aborted", 0, 20);
  log.append_transactional(3, "overtaken", 0, 30);
  log.append_transactional(4, "open", 0, 40);
  log.append_offset("overtaken", 0, 31);
  log.append_marker(1, true);
  log.append_marker(2, false);
  log.append_marker(3, true);
  const LoadedPartition loaded = log.load();
  CHECK_EQ(offset_of(loaded, "committed", 0), 10);
  CHECK_EQ(offset_of(loaded, "aborted", 0), -2);
  CHECK_EQ(offset_of(loaded, "overtaken", 0), 31);
  CHECK_EQ(offset_of(loaded, "open", 0), -1);
  CHECK(loaded.groups.at("open").offsets.has_pending("t", 0));
}

TEST_CASE("a record that makes no sense costs only itself") {
  Log log;
  log.append_offset("a", 0, 1);
  protocol::RecordBatchBuilder builder({});
  builder.append(1, base::as_bytes(std::string_view("\0\1\0", 3)), std::nullopt);
  builder.append(1, base::as_bytes(std::string_view("\0\5rest", 6)), std::nullopt);
  builder.append(1, encode_offset_key({"b", "t", 0}).bytes(), base::as_bytes("??"));
  builder.append(1, encode_group_key("c").bytes(), base::as_bytes(std::string_view("\0\7", 2)));
  builder.append(1, encode_offset_key({"d", "t", 0}).bytes(),
                 encode_offset_value(committed(4), kIbp).bytes());
  log.append(builder.build().value());
  const LoadedPartition loaded = log.load();
  CHECK_EQ(loaded.groups.size(), 2);
  CHECK_EQ(offset_of(loaded, "a", 0), 1);
  CHECK_EQ(offset_of(loaded, "d", 0), 4);
  CHECK_EQ(loaded.counts.damaged, 3);
  CHECK_EQ(loaded.counts.skipped, 1);
}

TEST_CASE("a load that nobody wants any more ends") {
  Log log;
  log.append_offset("a", 0, 1);
  const std::atomic<bool> stop{true};
  CHECK(load_partition(*log.fixture.log, 100, stop).error().is(base::Errc::cancelled));
}
