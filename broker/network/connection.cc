#include "broker/network/connection.h"

#include <algorithm>
#include <utility>

#include "base/big_endian.h"
#include "base/check.h"
#include "base/log.h"
#include "protocol/api_key.h"
#include "runtime/loop_watch.h"
#include "runtime/stream_io.h"
#include "runtime/wait.h"

namespace network {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kWarnIntervalMs = 1000;
// Others on the loop get a turn after so many bytes of one sender that is always ahead.
constexpr std::size_t kBytesPerTurn = 1024 * 1024;
// Responses are gathered up to this.
constexpr std::size_t kGatherBytesMax = 64 * 1024;
// A large frame that brings less than this in frame_stall_ms has stalled.
constexpr std::size_t kProgressBytes = 64 * 1024;
// How soon a deadline that was found passed, but not to be enforced yet, is looked at again.
constexpr std::int64_t kRecheckNs = 1000 * kNsPerMs;
// What a header may take besides its bytes.
constexpr std::size_t kHeaderDecodedBytesMax = 64 * 1024;
// A frame's sender is not slow if it sends so much, however large the frame.
constexpr std::int64_t kQuickBytesPerSecond = 8 * 1024 * 1024;
constexpr std::int64_t kNever = runtime::TimerQueue::kNever;

bool may_be_overtaken(std::int16_t api_key) {
  return api_key == static_cast<std::int16_t>(protocol::ApiKey::kProduce);
}

// Asks without waiting.
bool has_come(runtime::Receiver<Response>& deferred) { return deferred.wait().await_ready(); }

bool is_peer_gone(const base::Error& error) {
  return error.is(std::errc::connection_reset) || error.is(std::errc::broken_pipe);
}

}  // namespace

Connection::Connection(std::unique_ptr<runtime::Stream> stream, const ListenerContext& listener,
                       std::uint64_t id, const ConnectionShared& shared)
    : stream_(std::move(stream)),
      listener_(listener),
      shared_(shared),
      loop_(stream_->loop()),
      scope_(loop_, "connection", [this](const std::string& what) { fail_request(what); }),
      assembler_(shared.options.request_max_bytes),
      answered_(loop_),
      last_active_ns_(loop_.now_ns()) {
  info_.id = id;
  info_.peer = stream_->peer_address();
  info_.peer_host = info_.peer.ip();
  stream_->set_hangup_callback(&peer_watch_);
}

Connection::~Connection() = default;

// Runs a handler; if it has to wait, what was gathered goes out first.
class Connection::HandlerCall {
 public:
  HandlerCall(Connection& connection, runtime::Task<Reply> task)
      : connection_(connection), task_(std::move(task)), awaiter_(task_.operator co_await()) {}
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> coroutine) noexcept {
    if (!awaiter_.await_suspend(coroutine)) return false;
    connection_.send_what_goes();
    return true;
  }
  Reply await_resume() {
    if (!runtime::is_running_named()) connection_.note_running();
    return awaiter_.await_resume();
  }

 private:
  Connection& connection_;
  runtime::Task<Reply> task_;
  runtime::Task<Reply>::Awaiter awaiter_;
};

void Connection::note_running() const {
  const protocol::RequestHeader& header = current_->context.header;
  const protocol::ApiInfo* api = protocol::find_api(header.api_key);
  runtime::note_running(api != nullptr ? api->name : "unknown API", info_.peer_host,
                        header.client_id.value_or(""));
}

runtime::Task<void> Connection::run() {
  if (shared_.options.idle_max_ms >= 0) arm_deadline(deadline().at_ns);
  try {
    const auto outcome = co_await serve();
    if (!outcome) report_end(outcome.error());
  } catch (const std::exception& exception) {
    fail_request(exception.what());
  }
  close("ended");
  co_await scope_.join();
}

