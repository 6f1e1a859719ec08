// Purpose: a listening TCP socket on libuv.
#pragma once

#include <memory>

#include "runtime/loop.h"
#include "runtime/uv/uv_loop.h"

namespace runtime {

// Binds and listens with SO_REUSEADDR; an IPv6 wildcard takes IPv4 peers too. Errors carry errno
// and the address ("listen on 0.0.0.0:9092: Address already in use").
base::Result<std::unique_ptr<Listener>> open_uv_listener(UvLoop& loop, const SocketAddress& at,
                                                         const ListenOptions& options);

}  // namespace runtime
