// Purpose: calls to a cluster: to any broker, to the controller, to a partition's leader, to a
// group's coordinator. Finds them by Metadata and FindCoordinator, keeps one connection per broker,
// and tries again within a deadline.
//
// Lives on one loop; several calls may run at once. `co_await close()` before it is destroyed,
// when no call is under way.
//
// A call takes a request, or a callable `Request(std::int16_t version)` for requests whose fields
// depend on the version. The version is the highest that both sides speak.
//
// What is tried again: no connection, a broken connection, a time-out, and answers that say "not
// the controller", "not the leader" or "not the coordinator, or not yet". A request whose
// outcome is unknown is sent again as well, as Kafka's admin client does: a second CreateTopics may
// find the topic it made itself. The error at the deadline is Errc::timed_out with the last reason
// as context.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/types.h"
#include "client/broker_connection.h"
#include "client/endpoint.h"
#include "client/response_errors.h"

namespace client {

struct ClusterClientOptions {
  std::vector<Endpoint> bootstrap;
  ConnectOptions connection;
  std::int64_t call_timeout_ms = 60'000;  // over all tries of one call
  std::int64_t retry_backoff_ms = 100;
};

class ClusterClient {
 public:
  ClusterClient(runtime::Loop& loop, runtime::WorkerPool& resolver, ClusterClientOptions options);
  ~ClusterClient();
  ClusterClient(const ClusterClient&) = delete;
  ClusterClient& operator=(const ClusterClient&) = delete;

  template <class Response, class MakeRequest>
  runtime::Task<base::Result<TypedReply<Response>>> call_any(MakeRequest make) {
    return call<Response>({.kind = Target::Kind::any}, std::move(make));
  }
  template <class Response, class MakeRequest>
  runtime::Task<base::Result<TypedReply<Response>>> call_broker(base::BrokerId id,
                                                                MakeRequest make) {
    return call<Response>({.kind = Target::Kind::broker, .broker = id}, std::move(make));
  }
  template <class Response, class MakeRequest>
  runtime::Task<base::Result<TypedReply<Response>>> call_controller(MakeRequest make) {
    return call<Response>({.kind = Target::Kind::controller}, std::move(make));
  }
  // Errc::not_found at once if the cluster does not know the partition.
  template <class Response, class MakeRequest>
  runtime::Task<base::Result<TypedReply<Response>>> call_leader(base::TopicPartition partition,
                                                                MakeRequest make) {
    return call<Response>({.kind = Target::Kind::leader, .partition = std::move(partition)},
                          std::move(make));
  }
  // To the coordinator of a consumer group. Errc::invalid_argument at once if the group's name or
  // the client's rights are refused.
  template <class Response, class MakeRequest>
  runtime::Task<base::Result<TypedReply<Response>>> call_coordinator(std::string group,
                                                                     MakeRequest make) {
    return call<Response>({.kind = Target::Kind::coordinator, .group = std::move(group)},
                          std::move(make));
  }
  // Asks anew each time, within the deadline of a call.
  runtime::Task<base::Result<base::BrokerId>> coordinator_of(std::string group);

  // The brokers as the last Metadata answer told; refresh() asks again.
  runtime::Task<base::Result<void>> refresh();
  const std::map<base::BrokerId, Endpoint>& brokers() const { return brokers_; }
  base::BrokerId controller_id() const { return controller_id_; }

  runtime::Task<void> close();

 private:
  struct Target {
    enum class Kind { any, broker, controller, leader, coordinator };
    Kind kind = Kind::any;
    base::BrokerId broker = {};
    base::TopicPartition partition = {};
    std::string group = {};
  };
  // What an answer says when it came from the wrong broker.
  template <class Response>
  static bool is_misdirected(const Target& target, const Response& response);

  template <class Response, class MakeRequest>
  runtime::Task<base::Result<TypedReply<Response>>> call(Target target, MakeRequest make);
  // One try: false in `done` means that another one makes sense.
  template <class Response, class MakeRequest>
  runtime::Task<base::Result<TypedReply<Response>>> attempt(BrokerConnection* connection,
                                                            MakeRequest make,
                                                            std::int64_t deadline_ms);

