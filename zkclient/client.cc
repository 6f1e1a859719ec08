#include "zkclient/client.h"

#include "zkclient/session.h"

namespace zkclient {
namespace {

using base::Bytes;
using base::Result;
using runtime::Task;

template <class T>
Task<Result<T>> await_reply(runtime::Receiver<Result<T>> receiver) {
  auto reply = co_await receiver.wait();
  if (!reply) co_return base::fail(std::move(reply).error());
  co_return *std::move(reply);
}

// Queues a request now; the task only waits for its reply. `decode` makes a Result<T> of the
// reply's body or error.
template <class T, class Decode>
Task<Result<T>> call(Session& session, Request request, Decode decode) {
  auto [sender, receiver] = runtime::one_shot<Result<T>>(session.loop());
  request.completion = [sender = std::move(sender),
                        decode = std::move(decode)](Result<Bytes> body) mutable {
    sender.complete(decode(std::move(body)));
  };
  session.submit(std::move(request));
  return await_reply<T>(std::move(receiver));
}

template <class T>
Task<Result<T>> refuse(base::Error error) {
  co_return base::fail(std::move(error));
}

// For replies where any error is an error: `read` takes a JuteReader.
template <class Read>
auto on_success(Read read) {
  using R = decltype(read(std::declval<JuteReader&>()));
  return [read](Result<Bytes> body) -> R {
    if (!body) return base::fail(std::move(body).error());
    JuteReader reader(*body);
    return read(reader);
  };
}

Request make_request(OpCode op, std::string path, base::Buffer frame, bool watch = false) {
  Request request;
  request.op = op;
  request.path = std::move(path);
  request.frame = std::move(frame);
  request.watch = watch;
  return request;
}

Request make_read(OpCode op, const Session& session, const std::string& path, bool watch) {
  std::string full = session.chroot().add(path);
  base::Buffer frame = encode_read(op, full, watch);
  return make_request(op, std::move(full), std::move(frame), watch);
}

Result<void> read_nothing(JuteReader&) { return {}; }
Result<Stat> read_stat(JuteReader& reader) { return reader.get_stat(); }

Result<NodeData> read_node_data(JuteReader& reader) {
  NodeData node;
  TRY_ASSIGN(node.data, reader.get_data());
  TRY_ASSIGN(node.stat, reader.get_stat());
  return node;
}

Result<std::vector<std::string>> read_strings(JuteReader& reader) { return reader.get_strings(); }

Result<Children> read_children(JuteReader& reader) {
  Children children;
  TRY_ASSIGN(children.names, reader.get_strings());
  TRY_ASSIGN(children.stat, reader.get_stat());
  return children;
}

Result<AclData> read_acl(JuteReader& reader) {
  AclData data;
  TRY_ASSIGN(data.acl, reader.get_acl());
  TRY_ASSIGN(data.stat, reader.get_stat());
  return data;
}

// A path that the server made for us.
Result<std::string> strip_chroot(const Chroot& chroot, const std::string& path) {
  auto stripped = chroot.strip(path);
  if (!stripped) return base::fail(base::Errc::corrupt, "path outside the chroot: " + path);
  return *std::move(stripped);
}

bool is_sequential(CreateMode mode) {
  return mode == CreateMode::persistent_sequential || mode == CreateMode::ephemeral_sequential;
}

template <class T>
Client::Replies<T> gather(std::vector<Client::Reply<T>> calls) {
  std::vector<Result<T>> results;
  results.reserve(calls.size());
  for (auto& one : calls) results.push_back(co_await one);
  co_return results;
}

}  // namespace

Client::Client(runtime::Loop& loop, runtime::WorkerPool& resolver, ClientOptions options)
    : session_(std::make_unique<Session>(loop, resolver, std::move(options))) {}
Client::~Client() = default;

Task<Result<void>> Client::connect(std::int64_t timeout_ms) {
  return session_->connect(timeout_ms);
}
Task<bool> Client::close() { return session_->close(); }
Task<void> Client::abandon() { return session_->abandon(); }

SessionState Client::state() const { return session_->state(); }
std::int64_t Client::session_id() const { return session_->credentials().id; }
SessionCredentials Client::credentials() const { return session_->credentials(); }
std::int32_t Client::negotiated_timeout_ms() const { return session_->negotiated_timeout_ms(); }
std::int64_t Client::last_contact_ms() const { return session_->last_contact_ms(); }
std::string Client::server() const { return session_->server(); }
const std::string& Client::chroot() const { return session_->chroot().prefix(); }

void Client::set_watch_handler(std::function<void(const WatchEvent&)> handler) {
  session_->watch_handler = std::move(handler);
}
void Client::set_session_handler(std::function<void(SessionState)> handler) {
  session_->session_handler = std::move(handler);
}

Client::Reply<std::string> Client::create(std::string path, Data data, CreateMode mode,
                                          AclList acl) {
  if (auto valid = validate_path(path, is_sequential(mode)); !valid) {
    return refuse<std::string>(std::move(valid).error());
  }
  std::string full = session_->chroot().add(path);
  base::Buffer frame = encode_create(full, data, mode, acl);
  const auto read = [chroot = session_->chroot()](JuteReader& reader) -> Result<std::string> {
    TRY_ASSIGN(const std::string made, reader.get_string());
    return strip_chroot(chroot, made);
  };
  return call<std::string>(
      *session_, make_request(OpCode::create, std::move(full), std::move(frame)), on_success(read));
}

Client::Reply<void> Client::remove(std::string path, ZkVersion version) {
  if (auto valid = validate_path(path); !valid) return refuse<void>(std::move(valid).error());
  std::string full = session_->chroot().add(path);
  base::Buffer frame = encode_remove(full, version);
  return call<void>(*session_, make_request(OpCode::remove, std::move(full), std::move(frame)),
                    on_success(read_nothing));
}

Client::Reply<std::optional<Stat>> Client::exists(std::string path, bool watch) {
  using Found = std::optional<Stat>;
  if (auto valid = validate_path(path); !valid) return refuse<Found>(std::move(valid).error());
  const auto decode = [](Result<Bytes> body) -> Result<Found> {
    if (!body && body.error().is(ZkError::no_node)) return Found();
    if (!body) return base::fail(std::move(body).error());
    TRY_ASSIGN(const Stat stat, JuteReader(*body).get_stat());
    return Found(stat);
  };
  return call<Found>(*session_, make_read(OpCode::exists, *session_, path, watch), decode);
}

Client::Reply<NodeData> Client::get(std::string path, bool watch) {
  if (auto valid = validate_path(path); !valid) return refuse<NodeData>(std::move(valid).error());
  return call<NodeData>(*session_, make_read(OpCode::get_data, *session_, path, watch),
                        on_success(read_node_data));
}

Client::Reply<Stat> Client::set(std::string path, Data data, ZkVersion version) {
  if (auto valid = validate_path(path); !valid) return refuse<Stat>(std::move(valid).error());
  std::string full = session_->chroot().add(path);
  base::Buffer frame = encode_set(full, data, version);
  return call<Stat>(*session_, make_request(OpCode::set_data, std::move(full), std::move(frame)),
                    on_success(read_stat));
}

Client::Reply<std::vector<std::string>> Client::children(std::string path, bool watch) {
  using Names = std::vector<std::string>;
  if (auto valid = validate_path(path); !valid) return refuse<Names>(std::move(valid).error());
  return call<Names>(*session_, make_read(OpCode::get_children, *session_, path, watch),
                     on_success(read_strings));
}

Client::Reply<Children> Client::children_with_stat(std::string path, bool watch) {
  if (auto valid = validate_path(path); !valid) return refuse<Children>(std::move(valid).error());
  return call<Children>(*session_, make_read(OpCode::get_children2, *session_, path, watch),
                        on_success(read_children));
}

Client::Reply<AclData> Client::get_acl(std::string path) {
  if (auto valid = validate_path(path); !valid) return refuse<AclData>(std::move(valid).error());
  std::string full = session_->chroot().add(path);
  base::Buffer frame = encode_path(OpCode::get_acl, full);
  return call<AclData>(*session_, make_request(OpCode::get_acl, std::move(full), std::move(frame)),
                       on_success(read_acl));
}

Client::Reply<Stat> Client::set_acl(std::string path, AclList acl, std::int32_t acl_version) {
  if (auto valid = validate_path(path); !valid) return refuse<Stat>(std::move(valid).error());
  std::string full = session_->chroot().add(path);
  base::Buffer frame = encode_set_acl(full, acl, acl_version);
  return call<Stat>(*session_, make_request(OpCode::set_acl, std::move(full), std::move(frame)),
                    on_success(read_stat));
}

Client::Reply<void> Client::sync(std::string path) {
  if (auto valid = validate_path(path); !valid) return refuse<void>(std::move(valid).error());
  std::string full = session_->chroot().add(path);
  base::Buffer frame = encode_path(OpCode::sync, full);
  return call<void>(*session_, make_request(OpCode::sync, std::move(full), std::move(frame)),
                    on_success(read_nothing));
}

Client::Reply<MultiResult> Client::multi(std::vector<Op> ops) {
  for (const Op& op : ops) {
    if (auto valid = validate_path(op.path, is_sequential(op.mode)); !valid) {
      return refuse<MultiResult>(std::move(valid).error());
    }
  }
  base::Buffer frame = encode_multi(session_->chroot(), ops);
  const auto decode = [chroot = session_->chroot(),
                       count = ops.size()](Result<Bytes> body) -> Result<MultiResult> {
    if (!body) return base::fail(std::move(body).error());
    TRY_ASSIGN(MultiResult result, decode_multi(*body, count));
    for (OpResult& one : result.results) {
      if (one.path.empty()) continue;
      TRY_ASSIGN(one.path, strip_chroot(chroot, one.path));
    }
    return result;
  };
  return call<MultiResult>(*session_, make_request(OpCode::multi, {}, std::move(frame)), decode);
}

Client::Replies<NodeData> Client::get_many(std::vector<std::string> paths, bool watch) {
  std::vector<Reply<NodeData>> calls;
  calls.reserve(paths.size());
  for (std::string& path : paths) calls.push_back(get(std::move(path), watch));
  return gather(std::move(calls));
}

Client::Replies<std::optional<Stat>> Client::exists_many(std::vector<std::string> paths,
                                                         bool watch) {
  std::vector<Reply<std::optional<Stat>>> calls;
  calls.reserve(paths.size());
  for (std::string& path : paths) calls.push_back(exists(std::move(path), watch));
  return gather(std::move(calls));
}

Client::Replies<std::vector<std::string>> Client::children_many(std::vector<std::string> paths,
                                                                bool watch) {
  std::vector<Reply<std::vector<std::string>>> calls;
  calls.reserve(paths.size());
  for (std::string& path : paths) calls.push_back(children(std::move(path), watch));
  return gather(std::move(calls));
}

Client::Replies<std::string> Client::create_many(std::vector<NewNode> nodes) {
  std::vector<Reply<std::string>> calls;
  calls.reserve(nodes.size());
  for (NewNode& node : nodes) {
    calls.push_back(
        create(std::move(node.path), std::move(node.data), node.mode, std::move(node.acl)));
  }
  return gather(std::move(calls));
}

Client::Replies<void> Client::remove_many(std::vector<std::string> paths) {
  std::vector<Reply<void>> calls;
  calls.reserve(paths.size());
  for (std::string& path : paths) calls.push_back(remove(std::move(path)));
  return gather(std::move(calls));
}

}  // namespace zkclient
