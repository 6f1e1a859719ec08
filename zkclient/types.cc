#include "zkclient/types.h"

namespace zkclient {

AclList open_acl_unsafe() { return {{kPermAll, "world", "anyone"}}; }
AclList creator_all_acl() { return {{kPermAll, "auth", ""}}; }
AclList read_acl_unsafe() { return {{kPermRead, "world", "anyone"}}; }

Op Op::create(std::string path, Data data, CreateMode mode, AclList acl) {
  Op op;
  op.kind = Kind::create;
  op.path = std::move(path);
  op.data = std::move(data);
  op.mode = mode;
  op.acl = std::move(acl);
  return op;
}

Op Op::remove(std::string path, ZkVersion version) {
  Op op;
  op.kind = Kind::remove;
  op.path = std::move(path);
  op.version = version;
  return op;
}

Op Op::set(std::string path, Data data, ZkVersion version) {
  Op op;
  op.kind = Kind::set;
  op.path = std::move(path);
  op.data = std::move(data);
  op.version = version;
  return op;
}

Op Op::check(std::string path, ZkVersion version) {
  Op op;
  op.kind = Kind::check;
  op.path = std::move(path);
  op.version = version;
  return op;
}

std::size_t Op::encoded_bytes(std::size_t chroot_bytes) const {
  constexpr std::size_t kMultiHeader = 9;
  std::size_t bytes = kMultiHeader + 4 + chroot_bytes + path.size() + 4;  // version or flags
  if (kind == Kind::create || kind == Kind::set) bytes += 4 + (data ? data->size() : 0);
  if (kind == Kind::create) {
    bytes += 4;
    for (const Acl& entry : acl) bytes += 12 + entry.scheme.size() + entry.id.size();
  }
  return bytes;
}

std::optional<MultiResult::Failure> MultiResult::first_error() const {
  for (std::size_t index = 0; index < results.size(); ++index) {
    if (results[index].error != ZkError::ok) return Failure{index, results[index].error};
  }
  return std::nullopt;
}

const char* name_of(SessionState state) {
  switch (state) {
    case SessionState::connecting: return "connecting";
    case SessionState::connected: return "connected";
    case SessionState::suspended: return "suspended";
    case SessionState::expired: return "expired";
    case SessionState::auth_failed: return "auth_failed";
    case SessionState::closed: return "closed";
  }
  return "unknown";
}

}  // namespace zkclient