// The hot path. A request that is answered at once costs one read and one write, and the only
// coroutine it starts is the handler's. Responses to Produce requests that came together go out
// together.
runtime::Task<base::Result<void>> Connection::serve() {
  for (;;) {
    CO_TRY_ASSIGN(std::optional<FrameAssembler::Frame> frame, assembler_.next());
    if (!unsent_.empty() && (!frame || is_finishing_ || !may_gather(*frame))) {
      CO_TRY_ASSIGN(const bool is_sent, write_now(unsent_));
      if (!is_sent) CO_TRY(co_await flush());
    }
    if (is_finishing_ || closes_behind_queue_) break;
    if (stream_->is_closed()) co_return base::fail(base::Errc::closed);
    if (!frame) {
      if (is_muted()) CO_TRY(co_await pause_while_muted());
      if (assembler_.charge_needed() > 0) CO_TRY(co_await get_memory());
      if (!expects_more()) {
        turn_bytes_ = 0;
        CO_TRY(co_await runtime::readable(*stream_, runtime::kNoTimeout, scope_.token()));
      } else if (turn_bytes_ >= kBytesPerTurn) {
        turn_bytes_ = 0;
        co_await runtime::yield(loop_);
      }
      CO_TRY(read_some());
      continue;
    }
    CO_TRY(begin(std::move(*frame)));
    if (!may_start()) {
      CO_TRY(co_await wait_for_turn());
      if (is_finishing_ || stream_->is_closed()) break;
    }
    note_running();
    Reply reply = co_await HandlerCall(*this, shared_.handler.handle(current_->context));
    if (reply.deferred || !in_flight_.empty()) {
      queue(std::move(reply));
      continue;
    }
    retire(std::move(current_));
    note_throttle(reply.response);
    unsent_.append(std::move(reply.response.output));
    if (reply.response.close_connection) co_return co_await flush();
  }
  while (!in_flight_.empty()) {
    CO_TRY(co_await answered_.wait(runtime::kNoTimeout, scope_.token()));
  }
  co_return base::Result<void>();
}

// Whether responses may wait for that of this request: it will not wait for anything itself, and
// if it does, HandlerCall sends them.
bool Connection::may_gather(const FrameAssembler::Frame& frame) const {
  const base::Bytes bytes = frame.buffer.bytes().subspan(frame.offset);
  return unsent_.total_bytes() < kGatherBytesMax && bytes.size() >= sizeof(std::int16_t) &&
         may_be_overtaken(base::load_be<std::int16_t>(bytes.data()));
}

// The last read left nothing behind, or the frame is complete: then waiting comes first, which
// saves a read that would find nothing.
bool Connection::expects_more() const { return read_filled_room_ && assembler_.has_partial(); }

base::Result<void> Connection::read_some() {
  const base::MutableBytes room = assembler_.room(shared_.scratch);
  const auto count = stream_->try_read(room);
  assembler_.received(count ? *count : 0);
  read_filled_room_ = count && *count == room.size();
  if (!count) {
    if (count.error().is(base::Errc::would_block)) return {};
    return base::fail(count.error());
  }
  last_active_ns_ = loop_.now_ns();
  turn_bytes_ += *count;
  stall_bytes_ += *count;
  rate_bytes_ += static_cast<std::int64_t>(*count);
  if (stall_bytes_ >= kProgressBytes) note_progress();
  return {};
}

void Connection::note_progress() {
  stall_bytes_ = 0;
  stall_mark_ns_ = loop_.now_ns();
}

MemoryBudget::Use Connection::memory_use() const {
  const bool is_broker = shared_.is_broker_address && shared_.is_broker_address(info_.peer_host);
  return is_broker ? MemoryBudget::Use::inter_broker : MemoryBudget::Use::client;
}

// Only the sender holds the frame up: no request before it is being handled, no wait is ours.
bool Connection::is_reading_frame() const {
  return holds_memory() && current_ == nullptr && !is_waiting_for_memory_ && !is_muted();
}

