#include "test/sim/zookeeper/server_connection.h"

namespace zookeeper_model {

using base::Errc;
using base::Result;
using runtime::CancelToken;
using runtime::Task;
using zkclient::JuteReader;
using zkclient::JuteWriter;
using zkclient::OpCode;

namespace {

constexpr std::size_t kMaxRequestBytes = 1 << 20;

void put_stat(JuteWriter& writer, const Stat& stat) {
  for (const std::int64_t value : {stat.czxid, stat.mzxid, stat.ctime_ms, stat.mtime_ms}) {
    writer.put_long(value);
  }
  for (const std::int32_t value : {stat.version.value(), stat.cversion, stat.aversion}) {
    writer.put_int(value);
  }
  writer.put_long(stat.ephemeral_owner);
  writer.put_int(stat.data_length);
  writer.put_int(stat.num_children);
  writer.put_long(stat.pzxid);
}

base::Buffer with_length(JuteWriter content) {
  const base::Buffer bytes = std::move(content).take();
  JuteWriter frame(4 + bytes.size());
  frame.put_string(base::as_text(bytes.bytes()));
  return std::move(frame).take();
}

Result<Op> read_op(OpCode code, JuteReader& body) {
  Op op;
  op.kind = static_cast<Op::Kind>(code);
  TRY_ASSIGN(op.path, body.get_string());
  switch (code) {
    case OpCode::create: {
      TRY_ASSIGN(op.data, body.get_data());
      TRY_ASSIGN(op.acl, body.get_acl());
      TRY_ASSIGN(const std::int32_t flags, body.get_int());
      op.mode = static_cast<CreateMode>(flags);
      return op;
    }
    case OpCode::set_data: {
      TRY_ASSIGN(op.data, body.get_data());
      break;
    }
    case OpCode::remove:
    case OpCode::check: break;
    default: return base::fail(Errc::corrupt, "operation of a multi");
  }
  TRY_ASSIGN(const std::int32_t version, body.get_int());
  op.version = zkclient::ZkVersion(version);
  return op;
}

void put_result(JuteWriter& writer, const Op& op, const OpResult& result) {
  if (op.kind == Op::Kind::create) writer.put_string(result.path);
  if (op.kind == Op::Kind::set) put_stat(writer, result.stat);
}

}  // namespace

ServerConnection::ServerConnection(Server& server, std::unique_ptr<runtime::Stream> stream)
    : server_(server),
      ensemble_(server.ensemble_),
      connection_(std::move(stream), kMaxRequestBytes),
      output_added_(ensemble_.loop_) {
  server_.connections_.insert(this);
  ensemble_.connections_.insert(this);
}

ServerConnection::~ServerConnection() {
  server_.connections_.erase(this);
  ensemble_.connections_.erase(this);
  const auto session = ensemble_.sessions_.find(session_id_);
  if (session != ensemble_.sessions_.end() && session->second.connection == this) {
    session->second.connection = nullptr;
  }
}

Task<void> ServerConnection::serve(CancelToken token) {
  runtime::TaskScope writing(ensemble_.loop_, "model server output");
  writing.spawn(write_output(writing.token()));
  const auto open = co_await handshake(token);
  if (open) (void)co_await serve_requests(token);
  // What was queued before the end, such as the answer to a closing session, still goes out.
  if (!connection_.is_closed()) (void)connection_.try_flush();
  connection_.close();
  writing.cancel();
  co_await writing.join();
}

Task<Result<void>> ServerConnection::handshake(CancelToken token) {
  constexpr std::int64_t kForeverMs = 1'000'000'000;
  CO_TRY_ASSIGN(const base::Bytes frame, co_await connection_.read_frame(kForeverMs, token));
  JuteReader reader(frame);
  zkclient::ConnectRequest request;
  CO_TRY(reader.get_int());
  CO_TRY_ASSIGN(request.last_zxid_seen, reader.get_long());
  CO_TRY_ASSIGN(request.timeout_ms, reader.get_int());
  CO_TRY_ASSIGN(request.session.id, reader.get_long());
  CO_TRY_ASSIGN(request.session.password, reader.get_string());
  server_.connects.push_back(request);
  while (server_.frozen) {
    CO_TRY(co_await server_.thawed_.wait(runtime::kNoTimeout, token));
  }
  if (server_.behind || connection_.is_closed()) co_return base::fail(Errc::closed);

  const zkclient::ConnectResponse response = ensemble_.connect(request, *this);
  JuteWriter writer;
  writer.put_int(0);
  writer.put_int(response.timeout_ms);
  writer.put_long(response.session.id);
  writer.put_string(response.session.password);
  writer.put_bool(false);
  connection_.queue(with_length(std::move(writer)));
  output_added_.notify_all();
  if (response.timeout_ms == 0) co_return base::fail(Errc::closed);
  session_id_ = response.session.id;
  co_return Result<void>();
}

Task<Result<void>> ServerConnection::serve_requests(CancelToken token) {
  constexpr std::int64_t kForeverMs = 1'000'000'000;
  for (;;) {
    CO_TRY_ASSIGN(const base::Bytes frame, co_await connection_.read_frame(kForeverMs, token));
    while (server_.frozen) {
      CO_TRY(co_await server_.thawed_.wait(runtime::kNoTimeout, token));
    }
    if (!ensemble_.has_session(session_id_)) co_return base::fail(Errc::closed);
    ensemble_.heard(session_id_);
    CO_TRY(handle(frame));
  }
}

Task<void> ServerConnection::write_output(CancelToken token) {
  while (!token.cancelled() && !connection_.is_closed()) {
    const auto flushed = connection_.try_flush();
    if (!flushed) {
      connection_.close();
    } else if (*flushed) {
      (void)co_await output_added_.wait(runtime::kNoTimeout, token);
    } else {
      (void)co_await connection_.writable(token);
    }
  }
}

void ServerConnection::reply(std::int32_t xid, ZkError error, base::Bytes body) {
  if (server_.next_reply) {
    connection_.queue(base::Buffer::copy_of(base::as_bytes(*server_.next_reply)));
    server_.next_reply.reset();
  } else {
    JuteWriter writer;
    writer.put_int(static_cast<std::int32_t>(16 + body.size()));
    writer.put_int(xid);
    writer.put_long(xid == zkclient::kNotificationXid ? -1 : ensemble_.tree_.last_zxid());
    writer.put_int(static_cast<std::int32_t>(error));
    base::Buffer frame = std::move(writer).take();
    frame.append(body);
    connection_.queue(std::move(frame));
  }
  output_added_.notify_all();
}

Result<void> ServerConnection::handle(base::Bytes frame) {
  JuteReader reader(frame);
  TRY_ASSIGN(const std::int32_t xid, reader.get_int());
  TRY_ASSIGN(const std::int32_t code, reader.get_int());
  const auto op = static_cast<OpCode>(code);
  std::string path;
  if (op != OpCode::multi && xid > 0) path = JuteReader(reader).get_string().value_or("");
  server_.seen.push_back({xid, op, path});
  switch (op) {
    case OpCode::ping:
    case OpCode::auth: reply(xid, ZkError::ok); return {};
    case OpCode::set_watches: return handle_set_watches(reader);
    case OpCode::close_session: {
      reply(xid, ZkError::ok);
      (void)connection_.try_flush();
      ensemble_.close_session(session_id_);
      return base::fail(Errc::closed);
    }
    case OpCode::multi: return handle_multi(xid, reader);
    case OpCode::create:
    case OpCode::remove:
    case OpCode::set_data:
    case OpCode::set_acl: return handle_write(op, xid, reader);
    case OpCode::exists:
    case OpCode::get_data:
    case OpCode::get_acl:
    case OpCode::get_children:
    case OpCode::get_children2:
    case OpCode::sync: return handle_read(op, xid, reader);
    default: break;
  }
  reply(xid, ZkError::unimplemented);
  return base::fail(Errc::unsupported);
}

Result<void> ServerConnection::handle_read(OpCode op, std::int32_t xid, JuteReader body) {
  TRY_ASSIGN(const std::string path, body.get_string());
  const bool watch = op != OpCode::get_acl && op != OpCode::sync && body.get_bool().value_or(false);
  const Znode* znode = ensemble_.tree_.find(path);
  if (watch && (znode != nullptr || op == OpCode::exists)) {
    const bool of_data = op == OpCode::exists || op == OpCode::get_data;
    (of_data ? data_watches_ : child_watches_).insert(path);
  }
  if (op == OpCode::sync) {
    JuteWriter writer;
    writer.put_string(path);
    const base::Buffer echoed = std::move(writer).take();
    reply(xid, ZkError::ok, echoed.bytes());
    return {};
  }
  if (znode == nullptr) {
    reply(xid, ZkError::no_node);
    return {};
  }
  JuteWriter writer;
  if (op == OpCode::get_data) writer.put_data(znode->data);
  if (op == OpCode::get_acl) writer.put_acl(znode->acl);
  if (op == OpCode::get_children || op == OpCode::get_children2) {
    writer.put_int(static_cast<std::int32_t>(znode->children.size()));
    for (const std::string& name : znode->children) writer.put_string(name);
  }
  if (op != OpCode::get_children) put_stat(writer, znode->stat());
  const base::Buffer content = std::move(writer).take();
  reply(xid, ZkError::ok, content.bytes());
  return {};
}

Result<void> ServerConnection::lose_reply_if_asked() {
  if (!server_.writes_until_lost_reply || --*server_.writes_until_lost_reply > 0) return {};
  server_.writes_until_lost_reply.reset();
  return base::fail(Errc::closed);
}

Result<void> ServerConnection::handle_write(OpCode op, std::int32_t xid, JuteReader body) {
  JuteWriter writer;
  ZkError error = ZkError::ok;
  if (op == OpCode::set_acl) {
    TRY_ASSIGN(const std::string path, body.get_string());
    TRY_ASSIGN(AclList acl, body.get_acl());
    TRY_ASSIGN(const std::int32_t version, body.get_int());
    Stat stat;
    error = ensemble_.tree_.set_acl(path, std::move(acl), version, stat);
    put_stat(writer, stat);
  } else {
    TRY_ASSIGN(Op one, read_op(op, body));
    const auto results = ensemble_.tree_.apply({one}, {session_id_, ensemble_.loop_.wall_ms()});
    error = results[0].error;
    put_result(writer, one, results[0]);
  }
  TRY(lose_reply_if_asked());
  const base::Buffer content = std::move(writer).take();
  reply(xid, error, error == ZkError::ok ? content.bytes() : base::Bytes());
  return {};
}

Result<void> ServerConnection::handle_multi(std::int32_t xid, JuteReader body) {
  std::vector<Op> ops;
  for (;;) {
    TRY_ASSIGN(const std::int32_t type, body.get_int());
    TRY_ASSIGN(const bool done, body.get_bool());
    TRY(body.get_int());
    if (done) break;
    TRY_ASSIGN(Op op, read_op(static_cast<OpCode>(type), body));
    ops.push_back(std::move(op));
  }
  const auto results = ensemble_.tree_.apply(ops, {session_id_, ensemble_.loop_.wall_ms()});
  bool failed = false;
  for (const OpResult& result : results) failed = failed || result.error != ZkError::ok;
  TRY(lose_reply_if_asked());
  JuteWriter writer;
  const auto put_header = [&writer](std::int32_t type, bool done, std::int32_t error) {
    writer.put_int(type);
    writer.put_bool(done);
    writer.put_int(error);
  };
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const auto error = static_cast<std::int32_t>(results[i].error);
    put_header(failed ? -1 : static_cast<std::int32_t>(ops[i].kind), false, error);
    if (failed) {
      writer.put_int(error);
    } else {
      put_result(writer, ops[i], results[i]);
    }
  }
  put_header(-1, true, -1);
  const base::Buffer content = std::move(writer).take();
  reply(xid, ZkError::ok, content.bytes());
  return {};
}

