// Goal: every request is answered exactly once, with the error that tells whether it may have been
// applied.
#include "zkclient/request_queue.h"

#include <doctest/doctest.h>

#include <map>
#include <ostream>

namespace zkclient {
namespace {

using base::Errc;

struct Answers {
  std::map<std::string, std::error_code> codes;  // by path; no code: success

  Request request(OpCode op, std::string path, std::int64_t deadline_ms = 1'000) {
    Request request;
    request.op = op;
    request.path = path;
    request.frame =
        op == OpCode::set_data ? encode_set(path, "x", kAnyVersion) : encode_read(op, path, false);
    request.deadline_ms = deadline_ms;
    request.completion = [this, path](base::Result<base::Bytes> body) {
      CHECK(!codes.contains(path));
      codes[path] = body ? std::error_code() : body.error().code();
    };
    return request;
  }
};

std::int32_t xid_of(const base::Buffer& frame) {
  return base::load_be<std::int32_t>(frame.data() + kLengthBytes);
}

TEST_CASE("requests go out in order, at most so many at a time, and replies must match") {
  RequestQueue queue(2);
  Answers answers;
  for (const char* path : {"/1", "/2", "/3"}) queue.add(answers.request(OpCode::get_data, path));
  CHECK(xid_of(queue.send_next(0)) == 1);
  CHECK(xid_of(queue.send_next(50)) == 2);
  CHECK(!queue.may_send());
  CHECK(queue.take(2).error().is(Errc::corrupt));
  CHECK(queue.take(1).value().path == "/1");
  CHECK(queue.may_send());
  CHECK(xid_of(queue.send_next(100)) == 3);
  CHECK(queue.take(2).value().path == "/2");
  CHECK(queue.take(3).value().path == "/3");
  CHECK(queue.take(4).error().is(Errc::corrupt));
}

TEST_CASE("a lost connection: written writes are lost, reads and unwritten writes go again") {
  RequestQueue queue(10);
  Answers answers;
  queue.add(answers.request(OpCode::set_data, "/w1"));
  queue.add(answers.request(OpCode::get_data, "/r1"));
  queue.add(answers.request(OpCode::set_data, "/w2"));  // partly written: may have arrived
  queue.add(answers.request(OpCode::set_data, "/w3"));
  queue.add(answers.request(OpCode::get_data, "/r2"));
  queue.add(answers.request(OpCode::set_data, "/unsent"));
  std::uint64_t position = 0;
  for (int i = 0; i < 5; ++i) position += queue.send_next(position).size();
  const std::uint64_t w1 = encode_set("/w1", "x", kAnyVersion).size();
  const std::uint64_t r1 = encode_read(OpCode::get_data, "/r1", false).size();
  queue.connection_lost(w1 + r1 + 1);

  CHECK(answers.codes.size() == 2);
  CHECK(answers.codes["/w1"] == ZkError::connection_loss);
  CHECK(answers.codes["/w2"] == ZkError::connection_loss);
  std::vector<std::string> again;
  while (queue.may_send()) {
    const std::int32_t xid = xid_of(queue.send_next(0));
    again.push_back(queue.take(xid).value().path);
  }
  CHECK(again == std::vector<std::string>{"/r1", "/w3", "/r2", "/unsent"});
}

TEST_CASE("a deadline: not done if unsent, unknown if sent; the late reply finds its place") {
  RequestQueue queue(1);
  Answers answers;
  queue.add(answers.request(OpCode::set_data, "/sent", 100));
  queue.add(answers.request(OpCode::set_data, "/unsent", 200));
  queue.add(answers.request(OpCode::set_data, "/later", 300));
  const std::int32_t xid = xid_of(queue.send_next(0));
  CHECK(queue.next_deadline_ms() == 100);
  queue.expire(99);
  CHECK(answers.codes.empty());
  queue.expire(200);
  CHECK(answers.codes["/sent"] == ZkError::operation_timeout);
  CHECK(answers.codes["/unsent"] == Errc::timed_out);
  CHECK(answers.codes.size() == 2);
  CHECK(queue.next_deadline_ms() == 300);
  CHECK(!queue.may_send());
  Request late = queue.take(xid).value();
  late.answer(base::Bytes());  // nobody hears it
  CHECK(queue.may_send());
}

TEST_CASE("a timed out request is not sent again after a lost connection") {
  RequestQueue queue(10);
  Answers answers;
  queue.add(answers.request(OpCode::get_data, "/r", 100));
  queue.send_next(0);
  queue.expire(100);
  queue.connection_lost(1'000);
  CHECK(queue.unsent_count() == 0);
}

TEST_CASE("the end answers everything once") {
  RequestQueue queue(1);
  Answers answers;
  queue.add(answers.request(OpCode::get_data, "/sent"));
  queue.add(answers.request(OpCode::set_data, "/unsent"));
  queue.send_next(0);
  queue.finalize(base::Error(ZkError::session_expired));
  CHECK(answers.codes["/sent"] == ZkError::connection_loss);
  CHECK(answers.codes["/unsent"] == ZkError::session_expired);
  queue.finalize(base::Error(Errc::closed));
  CHECK(!queue.next_deadline_ms().has_value());
}

TEST_CASE("which errors leave the outcome open") {
  CHECK(is_outcome_unknown(base::Error(ZkError::connection_loss)));
  CHECK(is_outcome_unknown(base::Error(ZkError::operation_timeout)));
  CHECK(!is_outcome_unknown(base::Error(ZkError::session_expired)));
  CHECK(!is_outcome_unknown(base::Error(Errc::timed_out)));
  CHECK(!is_outcome_unknown(base::Error(ZkError::node_exists)));
}

}  // namespace
}  // namespace zkclient
