// What the storage tests share: a temporary directory, an environment, batches.
#pragma once

#include <doctest/doctest.h>
#include <stdlib.h>

#include <memory>
#include <string>
#include <vector>

#include "protocol/record_batch_builder.h"
#include "runtime/posix/file_system.h"
#include "storage/partition_log.h"

namespace storage_test {

inline void remove_tree(runtime::FileSystem& files, const std::string& path) {
  const auto entries = files.list_directory(path);
  if (!entries) return;
  for (const auto& entry : *entries) {
    const std::string child = path + "/" + entry.name;
    if (entry.is_directory) {
      remove_tree(files, child);
    } else {
      (void)files.remove_file(child);
    }
  }
  (void)files.remove_directory(path);
}

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = "/tmp/barnabas-storage-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TemporaryDirectory() { remove_tree(*runtime::make_posix_file_system(), path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct ProducerFields {
  std::int64_t id = -1;
  std::int16_t epoch = -1;
  std::int32_t sequence = -1;
  bool is_transactional = false;
};

inline protocol::BatchOptions batch_options(protocol::Codec codec, ProducerFields producer) {
  protocol::BatchOptions options;
  options.codec = codec;
  options.producer_id = producer.id;
  options.producer_epoch = producer.epoch;
  options.base_sequence = producer.sequence;
  options.is_transactional = producer.is_transactional;
  return options;
}

inline base::Buffer make_batch(int records, std::int64_t timestamp_ms = 1000,
                               const std::string& value = "value",
                               protocol::Codec codec = protocol::Codec::none,
                               ProducerFields producer = {}) {
  protocol::RecordBatchBuilder builder(batch_options(codec, producer));
  for (int i = 0; i < records; ++i) {
    const std::string key = "k" + std::to_string(i);
    builder.append(timestamp_ms + i, base::as_bytes(key), base::as_bytes(value));
  }
  return builder.build().value();
}

// One log in one directory, opened and closed at will.
class LogFixture {
 public:
  explicit LogFixture(
      std::shared_ptr<runtime::FileSystem> files = runtime::make_posix_file_system(),
      std::string root = {})
      : files_(std::move(files)), root_(root.empty() ? directory_.path() : root) {}

  base::Result<void> try_open(bool clean, base::Offset recovery_point = base::Offset(0)) {
    log.reset();
    storage::OpenLogOptions options;
    options.log_dir = root_;
    options.directory_name = "topic-0";
    options.topic_partition = {"topic", 0};
    options.config = std::make_shared<const storage::LogConfig>(config);
    options.had_clean_shutdown = clean;
    options.recovery_point = recovery_point;
    options.high_watermark = base::Offset(INT64_MAX);
    options.now_ms = now_ms;
    TRY_ASSIGN(log, storage::PartitionLog::open(environment, options));
    return {};
  }
  void open(bool clean = true, base::Offset recovery_point = base::Offset(0)) {
    const auto opened = try_open(clean, recovery_point);
    if (!opened) FAIL(opened.error().to_string());
  }
  void reopen_clean() {
    REQUIRE(log->flusher().close(now_ms).has_value());
    open(true);
  }

  base::Result<storage::AppendInfo> append(
      base::Buffer batch, std::int32_t epoch = 0,
      storage::AppendOrigin origin = storage::AppendOrigin::client) {
    storage::AppendRequest request;
    request.records = batch.mutable_bytes();
    request.leader_epoch = base::LeaderEpoch(epoch);
    request.origin = origin;
    request.now_ms = now_ms;
    return log->append(request, &record_errors);
  }

  // The values of all records in [from, log end), read in pieces of `max_bytes`.
  std::vector<std::pair<std::int64_t, std::string>> read_all(std::int64_t from,
                                                             std::int64_t max_bytes = 1 << 20) {
    std::vector<std::pair<std::int64_t, std::string>> all;
    base::Offset at(from);
    while (at < log->log_end_offset()) {
      const auto bytes = log->read({at, log->log_end_offset(), max_bytes, true});
      if (!bytes) FAIL(bytes.error().to_string());
      REQUIRE(bytes->size() > 0);
      for (base::Bytes rest = bytes->bytes(); !rest.empty();) {
        const auto batch = protocol::frame_batch(rest);
        REQUIRE(batch.has_value());
        CHECK(batch->is_checksum_right());
        const auto plain = protocol::decompress(*batch->codec(), batch->records(), 1 << 28).value();
        protocol::RecordReader reader(*batch, plain.bytes());
        for (;;) {
          const auto record = reader.next().value();
          if (!record) break;
          if (record->offset < at) continue;
          all.emplace_back(record->offset.value(),
                           std::string(base::as_text(record->value.value_or(base::Bytes()))));
        }
        at = batch->next_offset();
        rest = rest.subspan(batch->bytes().size());
      }
    }
    return all;
  }

  std::string path(const std::string& name) const { return root_ + "/topic-0/" + name; }
  runtime::FileSystem& files() { return *files_; }

  storage::LogConfig config;
  std::int64_t now_ms = 1'000'000;
  std::vector<storage::RecordError> record_errors;
  std::vector<base::Error> failures;
  std::vector<std::string> removed;

 private:
  TemporaryDirectory directory_;
  std::shared_ptr<runtime::FileSystem> files_;
  std::string root_;

 public:
  storage::DescriptorCache descriptors{*files_, 8};
  storage::IndexPageCache index_pages{*files_, 16 * 4080};
  storage::LogEnvironment environment{
      *files_, descriptors, index_pages,
      [this](const std::string&, const base::Error& error) { failures.push_back(error); },
      [this](std::vector<std::string> paths, std::int64_t) {
        removed.insert(removed.end(), paths.begin(), paths.end());
      }};
  std::unique_ptr<storage::PartitionLog> log;
};

}  // namespace storage_test
