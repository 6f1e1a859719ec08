#include "test/sim/zookeeper/model_server.h"

#include <algorithm>

#include "test/sim/zookeeper/server_connection.h"

namespace zookeeper_model {

using runtime::Task;

Ensemble::Ensemble(runtime::Loop& loop, std::int32_t min_timeout_ms, std::int32_t max_timeout_ms)
    : loop_(loop),
      min_timeout_ms_(min_timeout_ms),
      max_timeout_ms_(max_timeout_ms),
      tree_([this](const WatchEvent& event) { on_change(event); }),
      scope_(loop, "model ensemble") {
  scope_.spawn(expire_silent_sessions());
}

Ensemble::~Ensemble() = default;

Task<void> Ensemble::stop() {
  scope_.cancel();
  co_await scope_.join();
}

Task<void> Ensemble::expire_silent_sessions() {
  constexpr std::int64_t kTickMs = 100;
  for (;;) {
    const auto slept = co_await runtime::sleep_ms(loop_, kTickMs, scope_.token());
    if (!slept) co_return;
    std::vector<std::int64_t> silent;
    for (const auto& [id, session] : sessions_) {
      if (loop_.now_ms() - session.last_heard_ms > session.timeout_ms) silent.push_back(id);
    }
    for (const std::int64_t id : silent) expire_session(id);
  }
}

void Ensemble::expire_session(std::int64_t id) { close_session(id); }

void Ensemble::close_session(std::int64_t session_id) {
  const auto found = sessions_.find(session_id);
  if (found == sessions_.end()) return;
  ServerConnection* connection = found->second.connection;
  sessions_.erase(found);
  tree_.remove_ephemerals_of(session_id);
  if (connection != nullptr) connection->close();
}

zkclient::ConnectResponse Ensemble::connect(const zkclient::ConnectRequest& request,
                                            ServerConnection& connection) {
  zkclient::ConnectResponse response;
  response.session.password = std::string(16, '\0');
  std::int64_t id = request.session.id;
  if (id == 0) {
    id = ++last_session_id_;
    Session session;
    session.password.resize(16);
    loop_.random().fill(std::as_writable_bytes(std::span(session.password)));
    sessions_.emplace(id, std::move(session));
    tree_.next_zxid();
  }
  const auto found = sessions_.find(id);
  const bool ours = found != sessions_.end() &&
                    (request.session.id == 0 || found->second.password == request.session.password);
  if (!ours) return response;
  Session& session = found->second;
  if (session.connection != nullptr) session.connection->close();
  session.connection = &connection;
  session.timeout_ms = std::clamp(request.timeout_ms, min_timeout_ms_, max_timeout_ms_);
  session.last_heard_ms = loop_.now_ms();
  response.timeout_ms = session.timeout_ms;
  response.session = {id, session.password};
  return response;
}

void Ensemble::heard(std::int64_t session_id) {
  const auto found = sessions_.find(session_id);
  if (found != sessions_.end()) found->second.last_heard_ms = loop_.now_ms();
}

void Ensemble::on_change(const WatchEvent& event) {
  for (ServerConnection* connection : connections_) connection->on_change(event);
}

Server::Server(Ensemble& ensemble, runtime::SocketAddress at)
    : ensemble_(ensemble), thawed_(ensemble.loop_), scope_(ensemble.loop_, "model server") {
  auto listener = ensemble.loop_.listen(at, {});
  VERIFY(listener.has_value(), "a model server can't listen");
  listener_ = *std::move(listener);
  scope_.spawn(accept());
}

Server::~Server() = default;

Task<void> Server::stop() {
  listener_->close();
  scope_.cancel();
  drop_connections();
  thaw();
  co_await scope_.join();
}

void Server::freeze() { frozen = true; }

void Server::thaw() {
  frozen = false;
  thawed_.notify_all();
}

void Server::drop_connections() {
  for (ServerConnection* connection : connections_) connection->close();
}

Task<void> Server::accept() {
  for (;;) {
    auto accepted = co_await listener_->accept();
    if (!accepted) co_return;
    auto stream = ensemble_.loop_.adopt(*std::move(accepted));
    if (stream) scope_.spawn(serve(*std::move(stream)));
  }
}

Task<void> Server::serve(std::unique_ptr<runtime::Stream> stream) {
  ServerConnection connection(*this, std::move(stream));
  co_await connection.serve(scope_.token());
}

}  // namespace zookeeper_model
