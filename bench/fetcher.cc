#include "bench/fetcher.h"

#include "bench/loads.h"
#include "protocol/gen/fetch.h"
#include "protocol/record_batch.h"

namespace bench {

base::Result<Fetcher::Fetched> Fetcher::fetch() {
  protocol::FetchRequest request;
  request.max_wait_ms = limits_.max_wait_ms;
  request.min_bytes = limits_.min_bytes;
  request.max_bytes = limits_.max_bytes;
  request.session_id = session_id_;
  request.session_epoch = session_epoch_;
  auto& topic = request.topics.emplace_back();
  topic.topic = topic_;
  auto& partition = topic.partitions.emplace_back();
  partition.partition = partition_;
  partition.fetch_offset = position_;
  partition.partition_max_bytes = limits_.max_bytes;
  TRY_ASSIGN(const auto response,
             connection_.call<protocol::FetchResponse>(request, kFetchVersion));
  if (response.error_code != 0) {
    return base::fail(base::Errc::internal,
                      "fetch error code " + std::to_string(response.error_code));
  }
  session_id_ = response.session_id;
  session_epoch_ = session_id_ == 0 ? 0 : session_epoch_ + 1;

  Fetched fetched;
  if (!response.responses.empty()) {
    const auto& data = response.responses[0].partitions.at(0);
    if (data.error_code != 0) {
      return base::fail(base::Errc::internal,
                        "partition error code " + std::to_string(data.error_code));
    }
    fetched.records = data.records.inline_bytes;
    high_watermark_ = data.high_watermark;
  }
  fetched.high_watermark = high_watermark_;
  // The first batch may begin before the position, the last one may be cut off.
  base::Bytes rest = fetched.records;
  while (!rest.empty()) {
    const auto batch = protocol::frame_batch(rest);
    if (!batch) break;
    position_ = batch->next_offset().value();
    rest = rest.subspan(static_cast<std::size_t>(batch->size_bytes()));
  }
  return fetched;
}

}  // namespace bench