// What changed since the client's last zxid fires at once (DataTree.setWatches).
Result<void> ServerConnection::handle_set_watches(JuteReader body) {
  TRY_ASSIGN(const std::int64_t since, body.get_long());
  TRY_ASSIGN(const auto data, body.get_strings());
  TRY_ASSIGN(const auto exist, body.get_strings());
  TRY_ASSIGN(const auto children, body.get_strings());
  const ModelTree& tree = ensemble_.tree_;
  for (const std::string& path : data) {
    const Znode* znode = tree.find(path);
    if (znode == nullptr) {
      send_event(WatchEvent::Type::deleted, path);
    } else if (znode->mzxid > since) {
      send_event(WatchEvent::Type::data_changed, path);
    } else {
      data_watches_.insert(path);
    }
  }
  for (const std::string& path : exist) {
    if (tree.find(path) != nullptr) {
      send_event(WatchEvent::Type::created, path);
    } else {
      data_watches_.insert(path);
    }
  }
  for (const std::string& path : children) {
    const Znode* znode = tree.find(path);
    if (znode == nullptr) {
      send_event(WatchEvent::Type::deleted, path);
    } else if (znode->pzxid > since) {
      send_event(WatchEvent::Type::children_changed, path);
    } else {
      child_watches_.insert(path);
    }
  }
  reply(zkclient::kSetWatchesXid, ZkError::ok);
  return {};
}

void ServerConnection::on_change(const WatchEvent& event) {
  bool fires = false;
  if (event.type != WatchEvent::Type::children_changed) fires = data_watches_.erase(event.path) > 0;
  if (event.type == WatchEvent::Type::children_changed || event.type == WatchEvent::Type::deleted) {
    fires = child_watches_.erase(event.path) > 0 || fires;
  }
  if (fires) send_event(event.type, event.path);
}

void ServerConnection::send_event(WatchEvent::Type type, const std::string& path) {
  constexpr std::int32_t kSyncConnected = 3;
  JuteWriter writer;
  writer.put_int(static_cast<std::int32_t>(type));
  writer.put_int(kSyncConnected);
  writer.put_string(path);
  const base::Buffer content = std::move(writer).take();
  reply(zkclient::kNotificationXid, ZkError::ok, content.bytes());
}

}  // namespace zookeeper_model