// Measures the rate of the frame since the last look and compares what it holds with the others.
bool Connection::must_give_way(std::int64_t now_ns) {
  if (!is_reading_frame()) {
    rate_begun_ns_ = 0;
    return shared_.budget.must_go(holder_, 0, now_ns);
  }
  const std::int64_t took_ns = now_ns - rate_begun_ns_;
  if (rate_begun_ns_ != 0 && took_ns < kRecheckNs) return false;
  const auto announced = static_cast<std::int64_t>(assembler_.announced_bytes().value_or(0));
  const std::int64_t needed =
      std::min(announced * 1000 / shared_.options.frame_arrival_ms, kQuickBytesPerSecond);
  const bool is_slow = rate_begun_ns_ != 0 && rate_bytes_ < needed * (took_ns / kNsPerMs) / 1000;
  rate_begun_ns_ = now_ns;
  rate_bytes_ = 0;
  return shared_.budget.must_go(holder_, is_slow ? assembler_.charge().bytes() : 0, now_ns);
}

runtime::Task<base::Result<void>> Connection::get_memory() {
  const std::int64_t bytes = assembler_.charge_needed();
  const MemoryBudget::Use use = memory_use();
  if (!shared_.budget.try_grow(assembler_.charge(), bytes, use)) {
    is_waiting_for_memory_ = true;
    const auto grown =
        co_await shared_.budget.grow(assembler_.charge(), bytes, use, scope_.token());
    is_waiting_for_memory_ = false;
    CO_TRY(grown);
    rate_begun_ns_ = 0;
  }
  note_progress();  // the time spent waiting was not the sender's
  arm_deadline(stall_mark_ns_ + std::min(shared_.options.frame_stall_ms * kNsPerMs, kRecheckNs));
  co_return base::Result<void>();
}

base::Result<void> Connection::begin(FrameAssembler::Frame frame) {
  current_ = spare_ ? std::move(spare_) : std::make_unique<Exchange>();
  RequestContext& context = current_->context;
  context.frame = std::move(frame.buffer);
  context.charge = std::move(frame.charge);
  context.budget = &shared_.budget;
  context.memory_use = context.charge.bytes() > 0 ? memory_use() : MemoryBudget::Use::client;
  context.listener = &listener_;
  context.connection = &info_;
  context.received_ns = last_active_ns_;
  context.cancel = runtime::CancelToken(request_waits_);
  protocol::Reader reader(context.frame.bytes().subspan(frame.offset), kHeaderDecodedBytesMax);
  TRY_ASSIGN(context.header, protocol::RequestHeader::decode(reader));
  context.body_offset = frame.offset + reader.position();
  return {};
}

bool Connection::may_start() const {
  if (is_muted()) return false;
  if (in_flight_.empty()) return true;
  return in_flight_.size() < shared_.options.in_flight_max &&
         may_be_overtaken(current_->context.header.api_key);
}

runtime::Task<base::Result<void>> Connection::wait_for_turn() {
  CO_TRY(co_await flush());
  while (!may_start() && !is_finishing_) {
    if (is_muted()) {
      CO_TRY(co_await pause_while_muted());
    } else {
      CO_TRY(co_await answered_.wait(runtime::kNoTimeout, scope_.token()));
    }
  }
  co_return base::Result<void>();
}

void Connection::queue(Reply reply) {
  VERIFY(!reply.deferred || may_be_overtaken(current_->context.header.api_key),
         "a deferred response to API key {}", current_->context.header.api_key);
  if (!unsent_.empty()) {
    in_flight_.push_back(std::make_unique<Exchange>());
    in_flight_.back()->response.output = std::move(unsent_);
  }
  current_->deferred = std::move(reply.deferred);
  current_->response = std::move(reply.response);
  closes_behind_queue_ = !current_->deferred && current_->response.close_connection;
  in_flight_.push_back(std::move(current_));
  if (std::exchange(has_writer_, true)) return;
  scope_.spawn(write_deferred());
}

runtime::Task<void> Connection::write_deferred() {
  while (!in_flight_.empty()) {
    const auto sent = co_await answer_oldest();
    if (!sent) {
      report_end(sent.error());
      close("response not sent");
      break;
    }
  }
  has_writer_ = false;
  answered_.notify_all();
  // The reader may be waiting for bytes, which nobody wants any more.
  if (is_finishing_ && current_ == nullptr) close("finished");
}

