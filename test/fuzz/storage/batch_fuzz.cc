// Goal: no bytes that a producer may send crash the validator, cost memory without bound, or come
// out as a batch that readers could not walk. The checksum is made right, or nothing would pass it.
#include <cstdlib>

#include "base/buffer.h"
#include "protocol/record_batch.h"
#include "storage/batch_validator.h"

namespace {

constexpr std::size_t kBytesMax = std::size_t{1} << 30;

void check_readable(const protocol::RecordBatchView& batch) {
  const auto plain = protocol::decompress(*batch.codec(), batch.records(), kBytesMax);
  if (!plain) std::abort();
  protocol::RecordReader reader(batch, plain->bytes());
  for (std::int64_t count = 0;; ++count) {
    const auto record = reader.next();
    if (!record) std::abort();
    if (!*record && count == batch.record_count()) return;
    if (!*record) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  storage::ValidationRules rules;
  rules.origin =
      (data[0] & 1) != 0 ? storage::AppendOrigin::client : storage::AppendOrigin::coordinator;
  rules.is_compacted = (data[0] & 2) != 0;
  rules.timestamp_after_max_ms = (data[0] & 4) != 0 ? 1000 : INT64_MAX;
  if ((data[0] & 8) != 0) rules.timestamp_type = protocol::TimestampType::log_append_time;
  if ((data[0] & 16) != 0) rules.compression = static_cast<protocol::Codec>(data[1] % 5);
  base::Buffer bytes =
      base::Buffer::copy_of({reinterpret_cast<const std::byte*>(data) + 2, size - 2});
  if (const auto framed = protocol::frame_batch(bytes.bytes())) {
    protocol::MutableRecordBatch(bytes.mutable_bytes().first(framed->bytes().size())).update_crc();
  }
  const auto validated = storage::validate_batch(bytes.mutable_bytes(), rules, nullptr);
  if (!validated) return 0;
  if (!validated->batch().is_checksum_right()) std::abort();
  check_readable(validated->batch());
  return 0;
}
