// Purpose: the order of a connection's requests and responses: which request may start, and which
// responses may leave. No I/O, no waiting.
//
// Responses leave in the order in which their requests came. A Produce request may start while
// earlier ones wait for their responses, up to in_flight_max of them; every other starts when all
// earlier ones are answered, which is to say sent. A response that closes the connection is the
// last: nothing starts behind it, and what started before and stands behind it is not answered.
//
// A request goes through: begin(); the caller waits until may_start(); its handler runs;
// answered_with(). A response that is there, with none before it that is not, joins `output`;
// others wait in flight and are taken by take_ready().
// Source: SocketServer.Processor (muting), KafkaChannel.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "broker/network/request.h"

namespace network {

// One loop; not thread-safe.
class ResponseOrder {
 public:
  explicit ResponseOrder(std::size_t in_flight_max) : in_flight_max_(in_flight_max) {}
  ResponseOrder(const ResponseOrder&) = delete;
  ResponseOrder& operator=(const ResponseOrder&) = delete;

  // Makes room for the next request; there is no current one. Filled by the caller.
  RequestContext& begin();
  // The request that waits for its turn or is being handled; null: none.
  RequestContext* current() { return current_ ? &current_->context : nullptr; }
  bool has_current() const { return current_ != nullptr; }
  // Whether the handler of the current request may run.
  bool may_start(std::int64_t now_ns) const;
  // Whether responses may be kept back for that of a request with this key, which is about to
  // start: it needs nothing that they answer, and will be answered at once or deferred.
  bool may_gather_for(std::int16_t api_key) const;
  // How long nothing starts and nothing is read, because a response said so; 0: not at all.
  std::int64_t pause_ns(std::int64_t now_ns) const;

  // What the handler of the current request made, which is current no more. It can be deferred
  // only if its key may be overtaken.
  void answered_with(Reply reply, std::int64_t now_ns);

  // Puts what is there, oldest first, into the output, until that is large enough to be sent. An
  // error if it is the oldest response that will never come, and all before it are sent.
  base::Result<void> take_ready(std::int64_t now_ns);
  // The response that all else waits for; null: none. Asked when nothing is taken. Who has waited
  // for it brings it back with oldest_came().
  runtime::Receiver<Response>* awaited();
  void oldest_came(Response response);

  // Sent from the front by the one writer, who says when all of it is.
  runtime::OutputList& output() { return output_; }
  void note_sent();

  // Nothing waits to be sent. A request without a response counts as answered.
  bool is_all_answered() const { return in_flight_.empty() && output_.empty(); }
  // The output is to be sent, or holds responses of no bytes, which are to be noted as sent.
  bool has_taken() const { return taken_ > 0 || !output_.empty(); }
  // Something is in flight that is not in the output: somebody has to wait for it.
  bool has_untaken() const { return taken_ < in_flight_.size(); }
  // A response closes the connection: nothing starts any more.
  bool is_ending() const { return ending_ != Ending::none; }
  // That response was taken; once the output is sent, so is the connection's end.
  bool is_last_taken() const { return ending_ == Ending::taken; }

 private:
  struct Exchange {
    RequestContext context;
    std::optional<runtime::Receiver<Response>> deferred;
    Response response;
  };
  enum class Ending { none, in_flight, taken };

  void take(Response response, std::int64_t now_ns);
  void retire(std::unique_ptr<Exchange> exchange);

  const std::size_t in_flight_max_;
  std::unique_ptr<Exchange> current_;
  // Oldest first. Those at the front, `taken_` of them, are in the output and not sent.
  std::vector<std::unique_ptr<Exchange>> in_flight_;
  std::size_t taken_ = 0;
  std::unique_ptr<Exchange> spare_;  // so that a request costs no allocation
  runtime::OutputList output_;
  Ending ending_ = Ending::none;
  std::int64_t pause_until_ns_ = 0;
};

}  // namespace network