// The oldest response and those behind it that are there by then. Only this coroutine takes from
// the front; others may append meanwhile.
runtime::Task<base::Result<void>> Connection::answer_oldest() {
  runtime::OutputList output;
  std::size_t count = 0;
  bool closes = false;
  do {
    Exchange& exchange = *in_flight_[count];
    if (exchange.deferred) {
      auto response = co_await exchange.deferred->wait(runtime::kNoTimeout, scope_.token());
      if (!response) co_return base::fail(std::move(response).error());
      exchange.response = std::move(*response);
    }
    closes = exchange.response.close_connection;
    note_throttle(exchange.response);
    output.append(std::move(exchange.response.output));
    ++count;
  } while (!closes && output.total_bytes() < kGatherBytesMax && count < in_flight_.size() &&
           (!in_flight_[count]->deferred || has_come(*in_flight_[count]->deferred)));
  CO_TRY_ASSIGN(const bool is_sent, write_now(output));
  if (!is_sent) CO_TRY(co_await write_rest(output));
  for (std::size_t i = 0; i < count; ++i) retire(std::move(in_flight_[i]));
  in_flight_.erase(in_flight_.begin(), in_flight_.begin() + static_cast<std::ptrdiff_t>(count));
  answered_.notify_all();
  if (closes) co_return base::fail(base::Errc::cancelled, "closed after its response");
  co_return base::Result<void>();
}

base::Result<bool> Connection::write_now(runtime::OutputList& output) {
  if (output.empty()) return true;  // acks=0
  const auto sent = write_some(output);
  if (!sent && !sent.error().is(base::Errc::would_block)) return base::fail(sent.error());
  return output.empty();
}

// A peer that has gone will not read the rest, but what it sent before it went may be read and done
// all the same: the end is found by reading.
base::Result<std::size_t> Connection::write_some(runtime::OutputList& output) {
  if (!is_peer_gone_) {
    auto sent = stream_->try_write(output);
    if (sent || !is_peer_gone(sent.error())) return sent;
    is_peer_gone_ = true;
  }
  output.consume(output.total_bytes());
  return 0;
}

runtime::Task<base::Result<void>> Connection::write_rest(runtime::OutputList& output) {
  write_progress_ns_ = loop_.now_ns();
  arm_deadline(write_progress_ns_ + shared_.options.write_stall_ms * kNsPerMs);
  while (!output.empty()) {
    CO_TRY(co_await runtime::writable(*stream_, runtime::kNoTimeout, scope_.token()));
    const auto sent = write_some(output);
    if (sent && *sent > 0) write_progress_ns_ = loop_.now_ns();
    if (!sent && !sent.error().is(base::Errc::would_block)) co_return base::fail(sent.error());
  }
  last_active_ns_ = write_progress_ns_;
  write_progress_ns_ = 0;
  co_return base::Result<void>();
}

runtime::Task<base::Result<void>> Connection::flush() {
  CO_TRY_ASSIGN(const bool is_sent, write_now(unsent_));
  if (!is_sent) CO_TRY(co_await write_rest(unsent_));
  co_return base::Result<void>();
}

// As much as goes without waiting. An error will be met again by the next write.
void Connection::send_what_goes() noexcept {
  while (!unsent_.empty() && stream_->try_write(unsent_)) {
  }
}

void Connection::retire(std::unique_ptr<Exchange> exchange) {
  if (spare_ != nullptr) return;
  exchange->context.release_frame();
  exchange->deferred.reset();
  exchange->response = {};
  spare_ = std::move(exchange);
}

void Connection::note_throttle(const Response& response) {
  if (response.throttle_ms <= 0) return;
  muted_until_ns_ = std::max(muted_until_ns_, loop_.now_ns() + response.throttle_ms * kNsPerMs);
}

