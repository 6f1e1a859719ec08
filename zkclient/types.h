// Purpose: the values that calls to ZooKeeper take and give (the records of zookeeper.jute, without
// their wire form).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/types.h"
#include "zkclient/zk_error.h"

namespace zkclient {

using base::ZkVersion;

// "Whatever the version is", for remove, set and check.
inline constexpr ZkVersion kAnyVersion{-1};

struct Stat {
  std::int64_t czxid = 0;     // of the creation; of /brokers/ids/N it is the broker epoch
  std::int64_t mzxid = 0;     // of the last change of data
  std::int64_t ctime_ms = 0;  // wall clock of the server
  std::int64_t mtime_ms = 0;
  ZkVersion version{0};              // of the data
  std::int32_t cversion = 0;         // of the list of children
  std::int32_t aversion = 0;         // of the ACL
  std::int64_t ephemeral_owner = 0;  // a session id; 0: persistent
  std::int32_t data_length = 0;      // bytes
  std::int32_t num_children = 0;
  std::int64_t pzxid = 0;  // of the last change of the list of children

  friend bool operator==(const Stat&, const Stat&) = default;
};

// Null data (nullopt) is not the same as empty data: parents of the Kafka layout hold null.
using Data = std::optional<std::string>;

struct NodeData {
  Data data;
  Stat stat;
};

struct Children {
  std::vector<std::string> names;  // relative, in no order
  Stat stat;                       // of the parent
};

inline constexpr std::int32_t kPermRead = 1;
inline constexpr std::int32_t kPermWrite = 2;
inline constexpr std::int32_t kPermCreate = 4;
inline constexpr std::int32_t kPermDelete = 8;
inline constexpr std::int32_t kPermAdmin = 16;
inline constexpr std::int32_t kPermAll = 31;

struct Acl {
  std::int32_t perms = 0;
  std::string scheme;
  std::string id;

  friend bool operator==(const Acl&, const Acl&) = default;
};
using AclList = std::vector<Acl>;

// world:anyone:cdrwa
AclList open_acl_unsafe();
// All permissions for all ids of this connection (sent as scheme "auth" with an empty id).
AclList creator_all_acl();
// world:anyone:r
AclList read_acl_unsafe();

struct AclData {
  AclList acl;
  Stat stat;
};

enum class CreateMode : std::int32_t {
  persistent = 0,
  ephemeral = 1,
  persistent_sequential = 2,  // the server appends ten digits
  ephemeral_sequential = 3,
};

// One operation of a multi. Made by the functions below; paths are relative to the chroot.
struct Op {
  enum class Kind : std::int32_t { create = 1, remove = 2, set = 5, check = 13 };
  Kind kind = Kind::check;
  std::string path;
  Data data;                                 // create, set
  CreateMode mode = CreateMode::persistent;  // create
  AclList acl;                               // create
  ZkVersion version = kAnyVersion;           // remove, set, check

  static Op create(std::string path, Data data, CreateMode mode, AclList acl);
  static Op remove(std::string path, ZkVersion version = kAnyVersion);
  static Op set(std::string path, Data data, ZkVersion version = kAnyVersion);
  // Fails with no_node or bad_version unless the znode has this version.
  static Op check(std::string path, ZkVersion version);
  // Its share of a request frame, to keep frames below a limit.
  std::size_t encoded_bytes(std::size_t chroot_bytes = 0) const;
};

struct OpResult {
  ZkError error = ZkError::ok;
  std::string path;  // create: the path made, relative to the chroot
  Stat stat;         // set
};

// The server's answer to a multi: all operations were applied, or none.
struct MultiResult {
  std::vector<OpResult> results;  // one per operation, in order

  bool ok() const { return !first_error().has_value(); }
  struct Failure {
    std::size_t index;  // into results
    ZkError error;
  };
  // The operation that failed; those before it say ok, those behind runtime_inconsistency.
  std::optional<Failure> first_error() const;
};

// A one-shot watch that fired. The data or list of children has to be read again.
struct WatchEvent {
  enum class Type : std::int32_t {
    created = 1,
    deleted = 2,
    data_changed = 3,
    children_changed = 4,
  };
  Type type = Type::created;
  std::string path;  // relative to the chroot

  friend bool operator==(const WatchEvent&, const WatchEvent&) = default;
};

enum class SessionState {
  connecting,   // no session yet
  connected,    // authenticated, watches re-armed
  suspended,    // no server; the session may live on and reconnecting goes on
  expired,      // a server said so. Final
  auth_failed,  // credentials were refused. Final
  closed,       // by close() or abandon(). Final
};
const char* name_of(SessionState state);

// What proves to any server of the ensemble that a session is ours. A secret.
struct SessionCredentials {
  std::int64_t id = 0;
  std::string password;  // 16 bytes
};

// For scheme "digest", `auth` is "user:password".
struct AuthInfo {
  std::string scheme;
  std::string auth;
};

}  // namespace zkclient
