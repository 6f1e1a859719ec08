#include "broker/api/dispatcher.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"

namespace api {
namespace {

constexpr std::int64_t kWarnIntervalMs = 1000;
constexpr std::size_t kMebibyte = 1024 * 1024;
// Room for a hundred thousand groups or topics, and, between brokers, for as many partitions with
// their replicas.
constexpr std::size_t kDecodedBytesMax = 8 * kMebibyte;
// A partition takes ten times as much in a session.
constexpr std::size_t kDecodedFetchBytesMax = 32 * kMebibyte;
constexpr std::size_t kDecodedPartitionsBytesMax = 128 * kMebibyte;
// As much is not charged: a small frame is not either.
constexpr std::size_t kFreeDecodedBytes = 1 * kMebibyte;

std::string_view api_name(std::int16_t key) {
  const protocol::ApiInfo* info = protocol::find_api(key);
  return info != nullptr ? info->name : "unknown";
}

void warn_closing(const network::RequestContext& context, std::string_view reason) {
  LOG_WARN_EVERY(kWarnIntervalMs,
                 "closing connection peer={} listener={} client=\"{}\" api={} key={} version={} "
                 "reason=\"{}\"",
                 context.connection->peer.to_string(), context.listener->name,
                 context.header.client_id.value_or(""), api_name(context.header.api_key),
                 context.header.api_key, context.header.api_version, reason);
}

}  // namespace

std::size_t decoded_bytes_max(std::int16_t api_key) {
  using protocol::ApiKey;
  switch (static_cast<ApiKey>(api_key)) {
    case ApiKey::kFetch: return kDecodedFetchBytesMax;
    case ApiKey::kLeaderAndIsr:
    case ApiKey::kStopReplica:
    case ApiKey::kUpdateMetadata:
    case ApiKey::kAlterPartition: return kDecodedPartitionsBytesMax;
    default: return kDecodedBytesMax;
  }
}

base::Result<void> charge_decoded(network::RequestContext& context, std::size_t decoded_bytes) {
  if (context.budget == nullptr || decoded_bytes <= kFreeDecodedBytes) return {};
  const std::int64_t total = context.charge.bytes() + static_cast<std::int64_t>(decoded_bytes);
  if (context.budget->try_grow(context.charge, total, context.memory_use)) return {};
  return base::fail(base::Errc::unavailable,
                    "no memory for its elements (queued.max.request.bytes)");
}

void warn_bad_request(const network::RequestContext& context, const base::Error& error) {
  warn_closing(context, error.to_string());
}

void Dispatcher::add(protocol::ApiKey key, ApiHandler& handler) {
  const protocol::ApiInfo* info = protocol::find_api(key);
  VERIFY(info != nullptr, "API key {} has no versions", static_cast<int>(key));
  add(key, handler, info->max_version);
}

void Dispatcher::add(protocol::ApiKey key, ApiHandler& handler, std::int16_t max_version) {
  const protocol::ApiInfo* info = protocol::find_api(key);
  VERIFY(info != nullptr && info->supports(max_version), "API key {} has no version {}",
         static_cast<int>(key), max_version);
  Entry& entry = entries_.at(static_cast<std::size_t>(key));
  VERIFY(entry.handler == nullptr, "two handlers for {}", info->name);
  entry = {&handler, info->min_version, max_version};
  const AdvertisedApi api{key, info->min_version, max_version};
  advertised_.insert(std::ranges::upper_bound(advertised_, key, {}, &AdvertisedApi::key), api);
}

// No coroutine of its own: the handler's task is handed on.
runtime::Task<network::Reply> Dispatcher::handle(network::RequestContext& context) {
  const std::int16_t key = context.header.api_key;
  const std::int16_t version = context.header.api_version;
  if (key < 0 || static_cast<std::size_t>(key) >= kKeyCount) return refuse(context, "unknown API");
  const Entry& entry = entries_[static_cast<std::size_t>(key)];
  if (entry.handler == nullptr) return refuse(context, "API is not served");
  const bool is_known = version >= entry.min_version && version <= entry.max_version;
  if (!is_known && key != static_cast<std::int16_t>(protocol::ApiKey::kApiVersions)) {
    return refuse(context, "version is not served");
  }
  return entry.handler->handle(context, version);
}

runtime::Task<network::Reply> Dispatcher::refuse(network::RequestContext& context,
                                                 const char* reason) {
  warn_closing(context, reason);
  co_return network::close_reply();
}

}  // namespace api
