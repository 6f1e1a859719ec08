// Purpose: a client and model servers on hosts of their own in a simulated network.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "runtime/sim/sim_network.h"
#include "runtime/sim/sim_world.h"
#include "test/sim/zookeeper/model_server.h"
#include "zkclient/client.h"

namespace zkclient {

struct SimFixture {
  explicit SimFixture(std::size_t server_count, std::uint64_t seed = 1) : world(seed) {
    base::set_log_level(base::LogLevel::off);  // faults are many, and meant
    for (std::size_t i = 0; i < server_count; ++i) {
      servers.push_back(std::make_unique<zookeeper_model::Server>(
          ensemble, *runtime::SocketAddress::from_ip(kServerIp, port_of(i))));
    }
  }
  ~SimFixture() { world.block_on(server_loop, stop_servers()); }

  static constexpr const char* kServerIp = "10.0.0.1";
  static std::uint16_t port_of(std::size_t i) { return static_cast<std::uint16_t>(2181 + i); }

  ClientOptions options() const {
    ClientOptions options;
    for (std::size_t i = 0; i < servers.size(); ++i) {
      if (i > 0) options.connect_string += ",";
      options.connect_string += std::string(kServerIp) + ":" + std::to_string(port_of(i));
    }
    options.session_timeout_ms = 6'000;
    return options;
  }
  std::unique_ptr<Client> make_client() { return make_client(options()); }
  std::unique_ptr<Client> make_client(ClientOptions options) {
    auto client = std::make_unique<Client>(loop, resolver, std::move(options));
    client->set_session_handler([this](SessionState state) { states.push_back(state); });
    client->set_watch_handler([this](const WatchEvent& event) { events.push_back(event); });
    return client;
  }
  template <class T>
  T run(runtime::Task<T> task) {
    return world.block_on(loop, std::move(task));
  }
  bool connect(Client& client, std::int64_t timeout_ms = 30'000) {
    return run(client.connect(timeout_ms)).has_value();
  }
  bool wait_for_state(const Client& client, SessionState state) {
    return world.run_until([&] { return client.state() == state; }, 120'000);
  }
  zookeeper_model::Server& server(std::size_t i) { return *servers[i]; }
  // The one that the client is connected to.
  zookeeper_model::Server& server_of(const Client& client) {
    for (std::size_t i = 0; i < servers.size(); ++i) {
      if (client.server().ends_with(":" + std::to_string(port_of(i)))) return *servers[i];
    }
    FAIL("the client is not connected");
    return *servers[0];
  }

  runtime::SimWorld world;
  runtime::SimLoop server_loop{world, kServerIp};
  runtime::SimLoop loop{world, "10.0.0.9"};
  runtime::SimWorkerPool resolver{world};
  zookeeper_model::Ensemble ensemble{server_loop};
  std::vector<std::unique_ptr<zookeeper_model::Server>> servers;
  std::vector<SessionState> states;
  std::vector<WatchEvent> events;

 private:
  runtime::Task<void> stop_servers() {
    for (auto& server : servers) co_await server->stop();
    co_await ensemble.stop();
  }
};

}  // namespace zkclient
