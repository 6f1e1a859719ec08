// Purpose: the few compound writes that the Kafka layout is built with.
#pragma once

#include <functional>
#include <string>

#include "zkclient/client.h"

namespace zkclient {

// The ACL of a new znode by its path.
using AclOf = std::function<AclList(const std::string& path)>;

// Creates a persistent znode; if parents are missing, those first, with null data (KafkaZkClient
// createRecursive). ZkError::node_exists if the znode itself was there. `client` must live until
// the task has ended.
runtime::Task<base::Result<std::string>> create_recursive(Client& client, std::string path,
                                                          Data data, AclOf acl_of);
// The same for a persistent path with null data that may be there already.
runtime::Task<base::Result<void>> ensure_path(Client& client, std::string path, AclOf acl_of);

// Creates the chroot of `options.connect_string` if it is missing, through a session of its own on
// "/" that is closed again. Nothing to do without chroot.
runtime::Task<base::Result<void>> ensure_chroot(runtime::Loop& loop, runtime::WorkerPool& resolver,
                                                ClientOptions options, AclOf acl_of,
                                                std::int64_t timeout_ms);

}  // namespace zkclient
