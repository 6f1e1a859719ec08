// Goal: what compaction keeps and drops, rule by rule: untouched batches byte for byte, tombstones
// and markers for their time, empty batches for last sequences, groups, when it is time; and that
// readers notice nothing of it.
#include <doctest/doctest.h>

#include <thread>

#include "storage/compaction/batch_filter.h"
#include "storage/compaction/log_cleaner.h"
#include "test/unit/storage/log_fixture.h"

using base::Offset;
using protocol::Codec;
using storage::AppendOrigin;
using storage_test::LogFixture;
using storage_test::make_batch;

namespace {

using KeyValue = std::pair<std::string, std::optional<std::string>>;

base::Buffer make_keyed(const std::vector<KeyValue>& records, std::int64_t timestamp_ms = 1000,
                        Codec codec = Codec::none, storage_test::ProducerFields producer = {}) {
  protocol::RecordBatchBuilder builder(storage_test::batch_options(codec, producer));
  for (const auto& [key, value] : records) {
    std::optional<base::Bytes> bytes;
    if (value) bytes = base::as_bytes(*value);
    builder.append(timestamp_ms++, base::as_bytes(key), bytes);
  }
  return builder.build().value();
}

// A batch in the log, as it lies there.
struct Stored {
  base::Buffer bytes;
  protocol::RecordBatchView view() const { return protocol::RecordBatchView(bytes.bytes()); }
};

class Compacted : public LogFixture {
 public:
  Compacted() {
    config.cleanup_compact = true;
    config.cleanup_delete = false;
    config.min_cleanable_dirty_ratio = 0;
    config.delete_retention_ms = 100;
    open();
  }

  Offset write(const std::vector<KeyValue>& records, Codec codec = Codec::none,
               storage_test::ProducerFields producer = {}) {
    const auto appended = append(make_keyed(records, now_ms, codec, producer));
    if (!appended) FAIL(appended.error().to_string());
    log->set_high_watermark(log->log_end_offset());
    return appended->base_offset;
  }
  void end(std::int64_t producer, bool commit) {
    REQUIRE(append(protocol::build_end_transaction_marker({commit, 1}, producer, 0, now_ms), 0,
                   AppendOrigin::coordinator)
                .has_value());
    log->set_high_watermark(log->log_end_offset());
  }
  void roll() { REQUIRE(log->roll(now_ms).has_value()); }
  storage::CompactionResult compact(storage::CompactionOptions options = {}) {
    const auto plan = storage::plan_compaction(*log, now_ms).value();
    const auto result = storage::compact(*log, plan, options, now_ms);
    if (!result) FAIL(result.error().to_string());
    log->set_cleaned_up_to(result->cleaned_up_to, plan.generation);
    return *result;
  }
  std::vector<Stored> batches() {
    std::vector<Stored> all;
    for (Offset at = log->log_start_offset(); at < log->log_end_offset();) {
      const auto bytes = log->read({at, log->log_end_offset(), 1 << 20, true}).value();
      if (bytes.empty()) break;
      for (base::Bytes rest = bytes.bytes(); !rest.empty();) {
        const auto batch = protocol::frame_batch(rest).value();
        CHECK(batch.is_checksum_right());
        all.push_back({base::Buffer::copy_of(batch.bytes())});
        at = batch.next_offset();
        rest = rest.subspan(batch.bytes().size());
      }
    }
    return all;
  }
  std::vector<std::int64_t> offsets() {
    std::vector<std::int64_t> all;
    for (const auto& [offset, value] : read_all(0)) all.push_back(offset);
    return all;
  }
};

std::vector<std::int64_t> list(std::initializer_list<std::int64_t> offsets) { return offsets; }

}  // namespace

