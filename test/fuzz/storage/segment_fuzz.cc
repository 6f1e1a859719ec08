// Goal: whatever lies in a partition directory's files, loading it ends with an error or with a log
// that can be read from end to end, looked up, truncated and appended to. Method: the input is cut
// into a `.log`, its indexes, a snapshot and an epoch file on the simulated disk.
#include <cstdlib>

#include "protocol/record_batch_builder.h"
#include "runtime/sim/sim_file_system.h"
#include "storage/partition_log.h"

namespace {

class StillClock final : public runtime::Clock {
 public:
  std::int64_t monotonic_ns() const override { return 0; }
  std::int64_t wall_ms() const override { return 1'000'000; }
};

void write(runtime::FileSystem& files, const std::string& name, base::Bytes bytes) {
  const auto file = files.open("/d/t-0/" + name, runtime::OpenMode::truncate);
  if (!file || !(*file)->pwrite(bytes, 0)) std::abort();
}

void use(storage::PartitionLog& log) {
  for (base::Offset at = log.log_start_offset(); at < log.log_end_offset();) {
    const auto bytes = log.read({at, log.log_end_offset(), 10'000, true});
    if (!bytes || bytes->empty()) break;
    const auto batch = storage::StoredBatch::from_header(bytes->bytes());
    if (!batch || batch->last_offset() < at) break;
    at = batch->last_offset() + 1;
  }
  (void)log.offset_for_timestamp(500);
  (void)log.offset_of_max_timestamp();
  (void)log.truncate_to(log.log_end_offset() - 1, 0);
  protocol::RecordBatchBuilder builder({});
  builder.append(1, std::nullopt, base::as_bytes("v"));
  base::Buffer batch = builder.build().value();
  storage::AppendRequest request;
  request.records = batch.mutable_bytes();
  (void)log.append(request);
  (void)log.flusher().close(0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 8) return 0;
  const StillClock clock;
  runtime::SimFileSystem files(clock);
  if (!files.create_directories("/d/t-0")) std::abort();
  base::Bytes rest(reinterpret_cast<const std::byte*>(data) + 8, size - 8);
  const auto take = [&](std::size_t share) {
    const base::Bytes part = rest.first(rest.size() * share / 256);
    rest = rest.subspan(part.size());
    return part;
  };
  if ((data[0] & 1) != 0) write(files, "00000000000000000000.index", take(data[1]));
  if ((data[0] & 2) != 0) write(files, "00000000000000000000.timeindex", take(data[2]));
  if ((data[0] & 4) != 0) write(files, "00000000000000000003.snapshot", take(data[3]));
  if ((data[0] & 8) != 0) write(files, "leader-epoch-checkpoint", take(data[4]));
  if ((data[0] & 16) != 0) write(files, "00000000000000000005.log", take(data[5]));
  // Valid checksums, as far as the bytes are batches at all.
  base::Buffer log_bytes = base::Buffer::copy_of(rest);
  for (base::MutableBytes at = log_bytes.mutable_bytes(); (data[0] & 32) != 0;) {
    const auto batch = protocol::frame_batch(at);
    if (!batch) break;
    protocol::MutableRecordBatch(at.first(batch->bytes().size())).update_crc();
    at = at.subspan(batch->bytes().size());
  }
  write(files, "00000000000000000000.log", log_bytes.bytes());

  storage::DescriptorCache descriptors(files, 4);
  storage::IndexPageCache pages(files, 64 * 1024);
  storage::LogEnvironment environment{files, descriptors, pages,
                                      [](const std::string&, const base::Error&) {},
                                      [](std::vector<std::string>, std::int64_t) {}};
  storage::OpenLogOptions options;
  options.log_dir = "/d";
  options.directory_name = "t-0";
  options.topic_partition = {"t", 0};
  options.config = std::make_shared<const storage::LogConfig>();
  options.had_clean_shutdown = (data[0] & 64) != 0;
  const auto log = storage::PartitionLog::open(environment, options);
  if (log) use(**log);
  return 0;
}
