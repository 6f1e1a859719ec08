#include "zkclient/server_addresses.h"

#include <algorithm>

namespace zkclient {

using base::Errc;
using base::Result;
using runtime::Task;

Task<Result<ServerAddresses::Addresses>> ServerAddresses::find(ServerName server,
                                                               std::int64_t timeout_ms) {
  if (const auto literal = runtime::SocketAddress::from_ip(server.host, server.port)) {
    co_return Addresses{*literal};
  }
  auto& place = names_[server.to_string()];
  if (place == nullptr) place = std::make_unique<Name>(scope_.loop());
  Name& name = *place;
  if (!name.is_asked) {
    name.is_asked = true;
    scope_.spawn(look_up(&name, server));
  }
  const std::int64_t deadline_ms = scope_.loop().now_ms() + timeout_ms;
  while (name.is_asked) {
    const std::int64_t left_ms = std::max<std::int64_t>(deadline_ms - scope_.loop().now_ms(), 0);
    const auto answered = co_await name.answered.wait(left_ms, scope_.token());
    if (answered) continue;
    if (answered.error().is(Errc::timed_out)) break;
    co_return base::fail(answered.error());
  }
  if (!name.is_asked && name.answer) co_return name.answer;
  if (!name.last_found.empty()) co_return name.last_found;
  if (!name.is_asked) co_return name.answer;
  co_return base::fail(Errc::timed_out, "resolve " + server.host + ": the name service is silent");
}

Task<void> ServerAddresses::look_up(Name* name, ServerName server) {
  name->answer = co_await runtime::resolve(resolver_, server.host, server.port, runtime::kNoTimeout,
                                           scope_.token());
  if (name->answer) name->last_found = *name->answer;
  name->is_asked = false;
  name->answered.notify_all();
}

}  // namespace zkclient
