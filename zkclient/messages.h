// Purpose: ZooKeeper's messages as bytes (zookeeper.jute, ZooDefs.OpCode). No I/O, no state.
//
// A request frame is: length (int) | xid (int) | opcode (int) | record. The xid is left 0 here and
// set when the frame is sent. Paths are those of the server, with the chroot.
#pragma once

#include <span>
#include <string_view>

#include "zkclient/jute.h"
#include "zkclient/path.h"

namespace zkclient {

enum class OpCode : std::int32_t {
  create = 1,
  remove = 2,
  exists = 3,
  get_data = 4,
  set_data = 5,
  get_acl = 6,
  set_acl = 7,
  get_children = 8,
  sync = 9,
  ping = 11,
  get_children2 = 12,
  check = 13,
  multi = 14,
  auth = 100,
  set_watches = 101,
  close_session = -11,
  error = -1,  // in a multi reply
};
const char* name_of(OpCode op);

// Xids with a meaning of their own; those of requests count up from 1.
inline constexpr std::int32_t kNotificationXid = -1;
inline constexpr std::int32_t kPingXid = -2;
inline constexpr std::int32_t kAuthXid = -4;
inline constexpr std::int32_t kSetWatchesXid = -8;

inline constexpr std::size_t kLengthBytes = 4;
inline constexpr std::size_t kRequestHeaderBytes = 8;

// --- requests

struct ConnectRequest {
  std::int64_t last_zxid_seen = 0;
  std::int32_t timeout_ms = 0;
  SessionCredentials session;  // id 0: a new one
};
base::Buffer encode_connect(const ConnectRequest& request);

void set_xid(base::Buffer& frame, std::int32_t xid);

base::Buffer encode_create(std::string_view path, const Data& data, CreateMode mode,
                           const AclList& acl);
base::Buffer encode_remove(std::string_view path, ZkVersion version);
// exists, get_data, get_children, get_children2
base::Buffer encode_read(OpCode op, std::string_view path, bool watch);
base::Buffer encode_set(std::string_view path, const Data& data, ZkVersion version);
// get_acl, sync
base::Buffer encode_path(OpCode op, std::string_view path);
base::Buffer encode_set_acl(std::string_view path, const AclList& acl, std::int32_t acl_version);
// The one request whose paths are relative to the chroot, which is put before them here.
base::Buffer encode_multi(const Chroot& chroot, std::span<const Op> ops);
base::Buffer encode_close_session();
// Xid set.
base::Buffer encode_ping();
base::Buffer encode_auth(const AuthInfo& auth);
base::Buffer encode_set_watches(std::int64_t relative_zxid, std::span<const std::string> data,
                                std::span<const std::string> exist,
                                std::span<const std::string> children);

// --- replies

struct ConnectResponse {
  std::int32_t timeout_ms = 0;  // 0 or less: the session is gone
  SessionCredentials session;
};
base::Result<ConnectResponse> decode_connect(base::Bytes frame);

struct ReplyHeader {
  std::int32_t xid = 0;
  std::int64_t zxid = 0;
  ZkError error = ZkError::ok;
  base::Bytes body;
};
base::Result<ReplyHeader> decode_header(base::Bytes frame);

// A notification; its path is the server's. Types that are no WatchEvent (session events) and
// unknown ones give nullopt.
base::Result<std::optional<WatchEvent>> decode_event(base::Bytes body);

// The results of a multi of `ops`, paths still with the chroot.
base::Result<MultiResult> decode_multi(base::Bytes body, std::size_t op_count);

}  // namespace zkclient
