#include "broker/network/response_order.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "protocol/api_key.h"

namespace network {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
// Responses are gathered up to this.
constexpr std::size_t kGatherBytesMax = 64 * 1024;

bool may_be_overtaken(std::int16_t api_key) {
  return api_key == static_cast<std::int16_t>(protocol::ApiKey::kProduce);
}

// Nullopt: it has not come. Asks without waiting.
std::optional<base::Result<Response>> poll(runtime::Receiver<Response>& deferred) {
  auto wait = deferred.wait();
  if (!wait.await_ready()) return std::nullopt;
  return wait.await_resume();
}

}  // namespace

RequestContext& ResponseOrder::begin() {
  VERIFY(current_ == nullptr, "a request begins while another is handled");
  current_ = spare_ ? std::move(spare_) : std::make_unique<Exchange>();
  return current_->context;
}

bool ResponseOrder::may_start(std::int64_t now_ns) const {
  if (is_ending() || pause_ns(now_ns) > 0) return false;
  if (in_flight_.empty()) return true;
  return in_flight_.size() < in_flight_max_ && may_be_overtaken(current_->context.header.api_key);
}

bool ResponseOrder::may_gather_for(std::int16_t api_key) const {
  return may_be_overtaken(api_key) && output_.total_bytes() < kGatherBytesMax;
}

std::int64_t ResponseOrder::pause_ns(std::int64_t now_ns) const {
  return std::max<std::int64_t>(pause_until_ns_ - now_ns, 0);
}

void ResponseOrder::answered_with(Reply reply, std::int64_t now_ns) {
  std::unique_ptr<Exchange> exchange = std::move(current_);
  VERIFY(!reply.deferred || may_be_overtaken(exchange->context.header.api_key),
         "a deferred response to API key {}", exchange->context.header.api_key);
  if (is_last_taken()) return;  // behind the end
  if (!reply.deferred && in_flight_.empty()) {
    retire(std::move(exchange));
    take(std::move(reply.response), now_ns);
    return;
  }
  if (!reply.deferred && reply.response.close_connection) ending_ = Ending::in_flight;
  exchange->deferred = std::move(reply.deferred);
  exchange->response = std::move(reply.response);
  in_flight_.push_back(std::move(exchange));
}

void ResponseOrder::take(Response response, std::int64_t now_ns) {
  if (response.close_connection) ending_ = Ending::taken;
  if (response.throttle_ms > 0) {
    pause_until_ns_ = std::max(pause_until_ns_, now_ns + response.throttle_ms * kNsPerMs);
  }
  output_.append(std::move(response.output));
}

base::Result<void> ResponseOrder::take_ready(std::int64_t now_ns) {
  while (taken_ < in_flight_.size() && output_.total_bytes() < kGatherBytesMax) {
    Exchange& oldest = *in_flight_[taken_];
    if (oldest.deferred) {
      auto come = poll(*oldest.deferred);
      if (!come) break;
      if (!*come) {
        if (has_taken()) break;
        return base::fail(std::move(*come).error());
      }
      oldest.response = std::move(**come);
      oldest.deferred.reset();
    }
    take(std::move(oldest.response), now_ns);
    ++taken_;
    if (is_last_taken()) in_flight_.resize(taken_);
  }
  return {};
}

runtime::Receiver<Response>* ResponseOrder::awaited() {
  if (in_flight_.empty() || !in_flight_.front()->deferred) return nullptr;
  return &*in_flight_.front()->deferred;
}

void ResponseOrder::oldest_came(Response response) {
  Exchange& oldest = *in_flight_.front();
  oldest.response = std::move(response);
  oldest.deferred.reset();
}

void ResponseOrder::note_sent() {
  const auto sent_end = in_flight_.begin() + static_cast<std::ptrdiff_t>(taken_);
  for (auto sent = in_flight_.begin(); sent != sent_end; ++sent) retire(std::move(*sent));
  in_flight_.erase(in_flight_.begin(), sent_end);
  taken_ = 0;
}

void ResponseOrder::retire(std::unique_ptr<Exchange> exchange) {
  if (spare_ != nullptr) return;
  exchange->context.release_frame();
  exchange->deferred.reset();
  exchange->response = {};
  spare_ = std::move(exchange);
}

}  // namespace network
