#include "broker/network/connection.h"

#include <utility>

#include "base/big_endian.h"
#include "base/log.h"
#include "protocol/api_key.h"
#include "runtime/loop_watch.h"
#include "runtime/stream_io.h"
#include "runtime/wait.h"

namespace network {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kWarnIntervalMs = 1000;
// What a header may take besides its bytes.
constexpr std::size_t kHeaderDecodedBytesMax = 64 * 1024;

}  // namespace

Connection::Connection(std::unique_ptr<runtime::Stream> stream, const ListenerContext& listener,
                       std::uint64_t id, const ConnectionShared& shared)
    : stream_(std::move(stream)),
      listener_(listener),
      shared_(shared),
      loop_(stream_->loop()),
      scope_(loop_, "connection", [this](const std::string& what) { fail_request(what); }),
      deadlines_(loop_, shared.options, *this),
      reader_(*stream_, shared, info_, deadlines_),
      order_(shared.options.in_flight_max),
      writer_(*stream_, order_, deadlines_) {
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
    if (connection_.writer_.is_idle()) connection_.writer_.send_what_goes();
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

void Connection::note_running() {
  const protocol::RequestHeader& header = order_.current()->header;
  const protocol::ApiInfo* api = protocol::find_api(header.api_key);
  runtime::note_running(api != nullptr ? api->name : "unknown API", info_.peer_host,
                        header.client_id.value_or(""));
}

runtime::Task<void> Connection::run() {
  deadlines_.start();
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
// together. Whether it is to pause is asked with the time of the last read, which costs no look at
// the clock: at worst pause() finds that the time is over.
runtime::Task<base::Result<void>> Connection::serve() {
  while (takes_requests()) {
    CO_TRY_ASSIGN(std::optional<RequestReader::Frame> frame, reader_.next());
    if (writer_.is_idle() && order_.has_taken() && !(frame && may_gather_for(*frame))) {
      CO_TRY_ASSIGN(const bool is_sent, writer_.write());
      if (!is_sent) CO_TRY(co_await send_gathered());
      if (!takes_requests()) break;
    }
    if (!frame) {
      if (order_.pause_ns(reader_.last_read_ns()) > 0) CO_TRY(co_await pause());
      if (reader_.needs_memory()) CO_TRY(co_await reader_.get_memory(scope_.token()));
      switch (reader_.prepare_read()) {
        case RequestReader::BeforeRead::wait_for_bytes:
          CO_TRY(co_await runtime::readable(*stream_, runtime::kNoTimeout, scope_.token()));
          break;
        case RequestReader::BeforeRead::give_turn: co_await runtime::yield(loop_); break;
        case RequestReader::BeforeRead::nothing: break;
      }
      CO_TRY(reader_.read());
      continue;
    }
    CO_TRY(begin(std::move(*frame)));
    if (!order_.may_start(reader_.last_read_ns())) {
      CO_TRY(co_await wait_for_turn());
      if (!takes_requests()) break;
    }
    note_running();
    Reply reply = co_await HandlerCall(*this, shared_.handler.handle(*order_.current()));
    order_.answered_with(std::move(reply), loop_.now_ns());
    if (order_.has_untaken()) start_writer();
  }
  if (phase_ == Phase::closed) co_return base::fail(base::Errc::closed);
  co_return co_await send_gathered();
}

// Whether responses may wait for that of this request.
bool Connection::may_gather_for(const RequestReader::Frame& frame) const {
  const base::Bytes bytes = frame.buffer.bytes().subspan(frame.offset);
  return bytes.size() >= sizeof(std::int16_t) &&
         order_.may_gather_for(base::load_be<std::int16_t>(bytes.data()));
}

base::Result<void> Connection::begin(RequestReader::Frame frame) {
  RequestContext& context = order_.begin();
  context.frame = std::move(frame.buffer);
  context.charge = std::move(frame.charge);
  context.budget = &shared_.budget;
  context.memory_use =
      context.charge.bytes() > 0 ? reader_.memory_use() : MemoryBudget::Use::client;
  context.listener = &listener_;
  context.connection = &info_;
  context.received_ns = reader_.last_read_ns();
  context.cancel = runtime::CancelToken(request_waits_);
  protocol::Reader reader(context.frame.bytes().subspan(frame.offset), kHeaderDecodedBytesMax);
  TRY_ASSIGN(context.header, protocol::RequestHeader::decode(reader));
  context.body_offset = frame.offset + reader.position();
  return {};
}

runtime::Task<base::Result<void>> Connection::wait_for_turn() {
  if (writer_.is_idle() && order_.has_taken()) CO_TRY(co_await send_gathered());
  while (takes_requests() && !order_.may_start(loop_.now_ns())) {
    if (order_.pause_ns(loop_.now_ns()) > 0) {
      CO_TRY(co_await pause());
    } else {
      CO_TRY(co_await writer_.next_answered(scope_.token()));
    }
  }
  co_return base::Result<void>();
}

runtime::Task<base::Result<void>> Connection::pause() {
  for (;;) {
    const std::int64_t left_ns = order_.pause_ns(loop_.now_ns());
    if (left_ns == 0) co_return base::Result<void>();
    CO_TRY(co_await runtime::sleep_ms(loop_, left_ns / kNsPerMs + 1, scope_.token()));
  }
}

// Until all that was begun is answered.
runtime::Task<base::Result<void>> Connection::send_gathered() {
  if (!order_.is_all_answered()) start_writer();
  while (!order_.is_all_answered()) CO_TRY(co_await writer_.next_answered(scope_.token()));
  co_return base::Result<void>();
}

void Connection::start_writer() {
  if (!writer_.is_idle()) return;
  scope_.spawn(watch_writer(writer_.start(scope_.token())));
}

runtime::Task<void> Connection::watch_writer(runtime::Task<base::Result<void>> writing) {
  const auto written = co_await writing;
  if (!written) {
    report_end(written.error());
    close("response not sent");
  } else if (order_.is_last_taken()) {
    close("closed after its response");
  } else if (phase_ == Phase::finishing && !order_.has_current()) {
    close("finished");  // the reader may be waiting for bytes, which nobody wants any more
  }
}

void Connection::finish() {
  if (phase_ != Phase::serving) return;
  phase_ = Phase::finishing;
  if (!order_.has_current() && order_.is_all_answered()) close("finished");
}

void Connection::close(const char* reason) {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  LOG_DEBUG("connection closed peer={} listener={} reason=\"{}\"", info_.peer.to_string(),
            listener_.name, reason);
  writer_.send_what_goes();  // answers to what was done, whatever came behind it
  stream_->close();
  stream_->set_hangup_callback(nullptr);
  request_waits_.cancel();
  scope_.cancel();
  deadlines_.stop();
}

void Connection::fail_request(const std::string& what) {
  const RequestContext* request = order_.current();
  LOG_ERROR("request failed, closing its connection peer={} listener={} api_key={} error=\"{}\"",
            info_.peer.to_string(), listener_.name,
            request != nullptr ? std::to_string(request->header.api_key) : "none", what);
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

Connection::Standing Connection::standing() const {
  using enum Deadlines::Owed;
  Standing standing{request, reader_.holds_memory(), reader_.frame_progress_ns()};
  if (writer_.phase() == ResponseWriter::Phase::waits_for_socket) {
    standing.owed = room_for_answer;
  } else if (order_.has_current() || !order_.is_all_answered() || reader_.is_waiting_for_memory()) {
    standing.owed = nothing;
  } else if (standing.holds_memory && shared_.budget.has_waiters()) {
    standing.owed = rest_of_frame;
  }
  return standing;
}

bool Connection::measure_frame(std::int64_t now_ns) {
  const bool is_reading = !order_.has_current() && order_.pause_ns(now_ns) == 0;
  return reader_.measure_frame(is_reading, now_ns);
}

void Connection::on_deadline_passed(const char* reason) {
  if (reader_.holds_memory()) {
    LOG_WARN_EVERY(kWarnIntervalMs, "closing connection peer={} listener={} reason=\"{}\"",
                   info_.peer.to_string(), listener_.name, reason);
  }
  close(reason);
}

}  // namespace network
