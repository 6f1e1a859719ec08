// Goal: no bytes in __consumer_offsets crash the decoders or the loader, and what they do read is
// written again as something that reads the same.
#include <cstdlib>

#include "base/buffer.h"
#include "broker/groups/partition_load.h"
#include "protocol/record_batch.h"

namespace {

constexpr auto kIbp = config::kLatestInterBrokerProtocol;

void decode(base::Bytes bytes) {
  (void)groups::decode_key(bytes);
  if (const auto offset = groups::decode_offset_value(bytes)) {
    const auto written = groups::encode_offset_value(*offset, kIbp);
    auto again = groups::decode_offset_value(written.bytes());
    if (!again) std::abort();
    again->leader_epoch = offset->leader_epoch;  // version 1, with an expiry time, has none
    if (*again != *offset) std::abort();
  }
  if (const auto group = groups::decode_group_value(bytes)) {
    const auto written = groups::encode_group_value(*group, kIbp);
    const auto again = groups::decode_group_value(written.bytes());
    if (!again || again->members.size() != group->members.size()) std::abort();
  }
}

// As one batch of a log. The checksum is made right, or nothing would get past it.
void load(base::Bytes bytes) {
  base::Buffer copy = base::Buffer::copy_of(bytes);
  const auto framed = protocol::frame_batch(copy.bytes());
  if (!framed) return;
  const auto whole = copy.mutable_bytes().first(framed->bytes().size());
  protocol::MutableRecordBatch(whole).update_crc();
  groups::PartitionLoader loader("fuzz-0");
  loader.add(protocol::RecordBatchView(whole));
  (void)std::move(loader).finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::Bytes bytes{reinterpret_cast<const std::byte*>(data), size};
  decode(bytes);
  load(bytes);
  return 0;
}
