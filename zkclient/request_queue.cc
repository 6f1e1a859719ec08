#include "zkclient/request_queue.h"

#include <algorithm>
#include <limits>

namespace zkclient {

bool Request::is_repeatable() const {
  switch (op) {
    case OpCode::exists:
    case OpCode::get_data:
    case OpCode::get_children:
    case OpCode::get_children2:
    case OpCode::get_acl:
    case OpCode::sync:
    // Closed already: the reconnect says "expired", which is as good.
    case OpCode::close_session: return true;
    default: return false;
  }
}

std::string Request::describe() const {
  std::string text = name_of(op);
  if (!path.empty()) text += " " + path;
  return text;
}

void Request::answer(base::Result<base::Bytes> body) {
  if (completion == nullptr) return;
  auto once = std::exchange(completion, nullptr);
  once(std::move(body));
}

std::int32_t RequestQueue::next_xid() {
  last_xid_ = last_xid_ == std::numeric_limits<std::int32_t>::max() ? 1 : last_xid_ + 1;
  return last_xid_;
}

base::Buffer RequestQueue::send_next(std::uint64_t stream_position) {
  VERIFY(may_send());
  Request request = std::move(unsent_.front());
  unsent_.pop_front();
  request.xid = next_xid();
  request.stream_position = stream_position;
  set_xid(request.frame, request.xid);
  base::Buffer frame = request.frame;  // shared: kept here in case it has to be sent again
  in_flight_.push_back(std::move(request));
  return frame;
}

base::Result<Request> RequestQueue::take(std::int32_t xid) {
  if (in_flight_.empty() || in_flight_.front().xid != xid) {
    return base::fail(base::Errc::corrupt, "reply with xid " + std::to_string(xid));
  }
  Request request = std::move(in_flight_.front());
  in_flight_.pop_front();
  return request;
}

bool RequestQueue::awaits_list() const {
  if (in_flight_.empty()) return false;
  const OpCode op = in_flight_.front().op;
  return op == OpCode::get_children || op == OpCode::get_children2;
}

void RequestQueue::refuse_reply(const base::Error& error) {
  if (in_flight_.empty() || !in_flight_.front().is_repeatable()) return;
  Request& request = in_flight_.front();
  request.answer(base::fail(base::Error(error).with_context(request.describe())));
}

void RequestQueue::connection_lost(std::uint64_t written_bytes) {
  std::deque<Request> lost = std::exchange(in_flight_, {});
  std::deque<Request> again;
  for (Request& request : lost) {
    if (request.completion == nullptr) continue;
    if (request.is_repeatable() || request.stream_position >= written_bytes) {
      again.push_back(std::move(request));
    } else {
      request.answer(base::fail(ZkError::connection_loss, request.describe()));
    }
  }
  unsent_.insert(unsent_.begin(), std::make_move_iterator(again.begin()),
                 std::make_move_iterator(again.end()));
}

void RequestQueue::expire(std::int64_t now_ms) {
  for (Request& request : in_flight_) {
    if (request.deadline_ms > now_ms) continue;
    request.answer(base::fail(ZkError::operation_timeout, request.describe()));
  }
  std::deque<Request> expired;
  std::erase_if(unsent_, [&](Request& request) {
    if (request.deadline_ms > now_ms) return false;
    expired.push_back(std::move(request));
    return true;
  });
  for (Request& request : expired) {
    request.answer(base::fail(base::Errc::timed_out, request.describe()));
  }
}

std::optional<std::int64_t> RequestQueue::next_deadline_ms() const {
  std::optional<std::int64_t> earliest;
  for (const auto* queue : {&in_flight_, &unsent_}) {
    // Deadlines grow along the queue, except for those of close(), at the end.
    const auto first = std::find_if(queue->begin(), queue->end(),
                                    [](const Request& r) { return r.completion != nullptr; });
    if (first == queue->end()) continue;
    if (!earliest || first->deadline_ms < *earliest) earliest = first->deadline_ms;
  }
  return earliest;
}

void RequestQueue::finalize(const base::Error& unsent_error) {
  std::deque<Request> in_flight = std::exchange(in_flight_, {});
  std::deque<Request> unsent = std::exchange(unsent_, {});
  for (Request& request : in_flight) {
    request.answer(base::fail(ZkError::connection_loss, request.describe()));
  }
  for (Request& request : unsent) {
    base::Error error = unsent_error;
    request.answer(base::fail(std::move(error).with_context(request.describe())));
  }
}

}  // namespace zkclient