runtime::Task<base::Result<void>> Connection::pause_while_muted() {
  while (is_muted()) {
    const std::int64_t left_ns = muted_until_ns_ - loop_.now_ns();
    if (left_ns <= 0) {
      muted_until_ns_ = 0;
    } else {
      CO_TRY(co_await runtime::sleep_ms(loop_, left_ns / kNsPerMs + 1, scope_.token()));
    }
  }
  co_return base::Result<void>();
}

void Connection::finish() {
  is_finishing_ = true;
  if (current_ == nullptr && in_flight_.empty()) close("finished");
}

void Connection::close(const char* reason) {
  if (stream_->is_closed()) return;
  LOG_DEBUG("connection closed peer={} listener={} reason=\"{}\"", info_.peer.to_string(),
            listener_.name, reason);
  send_what_goes();  // answers to what was done, whatever came behind it
  stream_->close();
  stream_->set_hangup_callback(nullptr);
  request_waits_.cancel();
  scope_.cancel();
  if (timer_.armed()) loop_.timers().disarm(timer_);
}

void Connection::fail_request(const std::string& what) {
  LOG_ERROR("request failed, closing its connection peer={} listener={} api_key={} error=\"{}\"",
            info_.peer.to_string(), listener_.name,
            current_ != nullptr ? current_->context.header.api_key : -1, what);
  close("failed request");
}

// Ends that are the sender's fault, or a broken promise of ours, are worth a line.
void Connection::report_end(const base::Error& error) const {
  const bool is_ordinary = error.is(base::Errc::end_of_stream) || error.is(base::Errc::cancelled) ||
                           (error.is(base::Errc::closed) && error.context().empty()) ||
                           error.is(std::errc::connection_reset) ||
                           error.is(std::errc::broken_pipe);
  if (is_ordinary) return;
  LOG_WARN_EVERY(kWarnIntervalMs, "closing connection peer={} listener={} reason=\"{}\"",
                 info_.peer.to_string(), listener_.name, error.to_string());
}

Connection::Deadline Connection::deadline() const {
  const ConnectionOptions& options = shared_.options;
  if (write_progress_ns_ != 0) {
    return {write_progress_ns_ + options.write_stall_ms * kNsPerMs, "response without progress"};
  }
  if (current_ != nullptr || !in_flight_.empty() || is_waiting_for_memory_) return {kNever, ""};
  if (holds_memory() && shared_.budget.has_waiters()) {
    return {stall_mark_ns_ + options.frame_stall_ms * kNsPerMs, "stalled while others wait"};
  }
  if (options.idle_max_ms < 0) return {kNever, ""};
  return {last_active_ns_ + options.idle_max_ms * kNsPerMs, "idle"};
}

void Connection::arm_deadline(std::int64_t at_ns) {
  if (stream_->is_closed() || (timer_.armed() && timer_deadline_ns_ <= at_ns)) return;
  timer_deadline_ns_ = at_ns;
  loop_.timers().arm(
      timer_, at_ns, [](void* self) noexcept { static_cast<Connection*>(self)->on_deadline(); },
      this);
}

void Connection::on_deadline() noexcept {
  const std::int64_t now_ns = loop_.now_ns();
  Deadline due = deadline();
  if ((holds_memory() || holder_.is_slow()) && must_give_way(now_ns))
    due = {now_ns, "too slow while others wait"};
  if (due.at_ns <= now_ns) {
    if (holds_memory()) {
      LOG_WARN_EVERY(kWarnIntervalMs, "closing connection peer={} listener={} reason=\"{}\"",
                     info_.peer.to_string(), listener_.name, due.reason);
    }
    close(due.reason);
    return;
  }
  // A request under way, or memory that nobody wants yet: look again later.
  std::int64_t next_ns = due.at_ns;
  if (holds_memory()) next_ns = std::min(next_ns, now_ns + kRecheckNs);
  if (next_ns == kNever && shared_.options.idle_max_ms >= 0) {
    next_ns = now_ns + std::max(shared_.options.idle_max_ms * kNsPerMs, kRecheckNs);
  }
  if (next_ns != kNever) arm_deadline(next_ns);
}

}  // namespace network
