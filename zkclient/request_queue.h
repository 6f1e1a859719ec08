// Purpose: a session's requests, from the call to the answer: unsent, in flight, answered once.
//
// Plain code; time and the connection's progress come in as values. Completions are called from
// inside the methods; they must only hand the answer on.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "base/buffer.h"
#include "base/result.h"
#include "zkclient/messages.h"
#include "zkclient/watches.h"

namespace zkclient {

struct Request {
  // The body of the reply, if its error code was 0. The bytes are valid during the call only.
  using Completion = std::move_only_function<void(base::Result<base::Bytes> body)>;

  OpCode op = OpCode::ping;
  std::string path;  // the server's; for errors and the watch
  base::Buffer frame;
  bool watch = false;
  std::int64_t deadline_ms = 0;
  Completion completion;  // null: was answered with a timeout, only its reply is awaited

  // While in flight:
  std::int32_t xid = 0;
  std::uint64_t stream_position = 0;  // of the frame's first byte in the connection's output

  // Repeating it changes nothing, so it may be sent again when its reply was lost.
  bool is_repeatable() const;
  std::string describe() const;  // "get /a"
  void answer(base::Result<base::Bytes> body);
};

class RequestQueue {
 public:
  explicit RequestQueue(std::size_t max_in_flight) : max_in_flight_(max_in_flight) {}

  void add(Request request) { unsent_.push_back(std::move(request)); }

  bool may_send() const { return !unsent_.empty() && in_flight_.size() < max_in_flight_; }
  // Moves the next request into flight and returns its frame, to be written at `stream_position`.
  base::Buffer send_next(std::uint64_t stream_position);
  // The request that a reply belongs to. Replies come in the order of the requests: anything else
  // is Errc::corrupt.
  base::Result<Request> take(std::int32_t xid);

  // Whether the next reply is a list of children.
  bool awaits_list() const;
  // The next reply can't be read, and would not be when asked for again: its request, if
  // repeatable, ends with `error`. The connection is to be given up.
  void refuse_reply(const base::Error& error);

  // The connection broke after `written_bytes` of its output. What was not written stays unsent,
  // what is repeatable becomes unsent again, in the old order; the rest gets connection_loss.
  void connection_lost(std::uint64_t written_bytes);
  // Answers what is past its deadline: Errc::timed_out if unsent, operation_timeout otherwise.
  void expire(std::int64_t now_ms);
  // The earliest deadline of an unanswered request.
  std::optional<std::int64_t> next_deadline_ms() const;
  // The end: answers everything, unsent requests with `unsent_error`, those in flight with
  // connection_loss.
  void finalize(const base::Error& unsent_error);

  std::size_t unsent_count() const { return unsent_.size(); }
  std::size_t in_flight_count() const { return in_flight_.size(); }

 private:
  std::int32_t next_xid();

  const std::size_t max_in_flight_;
  std::int32_t last_xid_ = 0;
  std::deque<Request> unsent_;
  std::deque<Request> in_flight_;
};

}  // namespace zkclient
