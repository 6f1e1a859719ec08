#include "zkclient/messages.h"

namespace zkclient {
namespace {

using base::Errc;
using base::fail;
using base::Result;

constexpr std::size_t kPasswordBytesMax = 1024;  // 16 in every server known

JuteWriter begin(OpCode op, std::int32_t xid, std::size_t expected_bytes) {
  JuteWriter writer(kLengthBytes + kRequestHeaderBytes + expected_bytes);
  writer.put_int(0);  // the length, set by finish()
  writer.put_int(xid);
  writer.put_int(static_cast<std::int32_t>(op));
  return writer;
}

base::Buffer finish(JuteWriter writer) {
  base::Buffer frame = std::move(writer).take();
  base::store_be(frame.mutable_data(), static_cast<std::int32_t>(frame.size() - kLengthBytes));
  return frame;
}

std::size_t size_of(const Data& data) { return data ? data->size() : 0; }

std::size_t size_of(const AclList& acl) {
  std::size_t bytes = 4;
  for (const Acl& entry : acl) bytes += 12 + entry.scheme.size() + entry.id.size();
  return bytes;
}

void put_strings(JuteWriter& writer, std::span<const std::string> strings) {
  writer.put_int(static_cast<std::int32_t>(strings.size()));
  for (const std::string& text : strings) writer.put_string(text);
}

}  // namespace

const char* name_of(OpCode op) {
  switch (op) {
    case OpCode::create: return "create";
    case OpCode::remove: return "delete";
    case OpCode::exists: return "exists";
    case OpCode::get_data: return "get";
    case OpCode::set_data: return "set";
    case OpCode::get_acl: return "get acl of";
    case OpCode::set_acl: return "set acl of";
    case OpCode::get_children:
    case OpCode::get_children2: return "children of";
    case OpCode::sync: return "sync";
    case OpCode::ping: return "ping";
    case OpCode::check: return "check";
    case OpCode::multi: return "multi";
    case OpCode::auth: return "auth";
    case OpCode::set_watches: return "set watches";
    case OpCode::close_session: return "close session";
    case OpCode::error: return "error";
  }
  return "unknown operation";
}

base::Buffer encode_connect(const ConnectRequest& request) {
  JuteWriter writer;
  writer.put_int(0);  // length
  writer.put_int(0);  // protocol version
  writer.put_long(request.last_zxid_seen);
  writer.put_int(request.timeout_ms);
  writer.put_long(request.session.id);
  writer.put_string(request.session.id == 0 ? std::string(16, '\0') : request.session.password);
  writer.put_bool(false);  // a server without quorum is not good enough
  return finish(std::move(writer));
}

void set_xid(base::Buffer& frame, std::int32_t xid) {
  base::store_be(frame.mutable_data() + kLengthBytes, xid);
}

base::Buffer encode_create(std::string_view path, const Data& data, CreateMode mode,
                           const AclList& acl) {
  JuteWriter writer = begin(OpCode::create, 0, 12 + path.size() + size_of(data) + size_of(acl));
  writer.put_string(path);
  writer.put_data(data);
  writer.put_acl(acl);
  writer.put_int(static_cast<std::int32_t>(mode));
  return finish(std::move(writer));
}

base::Buffer encode_remove(std::string_view path, ZkVersion version) {
  JuteWriter writer = begin(OpCode::remove, 0, 8 + path.size());
  writer.put_string(path);
  writer.put_int(version.value());
  return finish(std::move(writer));
}

base::Buffer encode_read(OpCode op, std::string_view path, bool watch) {
  JuteWriter writer = begin(op, 0, 5 + path.size());
  writer.put_string(path);
  writer.put_bool(watch);
  return finish(std::move(writer));
}

base::Buffer encode_set(std::string_view path, const Data& data, ZkVersion version) {
  JuteWriter writer = begin(OpCode::set_data, 0, 12 + path.size() + size_of(data));
  writer.put_string(path);
  writer.put_data(data);
  writer.put_int(version.value());
  return finish(std::move(writer));
}

base::Buffer encode_path(OpCode op, std::string_view path) {
  JuteWriter writer = begin(op, 0, 4 + path.size());
  writer.put_string(path);
  return finish(std::move(writer));
}

base::Buffer encode_set_acl(std::string_view path, const AclList& acl, std::int32_t acl_version) {
  JuteWriter writer = begin(OpCode::set_acl, 0, 8 + path.size() + size_of(acl));
  writer.put_string(path);
  writer.put_acl(acl);
  writer.put_int(acl_version);
  return finish(std::move(writer));
}

base::Buffer encode_multi(const Chroot& chroot, std::span<const Op> ops) {
  std::size_t expected_bytes = 9;
  for (const Op& op : ops) expected_bytes += op.encoded_bytes(chroot.prefix().size());
  JuteWriter writer = begin(OpCode::multi, 0, expected_bytes);
  const auto put_header = [&writer](std::int32_t type, bool done) {
    writer.put_int(type);
    writer.put_bool(done);
    writer.put_int(-1);  // error: meaningful in replies only
  };
  for (const Op& op : ops) {
    put_header(static_cast<std::int32_t>(op.kind), false);
    writer.put_string(chroot.add(op.path));
    switch (op.kind) {
      case Op::Kind::create:
        writer.put_data(op.data);
        writer.put_acl(op.acl);
        writer.put_int(static_cast<std::int32_t>(op.mode));
        break;
      case Op::Kind::set:
        writer.put_data(op.data);
        writer.put_int(op.version.value());
        break;
      case Op::Kind::remove:
      case Op::Kind::check: writer.put_int(op.version.value()); break;
    }
  }
  put_header(-1, true);
  return finish(std::move(writer));
}

base::Buffer encode_close_session() { return finish(begin(OpCode::close_session, 0, 0)); }

base::Buffer encode_ping() { return finish(begin(OpCode::ping, kPingXid, 0)); }

base::Buffer encode_auth(const AuthInfo& auth) {
  JuteWriter writer = begin(OpCode::auth, kAuthXid, 12 + auth.scheme.size() + auth.auth.size());
  writer.put_int(0);  // type: always 0
  writer.put_string(auth.scheme);
  writer.put_string(auth.auth);
  return finish(std::move(writer));
}

base::Buffer encode_set_watches(std::int64_t relative_zxid, std::span<const std::string> data,
                                std::span<const std::string> exist,
                                std::span<const std::string> children) {
  JuteWriter writer = begin(OpCode::set_watches, kSetWatchesXid, 256);
  writer.put_long(relative_zxid);
  put_strings(writer, data);
  put_strings(writer, exist);
  put_strings(writer, children);
  return finish(std::move(writer));
}

Result<ConnectResponse> decode_connect(base::Bytes frame) {
  JuteReader reader(frame);
  ConnectResponse response;
  TRY(reader.get_int());  // protocol version
  TRY_ASSIGN(response.timeout_ms, reader.get_int());
  TRY_ASSIGN(response.session.id, reader.get_long());
  TRY_ASSIGN(response.session.password, reader.get_string());
  // A read-only flag follows since ZooKeeper 3.4; we never asked for it.
  if (response.session.password.size() > kPasswordBytesMax) {
    return fail(Errc::corrupt, "session password too long");
  }
  if (response.timeout_ms > 0 && response.session.id == 0) {
    return fail(Errc::corrupt, "session id 0 in a connect response");
  }
  return response;
}

Result<ReplyHeader> decode_header(base::Bytes frame) {
  JuteReader reader(frame);
  ReplyHeader header;
  TRY_ASSIGN(header.xid, reader.get_int());
  TRY_ASSIGN(header.zxid, reader.get_long());
  TRY_ASSIGN(const std::int32_t code, reader.get_int());
  header.error = static_cast<ZkError>(code);
  header.body = reader.rest();
  return header;
}

Result<std::optional<WatchEvent>> decode_event(base::Bytes body) {
  JuteReader reader(body);
  TRY_ASSIGN(const std::int32_t type, reader.get_int());
  TRY(reader.get_int());  // state of the session: known better here
  WatchEvent event;
  TRY_ASSIGN(event.path, reader.get_string());
  if (type < static_cast<std::int32_t>(WatchEvent::Type::created) ||
      type > static_cast<std::int32_t>(WatchEvent::Type::children_changed)) {
    return std::optional<WatchEvent>();
  }
  event.type = static_cast<WatchEvent::Type>(type);
  return std::optional<WatchEvent>(std::move(event));
}

Result<MultiResult> decode_multi(base::Bytes body, std::size_t op_count) {
  JuteReader reader(body);
  MultiResult multi;
  for (;;) {
    TRY_ASSIGN(const std::int32_t type, reader.get_int());
    TRY_ASSIGN(const bool done, reader.get_bool());
    TRY(reader.get_int());  // the error again, or -1
    if (done) break;
    if (multi.results.size() == op_count) return fail(Errc::corrupt, "multi: too many results");
    OpResult result;
    switch (static_cast<OpCode>(type)) {
      case OpCode::create: {
        TRY_ASSIGN(result.path, reader.get_string());
        break;
      }
      case OpCode::set_data: {
        TRY_ASSIGN(result.stat, reader.get_stat());
        break;
      }
      case OpCode::remove:
      case OpCode::check: break;
      case OpCode::error: {
        TRY_ASSIGN(const std::int32_t code, reader.get_int());
        result.error = static_cast<ZkError>(code);
        break;
      }
      default: return fail(Errc::corrupt, "multi: result type " + std::to_string(type));
    }
    multi.results.push_back(std::move(result));
  }
  if (multi.results.size() != op_count) return fail(Errc::corrupt, "multi: too few results");
  return multi;
}

}  // namespace zkclient
