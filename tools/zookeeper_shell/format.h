// Purpose: the texts that zookeeper-shell prints, as ZooKeeper 3.8's shell does. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "tools/tool.h"
#include "zkclient/types.h"

namespace zookeeper_shell {

std::string format_stat(const zkclient::Stat& stat);          // lines
std::string format_children(std::vector<std::string> names);  // "[a, b]", sorted; no line end
std::string format_acl(const zkclient::AclList& acl);         // two lines per entry
// "world:anyone:cdrwa,digest:user:hash:r"
tools::Outcome<zkclient::AclList> parse_acl(std::string_view text);
// What the shell says when a command on `path` fails.
std::string explain(const base::Error& error, std::string_view path);

}  // namespace zookeeper_shell
