// Purpose: what a ZooKeeper ensemble remembers, as a model: znodes, sessions, the transaction
// counter. Plain code; every rule follows what org.apache.zookeeper.server.DataTree and
// PrepRequestProcessor show to a client. ACLs are stored but not enforced; there is no limit on
// sizes, no quota, and every server sees the newest state.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "zkclient/types.h"

namespace zookeeper_model {

using zkclient::AclList;
using zkclient::CreateMode;
using zkclient::Data;
using zkclient::Op;
using zkclient::OpResult;
using zkclient::Stat;
using zkclient::WatchEvent;
using zkclient::ZkError;

struct Znode {
  Data data;
  AclList acl;
  std::int64_t czxid = 0, mzxid = 0, pzxid = 0;
  std::int64_t ctime_ms = 0, mtime_ms = 0;
  std::int32_t version = 0, aversion = 0;
  std::int32_t children_created = 0;  // ever: the counter of sequential names
  std::int64_t ephemeral_owner = 0;
  std::set<std::string> children;

  Stat stat() const;
};

class ModelTree {
 public:
  // Told of each change, once it is applied. For a deletion, `children_changed` of the parent
  // follows.
  using Listener = std::function<void(const WatchEvent&)>;

  explicit ModelTree(Listener listener);

  // Applies all or none. The results are those of a multi; an operation alone has one result.
  struct Transaction {
    std::int64_t session_id = 0;
    std::int64_t wall_ms = 0;
  };
  std::vector<OpResult> apply(const std::vector<Op>& ops, Transaction transaction);
  ZkError set_acl(const std::string& path, AclList acl, std::int32_t version, Stat& stat);
  // All ephemeral znodes of a session vanish in one transaction.
  void remove_ephemerals_of(std::int64_t session_id);
  // Transactions that change no znode, such as the start of a session, count too.
  std::int64_t next_zxid() { return ++last_zxid_; }

  const Znode* find(const std::string& path) const;
  std::int64_t last_zxid() const { return last_zxid_; }
  std::size_t size() const { return znodes_.size(); }

 private:
  OpResult apply_one(const Op& op, const Transaction& transaction);
  ZkError create(const Op& op, const Transaction& transaction, std::string& path);
  ZkError remove(const Op& op);
  ZkError set(const Op& op, const Transaction& transaction, Stat& stat);
  ZkError check(const Op& op) const;
  Znode& touch(const std::string& path) { return znodes_.find(path)->second; }
  void roll_back();

  Listener listener_;
  std::map<std::string, Znode> znodes_;
  std::int64_t last_zxid_ = 0;
  // Of the transaction being applied:
  std::vector<std::move_only_function<void()>> undo_;
  std::vector<WatchEvent> events_;
};

}  // namespace zookeeper_model
