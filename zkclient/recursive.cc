#include "zkclient/recursive.h"

#include "zkclient/connect_string.h"
#include "zkclient/path.h"

namespace zkclient {

using base::Result;
using runtime::Task;

Task<Result<std::string>> create_recursive(Client& client, std::string path, Data data,
                                           AclOf acl_of) {
  auto made = co_await client.create(path, data, CreateMode::persistent, acl_of(path));
  if (made || !made.error().is(ZkError::no_node)) co_return made;
  CO_TRY(co_await ensure_path(client, std::string(parent_of(path)), acl_of));
  co_return co_await client.create(path, data, CreateMode::persistent, acl_of(path));
}

Task<Result<void>> ensure_path(Client& client, std::string path, AclOf acl_of) {
  if (path == "/") co_return Result<void>();
  const auto made = co_await create_recursive(client, path, std::nullopt, acl_of);
  if (!made && !made.error().is(ZkError::node_exists)) co_return base::fail(made.error());
  co_return Result<void>();
}

Task<Result<void>> ensure_chroot(runtime::Loop& loop, runtime::WorkerPool& resolver,
                                 ClientOptions options, AclOf acl_of, std::int64_t timeout_ms) {
  CO_TRY_ASSIGN(const ConnectString parsed, ConnectString::parse(options.connect_string));
  if (parsed.chroot.empty()) co_return Result<void>();
  options.connect_string = parsed.servers_string();
  options.reattach.reset();
  options.request_timeout_ms = timeout_ms;
  Client client(loop, resolver, options);
  auto result = co_await client.connect(timeout_ms);
  if (result) result = co_await ensure_path(client, parsed.chroot, std::move(acl_of));
  co_await client.close();
  co_return result;
}

}  // namespace zkclient