  // A connection that is open and knows the broker's versions; valid until the next suspension.
  runtime::Task<base::Result<BrokerConnection*>> connection_to(Target target);
  runtime::Task<base::Result<BrokerConnection*>> open(Endpoint endpoint);
  runtime::Task<base::Result<BrokerConnection*>> any_connection();
  runtime::Task<base::Result<base::BrokerId>> leader_of(base::TopicPartition partition);
  runtime::Task<base::Result<base::BrokerId>> find_coordinator(std::string group);
  runtime::Task<void> drop(Endpoint endpoint);

  runtime::Loop& loop_;
  runtime::WorkerPool& resolver_;
  const ClusterClientOptions options_;
  std::map<Endpoint, std::unique_ptr<BrokerConnection>> connections_;
  std::map<base::BrokerId, Endpoint> brokers_;
  base::BrokerId controller_id_ = base::kNoBroker;
  std::size_t next_bootstrap_ = 0;
};

namespace detail {

template <class MakeRequest>
auto make_request(MakeRequest& make, std::int16_t version) {
  if constexpr (requires { MakeRequest::kApiKey; }) {
    return make;
  } else {
    return make(version);
  }
}

template <class MakeRequest>
using RequestOf = decltype(make_request(std::declval<MakeRequest&>(), std::int16_t{0}));

inline bool is_worth_another_try(const base::Error& error) {
  return !error.is(base::Errc::cancelled) && !error.is(base::Errc::unsupported) &&
         !error.is(base::Errc::invalid_argument);
}

}  // namespace detail

template <class Response, class MakeRequest>
runtime::Task<base::Result<TypedReply<Response>>> ClusterClient::attempt(
    BrokerConnection* connection, MakeRequest make, std::int64_t deadline_ms) {
  using Request = detail::RequestOf<MakeRequest>;
  CO_TRY_ASSIGN(const std::int16_t version,
                connection->api_versions().template highest_common<Request>());
  Request request = detail::make_request(make, version);
  const std::int64_t timeout_ms = std::clamp<std::int64_t>(deadline_ms - loop_.now_ms(), 1,
                                                           options_.connection.request_timeout_ms);
  co_return co_await connection->template request<Response>(std::move(request), version,
                                                            timeout_ms);
}

template <class Response>
bool ClusterClient::is_misdirected(const Target& target, const Response& response) {
  switch (target.kind) {
    case Target::Kind::any: break;
    case Target::Kind::controller: return any_error_code(response, is_wrong_controller);
    case Target::Kind::leader: return any_error_code(response, is_wrong_leader);
    // A named broker is the right one, but as a coordinator it may still be loading its groups.
    case Target::Kind::broker:
    case Target::Kind::coordinator: return any_error_code(response, is_wrong_coordinator);
  }
  return false;
}

template <class Response, class MakeRequest>
runtime::Task<base::Result<TypedReply<Response>>> ClusterClient::call(Target target,
                                                                      MakeRequest make) {
  const std::int64_t deadline_ms = loop_.now_ms() + options_.call_timeout_ms;
  for (;;) {
    base::Error last(base::Errc::unavailable);
    auto connection = co_await connection_to(target);
    if (connection) {
      auto reply = co_await attempt<Response>(*connection, make, deadline_ms);
      if (reply) {
        const bool moved = is_misdirected(target, reply->value);
        // At the deadline the refusal itself is the most telling answer.
        if (!moved || loop_.now_ms() + options_.retry_backoff_ms >= deadline_ms) co_return reply;
        last = base::Error(base::Errc::unavailable, "the broker to ask has changed");
      } else {
        last = std::move(reply).error();
      }
    } else {
      last = std::move(connection).error();
      if (last.is(base::Errc::not_found) && target.kind == Target::Kind::leader) {
        co_return base::fail(std::move(last));
      }
    }
    if (!detail::is_worth_another_try(last)) co_return base::fail(std::move(last));
    if (loop_.now_ms() + options_.retry_backoff_ms >= deadline_ms) {
      co_return base::fail(base::Errc::timed_out, last.to_string());
    }
    CO_TRY(co_await runtime::sleep_ms(loop_, options_.retry_backoff_ms));
    if (target.kind != Target::Kind::any) (void)co_await refresh();
  }
}

}  // namespace client