TEST_CASE("only the latest of each key stays, untouched batches byte for byte") {
  for (const Codec codec : {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
    Compacted fixture;
    fixture.write({{"a", "1"}, {"b", "1"}}, codec);  // 0, 1: one of two stays
    fixture.write({{"c", "1"}, {"d", "1"}}, codec);  // 2, 3: untouched
    fixture.write({{"a", "2"}}, codec);              // 4: gone
    fixture.write({{"a", "3"}}, codec);              // 5
    const auto before = fixture.batches();
    fixture.roll();
    fixture.write({{"b", "beyond"}}, codec);  // 6: in the active segment
    const auto result = fixture.compact();
    CHECK_EQ(result.cleaned_up_to.value(), 6);
    CHECK_EQ(fixture.offsets(), list({1, 2, 3, 5, 6}));
    const auto after = fixture.batches();
    REQUIRE_EQ(after.size(), 4);
    CHECK_EQ(after[0].view().base_offset().value(), 0);
    CHECK_EQ(after[0].view().last_offset().value(), 1);
    CHECK_EQ(after[0].view().record_count(), 1);
    CHECK_EQ(after[0].view().codec(), codec);
    CHECK_EQ(base::as_text(after[1].bytes.bytes()), base::as_text(before[1].bytes.bytes()));
    CHECK_EQ(base::as_text(after[2].bytes.bytes()), base::as_text(before[3].bytes.bytes()));
    fixture.reopen_clean();
    CHECK_EQ(fixture.offsets(), list({1, 2, 3, 5, 6}));
    fixture.open(false);
    CHECK_EQ(fixture.offsets(), list({1, 2, 3, 5, 6}));
  }
}

TEST_CASE("a tombstone outlives its values by delete.retention.ms, counted from the first pass") {
  Compacted fixture;
  fixture.write({{"a", "1"}});
  fixture.write({{"a", std::nullopt}, {"b", "1"}});  // 1, 2
  fixture.roll();
  fixture.write({{"x", "1"}});  // 3
  fixture.compact();
  CHECK_EQ(fixture.offsets(), list({1, 2, 3}));
  const auto marked = fixture.batches();
  CHECK(marked[0].view().has_delete_horizon());
  CHECK_EQ(marked[0].view().base_timestamp(), fixture.now_ms + 100);
  CHECK_EQ(marked[0].view().max_timestamp(), fixture.now_ms + 1);

  const auto pass = [&] {
    fixture.roll();
    fixture.write({{"x", "1"}});
    fixture.compact();
    return fixture.offsets().front();
  };
  fixture.now_ms += 99;
  CHECK_EQ(pass(), 1);
  CHECK_EQ(fixture.batches()[0].view().base_timestamp(), 1'000'100);  // set once
  fixture.now_ms += 1;
  CHECK_EQ(pass(), 2);
  // What is left in the batch keeps its timestamp.
  CHECK_EQ(fixture.log->offset_for_timestamp(0).value()->timestamp_ms, 1'000'001);
}

TEST_CASE("aborted data goes at once, its marker in time, the index entry with the data") {
  Compacted fixture;
  fixture.write({{"a", "1"}}, Codec::none, {7, 0, 0, true});  // 0
  fixture.write({{"b", "1"}}, Codec::none, {8, 0, 0, true});  // 1
  fixture.end(7, false);                                      // 2
  fixture.end(8, true);                                       // 3
  fixture.write({{"c", "1"}}, Codec::none, {7, 0, 1, true});  // 4: the last of producer 7
  fixture.end(7, true);                                       // 5
  fixture.roll();
  fixture.write({{"x", "1"}});
  const auto pass = [&] {
    fixture.compact();
    fixture.roll();
    fixture.write({{"x", "1"}});
    std::vector<std::int64_t> bases;
    for (const auto& batch : fixture.batches()) {
      if (batch.view().base_offset() < Offset(6))
        bases.push_back(batch.view().base_offset().value());
    }
    return bases;
  };
  CHECK_EQ(pass(), list({1, 2, 3, 4, 5}));
  CHECK_EQ(fixture.log->aborted_transactions(Offset(0), Offset(6))->size(), 1);
  CHECK(!fixture.batches()[1].view().has_delete_horizon());
  // Nothing of the transaction is left: from now on the marker's time runs.
  CHECK_EQ(pass(), list({1, 2, 3, 4, 5}));
  CHECK(fixture.log->aborted_transactions(Offset(0), Offset(6))->empty());
  CHECK(fixture.batches()[1].view().has_delete_horizon());
  fixture.now_ms += 100;
  CHECK_EQ(pass(), list({1, 3, 4, 5}));
  fixture.open(false);
  CHECK_EQ(fixture.log->last_stable_offset(), fixture.log->log_end_offset());
}

TEST_CASE("a producer's last batch stays, empty, so that its sequence does") {
  Compacted fixture;
  fixture.write({{"a", "1"}}, Codec::zstd, {7, 3, 0});
  fixture.write({{"a", "2"}, {"b", "1"}}, Codec::zstd, {7, 3, 1});
  fixture.write({{"a", "3"}, {"b", "2"}});
  fixture.roll();
  fixture.write({{"x", "1"}});
  fixture.compact();
  const auto batches = fixture.batches();
  REQUIRE_EQ(batches.size(), 3);
  const auto empty = batches[0].view();
  CHECK_EQ(empty.bytes().size(), protocol::kBatchHeaderBytes);
  CHECK_EQ(empty.record_count(), 0);
  CHECK_EQ(empty.base_offset().value(), 1);
  CHECK_EQ(empty.last_offset().value(), 2);
  CHECK_EQ(empty.base_sequence(), 1);
  CHECK_EQ(empty.last_sequence(), 2);
  CHECK_EQ(empty.base_timestamp(), -1);
  CHECK(!empty.is_compressed());
  for (const bool clean : {false, true}) {
    if (clean) REQUIRE(fixture.log->flusher().close(0).has_value());
    fixture.open(clean);
    CHECK(fixture.append(make_keyed({{"a", "2"}, {"b", "1"}}, 1, Codec::none, {7, 3, 1}))
              .value()
              .is_duplicate);
  }
  fixture.write({{"c", "1"}}, Codec::none, {7, 3, 3});
  fixture.roll();
  fixture.write({{"x", "1"}});
  fixture.compact();
  CHECK_EQ(fixture.batches()[0].view().base_offset().value(), 3);
}

TEST_CASE("small segments are joined; index, time index and file time fit the new one") {
  Compacted fixture;
  fixture.config.segment_bytes = 1000;
  fixture.config.index_interval_bytes = 1;
  fixture.open();
  for (int i = 0; i < 60; ++i) {
    fixture.now_ms += 10;
    fixture.write({{"k" + std::to_string(i % 40), std::string(50, 'v')}});
  }
  const std::size_t segments = fixture.log->segment_count();
  const auto oldest = fixture.log->segments()->front();
  fixture.config.segment_bytes = 5000;
  fixture.log->set_config(std::make_shared<const storage::LogConfig>(fixture.config));
  for (const auto& segment : *fixture.log->segments()) {
    REQUIRE(fixture.files().set_modified(segment->path(".log"), 1234).has_value());
  }
  fixture.compact();
  CHECK(fixture.log->segment_count() < segments);
  const auto first = fixture.log->segments()->front();
  CHECK(first != oldest);
  CHECK(oldest->is_removed());
  CHECK(first->path(".log").ends_with(".log"));
  CHECK(first->offset_index().count().value() > 3);
  CHECK(first->time_index().count().value() > 3);
  CHECK(fixture.log->first_segment_base() == Offset(0));
  CHECK_EQ(fixture.files().info(first->path(".log"))->modified_ms, 1234);
  for (const auto& [offset, value] : fixture.read_all(0)) {
    const auto found = fixture.log->offset_for_timestamp(1'000'010 + offset * 10).value();
    CHECK_EQ(found->offset.value(), offset);
  }
  for (const auto& entry : fixture.files().list_directory(fixture.path("")).value()) {
    CHECK(!entry.name.ends_with(".cleaned"));
    CHECK(!entry.name.ends_with(".swap"));
  }
  CHECK(fixture.failures.empty());
}

TEST_CASE("what is dirty, how far it may be cleaned, and when it is time") {
  Compacted fixture;
  fixture.config.min_cleanable_dirty_ratio = 0.5;
  fixture.open();
  const auto plan = [&] { return storage::plan_compaction(*fixture.log, fixture.now_ms).value(); };
  fixture.write({{"a", "1"}});
  CHECK_EQ(plan().dirty_bytes, 0);  // the active segment stays as it is
  CHECK(!plan().is_worth_it(fixture.config));
  fixture.roll();
  fixture.write({{"b", "1"}});
  fixture.roll();
  CHECK_EQ(plan().first_uncleanable.value(), 2);
  CHECK_EQ(plan().dirty_ratio(), 1.0);
  CHECK(plan().is_worth_it(fixture.config));
  // Not above the last stable offset, in whole segments.
  fixture.log->set_high_watermark(Offset(1));
  CHECK_EQ(plan().first_uncleanable.value(), 1);
  fixture.log->set_high_watermark(Offset(2));

  fixture.compact();
  CHECK_EQ(fixture.log->cleaned_up_to().value().value(), 2);
  CHECK(!plan().is_worth_it(fixture.config));
  fixture.write({{"c", "1"}});  // a third of the bytes
  fixture.roll();
  CHECK(plan().dirty_ratio() < 0.5);
  CHECK(!plan().is_worth_it(fixture.config));
  fixture.config.max_compaction_lag_ms = 1000;
  fixture.log->set_config(std::make_shared<const storage::LogConfig>(fixture.config));
  CHECK(!plan().is_overdue);
  fixture.now_ms += 1001;
  CHECK(plan().is_worth_it(fixture.config));
  fixture.config.min_compaction_lag_ms = 1100;
  fixture.log->set_config(std::make_shared<const storage::LogConfig>(fixture.config));
  CHECK_EQ(plan().dirty_bytes, 0);
  // A truncation takes the checkpoint with it.
  fixture.log->set_high_watermark(Offset(0));
  REQUIRE(fixture.log->truncate_to(Offset(1), fixture.now_ms).value());
  CHECK(fixture.log->cleaned_up_to().value() <= Offset(1));
}

TEST_CASE("keys that do not fit into the map wait for the next pass") {
  Compacted fixture;
  for (int i = 0; i < 100; ++i) fixture.write({{"k" + std::to_string(i % 50), "v"}});
  fixture.roll();
  storage::CompactionOptions options;
  options.map_bytes_max = 24 * 10;
  int passes = 0;
  for (Offset cleaned; cleaned < Offset(100); ++passes) {
    const auto result = fixture.compact(options);
    CHECK(result.cleaned_up_to > cleaned);
    CHECK(result.keys <= 9);
    cleaned = result.cleaned_up_to;
  }
  CHECK(passes > 5);
  const auto offsets = fixture.offsets();
  CHECK_EQ(offsets.size(), 50);
  CHECK_EQ(offsets.front(), 50);
}

TEST_CASE("a changed log cancels a compaction, damage is an error; both leave the log as it is") {
  Compacted fixture;
  fixture.write({{"a", "1"}});
  fixture.write({{"a", "2"}});
  fixture.roll();
  fixture.write({{"b", "1"}});
  fixture.roll();
  const auto plan = storage::plan_compaction(*fixture.log, fixture.now_ms).value();
  storage::CompactionOptions options;
  bool is_done = false;
  options.on_io = [&](std::int64_t) -> base::Result<void> {
    if (std::exchange(is_done, true)) return {};
    REQUIRE(fixture.log->advance_log_start_offset(Offset(2)).has_value());
    CHECK_EQ(fixture.log->delete_old_segments(0).value(), 1);
    return {};
  };
  CHECK(storage::compact(*fixture.log, plan, options, 0).error().is(base::Errc::cancelled));
  CHECK(!fixture.files().exists(fixture.path("00000000000000000000.log.cleaned")));

  const auto file =
      fixture.files()
          .open(fixture.path("00000000000000000002.log"), runtime::OpenMode::read_write)
          .value();
  REQUIRE(file->pwrite(base::as_bytes("!"), 63).has_value());
  const auto damaged = storage::plan_compaction(*fixture.log, fixture.now_ms).value();
  CHECK(storage::compact(*fixture.log, damaged, {}, 0).error().is(base::Errc::corrupt));
  CHECK_EQ(fixture.log->segment_count(), 2);
  CHECK(fixture.failures.empty());
}

TEST_CASE("a log of both policies loses old segments too") {
  Compacted fixture;
  fixture.config.cleanup_delete = true;
  fixture.config.retention_ms = 1000;
  fixture.open();
  fixture.write({{"a", "1"}});
  fixture.roll();
  fixture.write({{"b", "1"}});
  CHECK_EQ(fixture.log->delete_old_segments(fixture.now_ms + 1000).value(), 0);
  CHECK_EQ(fixture.log->delete_old_segments(fixture.now_ms + 1001).value(), 2);
}

TEST_CASE("readers and appenders go on while segments are replaced under them") {
  Compacted fixture;
  fixture.config.segment_bytes = 3000;
  fixture.config.index_interval_bytes = 200;
  fixture.open();
  std::atomic<bool> is_done{false};
  std::thread appender([&] {
    for (int i = 0; i < 3000; ++i) {
      base::Buffer batch = make_keyed({{"k" + std::to_string(i % 7), std::to_string(i)},
                                       {"only" + std::to_string(i / 10), "x"}});
      storage::AppendRequest request;
      request.records = batch.mutable_bytes();
      request.now_ms = 1'000'000;
      const auto info = fixture.log->append(request);
      REQUIRE(info.has_value());
      fixture.log->set_high_watermark(info->last_offset + 1);
    }
    is_done.store(true);
  });
  std::thread cleaner([&] {
    while (!is_done.load()) fixture.compact();
  });
  std::uint64_t random = 1;
  while (!is_done.load()) {
    random = random * 6364136223846793005u + 1;
    const Offset end = fixture.log->high_watermark();
    const Offset from(
        static_cast<std::int64_t>((random >> 33) % static_cast<std::uint64_t>(end.value() + 1)));
    const auto bytes = fixture.log->read({from, end, 5000, true});
    if (!bytes) FAIL(bytes.error().to_string());
    Offset previous(-1);
    for (base::Bytes rest = bytes->bytes(); !rest.empty();) {
      const auto batch = protocol::frame_batch(rest);
      REQUIRE(batch.has_value());
      REQUIRE(batch->is_checksum_right());
      REQUIRE(batch->base_offset() > previous);
      if (previous == Offset(-1)) REQUIRE(batch->last_offset() >= from);
      previous = batch->last_offset();
      rest = rest.subspan(batch->bytes().size());
    }
    REQUIRE(fixture.log->offset_for_timestamp(1000).has_value());
  }
  appender.join();
  cleaner.join();
  fixture.roll();
  fixture.compact();
  CHECK_EQ(fixture.offsets().size(), 307);
  CHECK(fixture.failures.empty());
}

TEST_CASE("the map holds the latest offset of each key and no more than it has memory for") {
  auto map = storage::OffsetMap::create(1'000'000, 24 * 1000, 0.9).value();
  std::int64_t offset = 0;
  for (; !map.is_full(); ++offset) {
    REQUIRE(map.put(base::as_bytes("k" + std::to_string(offset / 2)), Offset(offset)).has_value());
  }
  CHECK_EQ(map.size(), 900);
  for (std::int64_t i = 0; i < 899; ++i) {
    CHECK_EQ(map.get(base::as_bytes("k" + std::to_string(i))).value(), Offset(2 * i + 1));
  }
  CHECK(!map.get(base::as_bytes("other")).value());
  CHECK_EQ(storage::OffsetMap::create(0, 0, 0.9)->is_full(), false);
}
