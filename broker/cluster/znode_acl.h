// Purpose: the ACL of every znode Barnabas creates.
//
// World-open, as Kafka's with zookeeper.set.acl=false. (A broker configured with set.acl=true does
// not start: authentication towards ZooKeeper is not built.) Source: ZkData.defaultAcls.
#pragma once

#include <string>

#include "zkclient/types.h"

namespace cluster {

inline zkclient::AclList znode_acl(const std::string& /*path*/) {
  return zkclient::open_acl_unsafe();
}

}  // namespace cluster
