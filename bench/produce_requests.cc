#include "bench/produce_requests.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>
#include <vector>

#include "base/big_endian.h"
#include "bench/wire_connection.h"
#include "protocol/gen/produce.h"
#include "protocol/record_batch.h"
#include "protocol/record_batch_builder.h"

namespace bench {
namespace {

constexpr std::size_t kCorrelationIdAt = 8;
constexpr std::size_t kStampBytes = sizeof(std::int64_t);
constexpr std::int32_t kTimeoutMs = 30'000;

// Half of each value is noise, half is a word that repeats: compressors get about two to one.
std::vector<std::byte> value_of(std::int64_t size_bytes, std::int64_t number) {
  std::vector<std::byte> value(static_cast<std::size_t>(size_bytes));
  std::uint64_t state = 0x9e3779b97f4a7c15u * static_cast<std::uint64_t>(number + 1);
  for (std::size_t i = 0; i < value.size(); ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    const bool is_noise = i < value.size() / 2;
    value[i] = static_cast<std::byte>(is_noise ? state >> 56 : "barnabas"[i % 8]);
  }
  return value;
}

base::Result<base::Buffer> build_batch(const BatchShape& shape) {
  const auto now_ms =
      std::chrono::system_clock::now().time_since_epoch() / std::chrono::milliseconds(1);
  protocol::RecordBatchBuilder builder({.codec = shape.codec});
  for (std::int64_t i = 0; i < shape.records; ++i) {
    const auto value = value_of(shape.record_bytes, i);
    builder.append(now_ms, std::nullopt, base::Bytes(value));
  }
  return builder.build();
}

base::Result<base::Bytes> first_value(base::Bytes batch_bytes) {
  TRY_ASSIGN(const protocol::RecordBatchView batch, protocol::frame_batch(batch_bytes));
  protocol::RecordReader records(batch, batch.records());
  TRY_ASSIGN(const auto record, records.next());
  if (!record || !record->value || record->value->size() < kStampBytes) {
    return base::fail(base::Errc::invalid_argument, "no room for a time in the first record");
  }
  return *record->value;
}

}  // namespace

base::Result<PreparedProduce> PreparedProduce::make(std::string_view topic, std::int32_t partition,
                                                    const BatchShape& shape) {
  TRY_ASSIGN(const base::Buffer batch, build_batch(shape));
  protocol::ProduceRequest request;
  request.acks = 1;
  request.timeout_ms = kTimeoutMs;
  auto& data = request.topic_data.emplace_back();
  data.name = topic;
  data.partition_data.push_back({partition, batch.bytes()});

  PreparedProduce prepared;
  prepared.frame_ =
      protocol::encode_request_frame(0, WireConnection::kClientId, request, kProduceVersion).take();
  prepared.batch_bytes_ = batch.size();
  const base::Bytes frame = prepared.frame_.bytes();
  const auto found = std::ranges::search(frame, batch.bytes());
  prepared.batch_at_ = static_cast<std::size_t>(found.begin() - frame.begin());
  if (shape.codec == protocol::Codec::none && shape.record_bytes >= std::int64_t{kStampBytes}) {
    const base::Bytes placed = frame.subspan(prepared.batch_at_, batch.size());
    TRY_ASSIGN(const base::Bytes value, first_value(placed));
    prepared.value_at_ = static_cast<std::size_t>(value.data() - frame.data());
  }
  return prepared;
}

void PreparedProduce::set_correlation_id(std::int32_t id) {
  base::store_be(frame_.mutable_data() + kCorrelationIdAt, id);
}

void PreparedProduce::stamp(std::int64_t sent_ns) {
  if (value_at_ == 0) return;
  base::store_be(frame_.mutable_data() + value_at_, sent_ns);
  protocol::MutableRecordBatch(frame_.mutable_bytes().subspan(batch_at_, batch_bytes_))
      .update_crc();
}

std::int64_t stamped_ns(base::Bytes batch) {
  const auto value = first_value(batch);
  return value ? base::load_be<std::int64_t>(value->data()) : 0;
}

base::Result<void> check_produced(base::Bytes frame) {
  TRY_ASSIGN(const auto response,
             WireConnection::decode<protocol::ProduceResponse>(frame, kProduceVersion));
  if (response.responses.size() == 1 && response.responses[0].partition_responses.size() == 1) {
    const auto& answer = response.responses[0].partition_responses[0];
    if (answer.error_code == 0 && answer.base_offset >= 0) return {};
    return base::fail(base::Errc::internal,
                      "produce error code " + std::to_string(answer.error_code));
  }
  return base::fail(base::Errc::internal, "no answer for the partition");
}

}  // namespace bench
