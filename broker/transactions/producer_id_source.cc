#include "broker/transactions/producer_id_source.h"

#include <limits>

#include "base/log.h"
#include "protocol/error_code.h"
#include "protocol/gen/allocate_producer_ids.h"
#include "runtime/cross_loop.h"

namespace transactions {
namespace {

constexpr std::int64_t kRequestTimeoutMs = 5000;
// A new block is asked for when less than this part of the current one is left.
constexpr std::int64_t kPrefetchBelow = 100;

}  // namespace

bool is_producer_id_block(std::int64_t start, std::int32_t length) {
  return start >= 0 && length > 0 && start <= std::numeric_limits<std::int64_t>::max() - length;
}

ProducerIdSource::ProducerIdSource(cluster::ControllerLink& link, std::int32_t broker_id,
                                   std::function<std::int64_t()> broker_epoch)
    : link_(link), broker_id_(broker_id), broker_epoch_(std::move(broker_epoch)) {}

runtime::Task<base::Result<base::ProducerId>> ProducerIdSource::next() {
  auto id = take();
  if (!id) {
    CO_TRY(co_await runtime::call_on(link_.scope(), [this] { return fetch_block(); }));
    id = take();
  } else if (begin_prefetch()) {
    link_.scope().loop().post([this] {
      if (!link_.scope().cancelled()) link_.scope().spawn(prefetch(this));
    });
  }
  if (!id) co_return base::fail(base::Errc::unavailable, "no producer ids");
  co_return *id;
}

std::optional<base::ProducerId> ProducerIdSource::take() {
  base::LockGuard guard(mutex_);
  if (current_.next == current_.end) std::swap(current_, following_);
  if (current_.next == current_.end) return std::nullopt;
  return base::ProducerId(current_.next++);
}

bool ProducerIdSource::has_following() const {
  base::LockGuard guard(mutex_);
  return following_.next != following_.end;
}

void ProducerIdSource::keep_block(std::int64_t start, std::int32_t length) {
  base::LockGuard guard(mutex_);
  following_ = {start, start + length};
}

bool ProducerIdSource::begin_prefetch() {
  base::LockGuard guard(mutex_);
  if (prefetching_ || following_.next != following_.end) return false;
  if (current_.end - current_.next >= kPrefetchBelow) return false;
  prefetching_ = true;
  return true;
}

void ProducerIdSource::end_prefetch() {
  base::LockGuard guard(mutex_);
  prefetching_ = false;
}

runtime::Task<void> ProducerIdSource::prefetch(ProducerIdSource* self) {
  (void)co_await self->fetch_block();
  self->end_prefetch();
}

runtime::Task<base::Result<void>> ProducerIdSource::fetch_block() {
  // Somebody else's request may have brought one while this call waited its turn.
  if (has_following()) co_return base::Result<void>();
  protocol::AllocateProducerIdsRequest request;
  request.broker_id = broker_id_;
  request.broker_epoch = broker_epoch_();
  CO_TRY_ASSIGN(const auto response, co_await link_.call<protocol::AllocateProducerIdsResponse>(
                                         request, kRequestTimeoutMs));
  if (response.error_code != 0) {
    const auto code = protocol::error_code_from_wire(response.error_code);
    LOG_WARN_EVERY(1000, "no producer ids from the controller: {}", protocol::name(code));
    co_return base::fail(base::Errc::unavailable, std::string(protocol::name(code)));
  }
  if (!is_producer_id_block(response.producer_id_start, response.producer_id_len)) {
    LOG_WARN_EVERY(1000, "the controller gave producer ids that cannot be start={} length={}",
                   response.producer_id_start, response.producer_id_len);
    co_return base::fail(base::Errc::unavailable, "producer ids that cannot be");
  }
  keep_block(response.producer_id_start, response.producer_id_len);
  co_return base::Result<void>();
}

}  // namespace transactions
