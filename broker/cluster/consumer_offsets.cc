#include "broker/cluster/consumer_offsets.h"

#include <charconv>

#include "broker/cluster/znode_acl.h"
#include "broker/cluster/znode_paths.h"
#include "zkclient/recursive.h"
#include "zkclient/zk_error.h"

namespace cluster {
namespace {

using zkclient::ZkError;

// A group id is the client's to choose; it must not become more than one part of a path.
base::Result<std::string> path_of(const std::string& group_id, const base::TopicPartition& id) {
  const bool is_name = !group_id.empty() && group_id != "." && group_id != ".." &&
                       group_id.find_first_of(std::string_view("/\0", 2)) == std::string::npos;
  if (!is_name) return base::fail(base::Errc::invalid_argument, "group id");
  return paths::consumer_offset(group_id, id.topic, id.partition);
}

}  // namespace

runtime::Task<base::Result<void>> ConsumerOffsets::write(std::string group_id,
                                                         base::TopicPartition id,
                                                         std::int64_t offset) {
  CO_TRY_ASSIGN(const std::string path, path_of(group_id, id));
  zkclient::Client* client = session_.client();
  if (client == nullptr) co_return base::fail(base::Errc::unavailable, "no ZooKeeper session");
  const std::string text = std::to_string(offset);
  const auto set = co_await client->set(path, text);
  if (set) co_return base::Result<void>();
  if (!set.error().is(ZkError::no_node)) co_return base::fail(set.error());
  const auto created = co_await zkclient::create_recursive(*client, path, text, znode_acl);
  if (created) co_return base::Result<void>();
  if (!created.error().is(ZkError::node_exists)) co_return base::fail(created.error());
  // Another commit has created it in between.
  const auto set_again = co_await client->set(path, text);
  if (!set_again) co_return base::fail(set_again.error());
  co_return base::Result<void>();
}

runtime::Task<base::Result<std::optional<std::int64_t>>> ConsumerOffsets::read(
    std::string group_id, base::TopicPartition id) {
  CO_TRY_ASSIGN(const std::string path, path_of(group_id, id));
  zkclient::Client* client = session_.client();
  if (client == nullptr) co_return base::fail(base::Errc::unavailable, "no ZooKeeper session");
  const auto node = co_await client->get(path);
  if (!node && node.error().is(ZkError::no_node)) co_return std::optional<std::int64_t>();
  if (!node) co_return base::fail(node.error());
  const std::string text = node->data.value_or("");
  std::int64_t offset = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), offset);
  if (error != std::errc() || end != text.data() + text.size()) {
    co_return base::fail(base::Errc::corrupt, path);
  }
  co_return std::optional(offset);
}

}  // namespace cluster
