// Purpose: what the connections of one loop have in common: limits, handler, memory.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/bytes.h"
#include "broker/network/memory_budget.h"
#include "broker/network/request.h"

namespace network {

struct ConnectionOptions {
  std::size_t request_max_bytes = 104857600;
  std::int64_t idle_max_ms = 600'000;  // below 0: never closed
  std::int64_t write_stall_ms = 60'000;
  std::int64_t frame_stall_ms = 10'000;
  // A large frame that would take longer to arrive has a slow sender.
  std::int64_t frame_arrival_ms = 30'000;
  std::size_t in_flight_max = 64;
};

// Outlives the connections.
struct ConnectionShared {
  RequestHandler& handler;
  MemoryBudget& budget;
  ConnectionOptions options;
  // Where a read lands first; its content is void as soon as a coroutine suspends.
  base::MutableBytes scratch;
  // Whether a registered broker has this address: its frames may use the memory's reserve. What the
  // sender says of itself proves nothing.
  std::function<bool(const std::string& ip)> is_broker_address = {};
};

}  // namespace network
