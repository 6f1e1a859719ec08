// Purpose: the simulated network: memory connections between loops, with delay, cut bytes,
// partitions (also one way) and resets.
//
// A connection is two pipes. Bytes within a pipe keep their order; when they arrive and in which
// portions is drawn from the world's seed. A cut direction keeps its bytes until healed, as TCP
// would resend them. Hosts are told apart by the ip of their SimLoop; several loops may share one.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/loop.h"

namespace runtime {

class SimLoop;
class SimWorld;
class SimListener;
struct SimConnection;

struct SimNetworkOptions {
  std::int64_t min_delay_ns = 50'000;
  std::int64_t max_delay_ns = 500'000;
  std::size_t pipe_bytes = 64 * 1024;  // what a pipe holds before its writer has to wait
  bool cut_bytes = true;               // portions of random size; otherwise all at once
};

// One thread, as its world.
class SimNetwork {
 public:
  explicit SimNetwork(SimWorld& world) : world_(world) {}
  ~SimNetwork();

  SimNetworkOptions options;

  // From `from_ip` to `to_ip` nothing arrives, connects included, until healed.
  void cut(const std::string& from_ip, const std::string& to_ip);
  void cut_both_ways(const std::string& ip, const std::string& other_ip);
  void heal(const std::string& from_ip, const std::string& to_ip);
  void heal_all();
  // Both ends of all connections with this listening port, or of all with this host, get
  // ECONNRESET; bytes under way are lost.
  void reset_port(std::uint16_t port);
  void reset_host(const std::string& ip);
  std::size_t connection_count() const;

  // What SimLoop forwards to.
  Task<base::Result<std::unique_ptr<Stream>>> connect(SimLoop& loop, SocketAddress to,
                                                      std::int64_t timeout_ms, CancelToken token);
  base::Result<std::unique_ptr<Listener>> listen(SimLoop& loop, SocketAddress at,
                                                 ListenOptions listen_options);
  base::Result<std::unique_ptr<Stream>> adopt(SimLoop& loop,
                                              std::unique_ptr<AcceptedConnection> connection);

  // For the parts of the simulated network.
  SimWorld& world() { return world_; }
  bool is_cut(const std::string& from_ip, const std::string& to_ip) const;
  std::int64_t draw_delay_ns();
  void forget(const SimListener& listener);

 private:
  struct ConnectAttempt;
  void arrive(std::shared_ptr<ConnectAttempt> attempt);
  static constexpr std::uint16_t kFirstPort = 20'000;
  std::uint16_t draw_port();
  SimListener* find_listener(const SocketAddress& at) const;
  std::vector<std::shared_ptr<SimConnection>> live_connections();

  SimWorld& world_;
  std::map<std::string, SimListener*> listeners_;  // by "ip:port"
  std::set<std::pair<std::string, std::string>> cuts_;
  std::vector<std::weak_ptr<SimConnection>> connections_;
  std::uint16_t next_port_ = kFirstPort;
};

}  // namespace runtime
