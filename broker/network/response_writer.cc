#include "broker/network/response_writer.h"

#include <utility>

#include "runtime/loop.h"
#include "runtime/stream_io.h"

namespace network {
namespace {

bool says_peer_is_gone(const base::Error& error) {
  return error.is(std::errc::connection_reset) || error.is(std::errc::broken_pipe);
}

struct IdleAtEnd {
  ResponseWriter::Phase& phase;
  ~IdleAtEnd() { phase = ResponseWriter::Phase::idle; }
};

}  // namespace

ResponseWriter::ResponseWriter(runtime::Stream& stream, ResponseOrder& order, Deadlines& deadlines)
    : stream_(stream), order_(order), deadlines_(deadlines), answered_(stream.loop()) {}

base::Result<std::size_t> ResponseWriter::try_write() {
  runtime::OutputList& output = order_.output();
  if (!is_peer_gone_) {
    auto sent = stream_.try_write(output);
    if (sent || !says_peer_is_gone(sent.error())) return sent;
    is_peer_gone_ = true;
  }
  output.consume(output.total_bytes());
  return 0;
}

base::Result<bool> ResponseWriter::write() {
  if (!order_.output().empty()) {  // else acks=0
    const auto sent = try_write();
    if (!sent && !sent.error().is(base::Errc::would_block)) return base::fail(sent.error());
    if (!order_.output().empty()) return false;
  }
  order_.note_sent();
  answered_.notify_all();
  return true;
}

void ResponseWriter::send_what_goes() noexcept {
  while (!order_.output().empty() && stream_.try_write(order_.output())) {
  }
}

runtime::Task<base::Result<void>> ResponseWriter::start(runtime::CancelToken token) {
  phase_ = Phase::begins;
  return run(token);
}

runtime::Task<base::Result<void>> ResponseWriter::run(runtime::CancelToken token) {
  const IdleAtEnd at_end{phase_};
  for (;;) {
    CO_TRY(order_.take_ready(stream_.loop().now_ns()));
    if (order_.has_taken()) {
      CO_TRY_ASSIGN(bool is_sent, write());
      if (is_sent) continue;
      phase_ = Phase::waits_for_socket;
      deadlines_.answer_waits();
      while (!is_sent) {
        CO_TRY(co_await runtime::writable(stream_, runtime::kNoTimeout, token));
        const std::size_t before = order_.output().total_bytes();
        CO_TRY_ASSIGN(is_sent, write());
        if (order_.output().total_bytes() < before) deadlines_.answer_moved();
      }
      deadlines_.answer_sent();
    } else if (runtime::Receiver<Response>* oldest = order_.awaited()) {
      phase_ = Phase::waits_for_response;
      auto response = co_await oldest->wait(runtime::kNoTimeout, token);
      if (!response) co_return base::fail(std::move(response).error());
      order_.oldest_came(std::move(*response));
    } else {
      co_return base::Result<void>();
    }
  }
}

}  // namespace network
