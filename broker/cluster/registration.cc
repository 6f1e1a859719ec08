// The part of ZkSession that concerns /brokers/ids/N: the predecessor's node, our own, and the
// retries of both.
#include <fmt/format.h>

#include "base/log.h"
#include "broker/cluster/zk_session.h"
#include "broker/cluster/znode_acl.h"
#include "broker/cluster/znode_paths.h"
#include "runtime/file.h"
#include "runtime/workers.h"

namespace cluster {
namespace {

using zkclient::ZkError;

constexpr std::int64_t kSaveTimeoutMs = 2'000;
constexpr std::int64_t kPollMs = 250;
constexpr std::int64_t kCountdownMs = 5'000;
constexpr std::int64_t kRegisterRetryMs = 1'000;
constexpr int kAttemptsMax = 10;

RegisteredNode read_node(std::int32_t id, const zkclient::NodeData& node) {
  RegisteredNode registered;
  registered.owner_session = node.stat.ephemeral_owner;
  if (auto info = decode_broker_info(id, node.data.value_or(""))) {
    registered.info = std::move(*info);
  }
  return registered;
}

std::string describe(const RegisteredNode& node) {
  return fmt::format("{} (session {:#x})",
                     node.info ? endpoints_text(*node.info) : "unreadable data",
                     node.owner_session);
}

base::Error in_use_error(std::int32_t id, const RegisteredNode& node) {
  return base::Error(
      base::Errc::already_exists,
      fmt::format("broker.id={} is in use by another broker at {}; stop that broker or give this "
                  "one an id of its own",
                  id, describe(node)));
}

}  // namespace

runtime::Task<base::Result<void>> ZkSession::register_broker(BrokerInfo broker) {
  broker_ = std::move(broker);
  for (;;) {
    CO_TRY(co_await ensure_session());
    auto cleared = co_await clear_predecessor();
    if (!cleared) {
      if (!closed_ && session_ended()) continue;
      co_return base::fail(std::move(cleared).error());
    }
    co_await save_session();
    AttemptResult result = co_await attempt_registration();
    if (closed_) co_return base::fail(base::Errc::closed);
    if (result.attempt == Attempt::done) co_return base::Result<void>();
    if (result.attempt == Attempt::failed && !session_ended()) {
      co_return base::fail(std::move(result.error)
                               .with_context("cannot register below " +
                                             std::string(paths::kBrokerIds) + " in ZooKeeper"));
    }
    // Taken since we looked: judge the new owner. Or the session has ended: again in a new one.
  }
}

// Until /brokers/ids/N is free, or nothing is to be hoped for.
runtime::Task<base::Result<void>> ZkSession::clear_predecessor() {
  const std::int32_t id = broker_->id;
  const std::int64_t wait_ms = reclaim_wait_ms(options_.zookeeper.session_timeout_ms, stored_);
  const std::int64_t deadline_ms = loop_.now_ms() + wait_ms;
  std::int64_t next_line_ms = 0;
  bool tried_to_take_over = false;
  for (;;) {
    if (closed_) co_return base::fail(base::Errc::closed);
    auto read = co_await client_->get(paths::broker_id(id));
    if (!read) {
      if (read.error().is(ZkError::no_node)) co_return base::Result<void>();
      co_return base::fail(std::move(read).error());
    }
    if (read->stat.ephemeral_owner == client_->session_id()) co_return base::Result<void>();
    const RegisteredNode node = read_node(id, *read);
    const ReclaimAction action = decide_reclaim(node, *broker_, stored_, boot_id_);
    if (action == ReclaimAction::fail) co_return base::fail(in_use_error(id, node));
    if (action == ReclaimAction::take_over && !tried_to_take_over) {
      tried_to_take_over = true;
      co_await take_over_predecessor();
      continue;
    }
    const std::int64_t now_ms = loop_.now_ms();
    if (now_ms >= deadline_ms) {
      co_return base::fail(base::Errc::timed_out,
                           fmt::format("broker.id={} is still registered at {} after {} s; stop "
                                       "the process that keeps this session alive",
                                       id, describe(node), wait_ms / 1000));
    }
    if (now_ms >= next_line_ms) {
      next_line_ms = now_ms + kCountdownMs;
      LOG_WARN(
          "broker id={} is still registered by a former session={:#x}; waiting until it "
          "expires seconds_left_at_most={}",
          id, node.owner_session, (deadline_ms - now_ms + 999) / 1000);
    }
    CO_TRY(co_await runtime::sleep_ms(loop_, kPollMs, scope_.token()));
  }
}

// Our predecessor on this machine was killed: the directory locks are ours, so it is dead.
runtime::Task<void> ZkSession::take_over_predecessor() {
  const std::int64_t started_ms = loop_.now_ms();
  auto client = make_client(zkclient::SessionCredentials{stored_->session_id, stored_->password});
  connecting_ = client.get();
  const auto connected = co_await client->connect(options_.zookeeper.connection_timeout_ms);
  connecting_ = nullptr;
  if (!connected) {
    LOG_INFO("former zookeeper session={:#x} cannot be taken over reason=\"{}\"",
             stored_->session_id, connected.error().to_string());
    co_await discard(std::move(client));
    co_return;
  }
  co_await client->close();
  co_await discard(std::move(client));
  LOG_INFO("former zookeeper session={:#x} closed took_ms={}", stored_->session_id,
           loop_.now_ms() - started_ms);
}

// Before the ephemeral node exists, so that whoever finds the node finds the secret too.
runtime::Task<void> ZkSession::save_session() {
  const zkclient::SessionCredentials credentials = client_->credentials();
  StoredSession session;
  session.session_id = credentials.id;
  session.password = credentials.password;
  session.boot_id = boot_id_;
  session.endpoints = endpoints_text(*broker_);
  session.timeout_ms = client_->negotiated_timeout_ms();
  session.sequence = next_sequence_++;
  auto [sender, receiver] = runtime::one_shot<base::Result<void>>(loop_);
  disk_.submit([&files = files_, directories = options_.log_directories,
                session = std::move(session), done = std::move(sender)]() mutable {
    done.complete(save_stored_session(files, directories, session));
  });
  auto saved = co_await receiver.wait(kSaveTimeoutMs, scope_.token());
  const base::Error* error = nullptr;
  if (!saved) {
    error = &saved.error();
  } else if (!*saved) {
    error = &saved->error();
  }
  if (error != nullptr) {
    LOG_WARN(
        "cannot store the zookeeper session, so a restart after a crash would wait for its "
        "timeout reason=\"{}\"",
        error->to_string());
  }
}

void ZkSession::registered(std::int64_t broker_epoch) {
  registered_session_ = client_->session_id();
  broker_epoch_.store(broker_epoch, std::memory_order_release);
  LOG_INFO("broker registered id={} broker_epoch={} endpoints={}", broker_->id, broker_epoch,
           endpoints_text(*broker_));
}

// One registration, with the retries that the rules of CheckedEphemeral ask for.
runtime::Task<ZkSession::AttemptResult> ZkSession::attempt_registration() {
  AttemptResult result;
  for (int i = 0; i < kAttemptsMax; ++i) {
    if (closed_ || session_ended()) break;
    result = co_await try_to_register();
    if (result.attempt == Attempt::done) registered(result.broker_epoch);
    if (result.attempt != Attempt::again) co_return result;
  }
  result.attempt = Attempt::failed;
  co_return result;
}

runtime::Task<ZkSession::AttemptResult> ZkSession::try_to_register() {
  const std::string path = paths::broker_id(broker_->id);
  broker_->timestamp_ms = loop_.wall_ms();
  std::vector<zkclient::Op> ops;
  ops.push_back(
      zkclient::Op::create(path, std::nullopt, zkclient::CreateMode::ephemeral, znode_acl(path)));
  ops.push_back(zkclient::Op::set(path, encode_broker_info(*broker_, options_.protocol),
                                  zkclient::ZkVersion(0)));
  auto reply = co_await client_->multi(std::move(ops));

  AttemptResult result;
  if (!reply) {
    if (!zkclient::is_outcome_unknown(reply.error())) {
      result.error = std::move(reply).error();
      co_return result;
    }
    co_return co_await inspect_registration();
  }
  const auto failure = reply->first_error();
  if (!failure) {
    result.attempt = Attempt::done;
    result.broker_epoch = reply->results[1].stat.czxid;
    co_return result;
  }
  if (failure->error == ZkError::node_exists) co_return co_await inspect_registration();
  result.error = base::Error(failure->error, path);
  co_return result;
}

// The node is there, or may be: whose is it?
runtime::Task<ZkSession::AttemptResult> ZkSession::inspect_registration() {
  const std::string path = paths::broker_id(broker_->id);
  AttemptResult result;
  auto read = co_await client_->get(path);
  if (!read) {
    const bool gone = read.error().is(ZkError::no_node);
    result.attempt = gone ? Attempt::again : Attempt::failed;
    result.error = std::move(read).error();
    co_return result;
  }
  const std::int64_t owner = read->stat.ephemeral_owner;
  if (owner == client_->session_id()) {
    result.attempt = Attempt::done;  // applied before the connection was lost
    result.broker_epoch = read->stat.czxid;
  } else if (owner == registered_session_ && registered_session_ != 0) {
    // Of our own former session, which ZooKeeper has not yet swept away.
    static_cast<void>(co_await client_->remove(path, read->stat.version));
    result.attempt = Attempt::again;
  } else {
    result.attempt = Attempt::taken;
    result.owner = describe(read_node(broker_->id, *read));
  }
  co_return result;
}

// After an expiry: until it is done, or this session has ended too.
runtime::Task<void> ZkSession::register_again() {
  if (!broker_) co_return;
  co_await save_session();
  while (!closed_ && !session_ended()) {
    const AttemptResult result = co_await attempt_registration();
    if (result.attempt == Attempt::done) co_return;
    if (closed_ || session_ended()) co_return;
    if (result.attempt == Attempt::taken) {
      LOG_WARN("broker id={} is registered by another broker at {}; stop that broker; trying again",
               broker_->id, result.owner);
    } else {
      LOG_WARN("cannot register broker id={} reason=\"{}\"; trying again", broker_->id,
               result.error.to_string());
    }
    if (!co_await runtime::sleep_ms(loop_, kRegisterRetryMs, scope_.token())) co_return;
  }
}

runtime::Task<base::Result<void>> ZkSession::update_registration(BrokerInfo broker) {
  zkclient::Client* const current = client();
  if (current == nullptr) co_return base::fail(base::Errc::unavailable, "no ZooKeeper session");
  broker.timestamp_ms = loop_.wall_ms();
  broker_ = std::move(broker);
  auto written = co_await current->set(paths::broker_id(broker_->id),
                                       encode_broker_info(*broker_, options_.protocol));
  if (!written) co_return base::fail(std::move(written).error());
  co_return base::Result<void>();
}

}  // namespace cluster
