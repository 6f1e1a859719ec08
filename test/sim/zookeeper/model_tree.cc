#include "test/sim/zookeeper/model_tree.h"

#include <fmt/core.h>

#include "zkclient/path.h"

namespace zookeeper_model {

using Type = WatchEvent::Type;

Stat Znode::stat() const {
  Stat stat;
  stat.czxid = czxid;
  stat.mzxid = mzxid;
  stat.pzxid = pzxid;
  stat.ctime_ms = ctime_ms;
  stat.mtime_ms = mtime_ms;
  stat.version = zkclient::ZkVersion(version);
  stat.aversion = aversion;
  // Every creation and every deletion of a child counts (DataNode.copyStat).
  stat.cversion = 2 * children_created - static_cast<std::int32_t>(children.size());
  stat.ephemeral_owner = ephemeral_owner;
  stat.data_length = data ? static_cast<std::int32_t>(data->size()) : 0;
  stat.num_children = static_cast<std::int32_t>(children.size());
  return stat;
}

ModelTree::ModelTree(Listener listener) : listener_(std::move(listener)) {
  Znode root;
  root.data = "";
  root.acl = zkclient::open_acl_unsafe();
  znodes_.emplace("/", std::move(root));
}

const Znode* ModelTree::find(const std::string& path) const {
  const auto found = znodes_.find(path);
  return found == znodes_.end() ? nullptr : &found->second;
}

void ModelTree::roll_back() {
  for (; !undo_.empty(); undo_.pop_back()) undo_.back()();
  events_.clear();
}

std::vector<OpResult> ModelTree::apply(const std::vector<Op>& ops, Transaction transaction) {
  ++last_zxid_;  // failed transactions have one, too
  undo_.clear();
  events_.clear();
  std::vector<OpResult> results;
  for (const Op& op : ops) {
    results.push_back(apply_one(op, transaction));
    const ZkError error = results.back().error;
    if (error == ZkError::ok) continue;
    roll_back();
    results.assign(ops.size(), OpResult{ZkError::runtime_inconsistency, {}, {}});
    const auto failed = static_cast<std::size_t>(&op - ops.data());
    for (std::size_t i = 0; i < failed; ++i) results[i].error = ZkError::ok;
    results[failed].error = error;
    return results;
  }
  undo_.clear();
  for (const WatchEvent& event : std::exchange(events_, {})) listener_(event);
  return results;
}

OpResult ModelTree::apply_one(const Op& op, const Transaction& transaction) {
  OpResult result;
  switch (op.kind) {
    case Op::Kind::create: result.error = create(op, transaction, result.path); break;
    case Op::Kind::remove: result.error = remove(op); break;
    case Op::Kind::set: result.error = set(op, transaction, result.stat); break;
    case Op::Kind::check: result.error = check(op); break;
  }
  return result;
}

ZkError ModelTree::create(const Op& op, const Transaction& transaction, std::string& path) {
  const bool sequential =
      op.mode == CreateMode::persistent_sequential || op.mode == CreateMode::ephemeral_sequential;
  const bool ephemeral =
      op.mode == CreateMode::ephemeral || op.mode == CreateMode::ephemeral_sequential;
  if (!zkclient::validate_path(op.path, sequential)) return ZkError::bad_arguments;
  if (op.acl.empty()) return ZkError::invalid_acl;
  const std::string parent_path(zkclient::parent_of(op.path));
  const Znode* found = find(parent_path);
  if (found == nullptr) return ZkError::no_node;
  path = op.path;
  if (sequential) path += fmt::format("{:010}", found->children_created);
  if (find(path) != nullptr) return ZkError::node_exists;
  if (found->ephemeral_owner != 0) return ZkError::no_children_for_ephemerals;

  const std::string name = path.substr(path.rfind('/') + 1);
  Znode& parent = touch(parent_path);
  undo_.push_back([this, parent_path, path, name, old_pzxid = parent.pzxid] {
    Znode& parent = touch(parent_path);
    --parent.children_created;
    parent.pzxid = old_pzxid;
    parent.children.erase(name);
    znodes_.erase(path);
  });
  ++parent.children_created;
  parent.pzxid = last_zxid_;
  parent.children.insert(name);
  Znode znode;
  znode.data = op.data;
  znode.acl = op.acl;
  znode.czxid = znode.mzxid = znode.pzxid = last_zxid_;
  znode.ctime_ms = znode.mtime_ms = transaction.wall_ms;
  znode.ephemeral_owner = ephemeral ? transaction.session_id : 0;
  znodes_[path] = std::move(znode);
  events_.push_back({Type::created, path});
  events_.push_back({Type::children_changed, parent_path});
  return ZkError::ok;
}

ZkError ModelTree::remove(const Op& op) {
  const Znode* found = find(op.path);
  if (op.path == "/") return ZkError::bad_arguments;
  if (found == nullptr) return ZkError::no_node;
  if (op.version.value() != -1 && op.version.value() != found->version) {
    return ZkError::bad_version;
  }
  if (!found->children.empty()) return ZkError::not_empty;
  const std::string parent_path(zkclient::parent_of(op.path));
  const std::string name = op.path.substr(op.path.rfind('/') + 1);
  Znode& parent = touch(parent_path);
  undo_.push_back(
      [this, parent_path, path = op.path, name, old_pzxid = parent.pzxid, old = *found]() mutable {
        Znode& parent = touch(parent_path);
        parent.pzxid = old_pzxid;
        parent.children.insert(name);
        znodes_.emplace(path, std::move(old));
      });
  parent.pzxid = last_zxid_;
  parent.children.erase(name);
  znodes_.erase(op.path);
  events_.push_back({Type::deleted, op.path});
  events_.push_back({Type::children_changed, parent_path});
  return ZkError::ok;
}

ZkError ModelTree::set(const Op& op, const Transaction& transaction, Stat& stat) {
  const Znode* found = find(op.path);
  if (found == nullptr) return ZkError::no_node;
  if (op.version.value() != -1 && op.version.value() != found->version) {
    return ZkError::bad_version;
  }
  Znode& znode = touch(op.path);
  undo_.push_back([this, path = op.path, data = std::move(znode.data), version = znode.version,
                   mzxid = znode.mzxid, mtime_ms = znode.mtime_ms]() mutable {
    Znode& old = touch(path);
    old.data = std::move(data);
    old.version = version;
    old.mzxid = mzxid;
    old.mtime_ms = mtime_ms;
  });
  znode.data = op.data;
  ++znode.version;
  znode.mzxid = last_zxid_;
  znode.mtime_ms = transaction.wall_ms;
  stat = znode.stat();
  events_.push_back({Type::data_changed, op.path});
  return ZkError::ok;
}

ZkError ModelTree::check(const Op& op) const {
  const Znode* found = find(op.path);
  if (found == nullptr) return ZkError::no_node;
  if (op.version.value() != -1 && op.version.value() != found->version) {
    return ZkError::bad_version;
  }
  return ZkError::ok;
}

ZkError ModelTree::set_acl(const std::string& path, AclList acl, std::int32_t version, Stat& stat) {
  const auto found = znodes_.find(path);
  if (found == znodes_.end()) return ZkError::no_node;
  if (acl.empty()) return ZkError::invalid_acl;
  if (version != -1 && version != found->second.aversion) return ZkError::bad_version;
  ++last_zxid_;
  found->second.acl = std::move(acl);
  ++found->second.aversion;
  stat = found->second.stat();
  return ZkError::ok;
}

void ModelTree::remove_ephemerals_of(std::int64_t session_id) {
  std::vector<Op> removals;
  for (const auto& [path, znode] : znodes_) {
    if (znode.ephemeral_owner == session_id) removals.push_back(Op::remove(path));
  }
  apply(removals, {});
}

}  // namespace zookeeper_model
