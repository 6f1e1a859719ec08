// Purpose: a RequestHandler whose requests say in their body what shall happen to them.
//
//   "deferred"        Produce only: the test completes senders[correlation id]
//   "no response"     as Produce with acks=0
//   "throttle <ms>"   "close"   "throw"   "size <bytes>"   "sleep <ms>"
//   anything else     is echoed at once
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "broker/network/request.h"
#include "runtime/loop.h"
#include "test/unit/broker/network/frames.h"

namespace network_test {

class FakeHandler final : public network::RequestHandler {
 public:
  static network::Response response_of(std::int32_t correlation_id, std::string_view body = "") {
    network::Response answer;
    answer.output.add(buffer_of(response(correlation_id, body)));
    return answer;
  }

  runtime::Task<network::Reply> handle(network::RequestContext& context) override {
    const std::int32_t id = context.header.correlation_id;
    const std::string body(base::as_text(context.body()));
    started.push_back(id);
    const auto number_after = [&body](std::string_view word) {
      return body.starts_with(word) ? std::stoll(body.substr(word.size())) : -1;
    };
    network::Reply reply{response_of(id, body), std::nullopt};
    if (body == "deferred") {
      auto [sender, receiver] = runtime::one_shot<network::Response>(*runtime::Loop::current());
      senders[id] = std::move(sender);
      reply.deferred = std::move(receiver);
    } else if (body == "no response") {
      reply.response = {};
    } else if (body == "close") {
      reply.response.close_connection = true;
    } else if (body == "throw") {
      throw std::runtime_error("a bug");
    } else if (const auto ms = number_after("throttle "); ms >= 0) {
      reply.response.throttle_ms = ms;
    } else if (const auto size = number_after("size "); size >= 0) {
      reply.response = response_of(id, std::string(static_cast<std::size_t>(size), 'x'));
    } else if (const auto sleep = number_after("sleep "); sleep >= 0) {
      const auto slept =
          co_await runtime::sleep_ms(*runtime::Loop::current(), sleep, context.cancel);
      cancelled += slept ? 0 : 1;
    }
    co_return std::move(reply);
  }

  std::vector<std::int32_t> started;  // correlation ids in the order of handling
  std::map<std::int32_t, runtime::Sender<network::Response>> senders;
  int cancelled = 0;
};

}  // namespace network_test
