// Purpose: the broker as a whole: makes its rooms, introduces them to each other, starts and stops
// them in order.
//
// start() and stop() run on the control loop, which is the main thread's. Order of a start: lock
// directories, bind and listen, connect to ZooKeeper, top-level paths and identity, load logs,
// register, accept, controller. A stop goes the other way round.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "broker/server/parts.h"
#include "config/properties.h"
#include "config/server_config.h"
#include "runtime/cancel.h"
#include "runtime/uv/uv_loop.h"

namespace server {

struct BrokerOptions {
  config::Properties properties;  // the file with --override, for DescribeConfigs
  config::ServerConfig config;
  std::size_t open_files_limit = 1024;  // of this process
  // The broker cannot go on, for the reason given, and is to be stopped. On the control loop.
  std::function<void(const std::string& reason)> on_fatal;
};

class Broker {
 public:
  Broker(runtime::UvLoop& control, BrokerOptions options);
  ~Broker();
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  // An error is one line for the operator, with the remedy. stop() is needed after it as well.
  runtime::Task<base::Result<void>> start();
  // Makes a start under way end soon, whatever it waits for.
  runtime::Task<void> interrupt();
  // Controlled shutdown takes as long as controlled.shutdown.* allow, 3 s once ZooKeeper or the
  // controller is out of reach; the rest a few seconds longer than the disks need.
  runtime::Task<void> stop();
  std::int32_t id() const;
  // After stop(): a name server keeps a worker, which nobody can end. The destructor would wait.
  bool waits_for_names() const;

 private:
  // Between two steps of a start: an error once its end is wanted.
  base::Result<void> go_on() const;
  // The session's client; Errc::closed once that is closed.
  base::Result<zkclient::Client*> zookeeper() const;
  runtime::Task<base::Result<void>> open_logs();
  runtime::Task<base::Result<void>> join_cluster();
  runtime::Task<base::Result<void>> load_logs();
  void make_domain();
  // On the lane of the directory.
  void on_directory_failed(const std::string& log_dir, const base::Error& error);
  // Until the controller has told who is alive; a few seconds at most, if there is no controller.
  runtime::Task<void> await_first_metadata();
  runtime::Task<void> stop_serving();

  std::function<void(const std::string& reason)> on_fatal_;
  std::unique_ptr<Parts> parts_;
  runtime::CancelSource interrupted_;
  bool is_registered_ = false;
};

}  // namespace server
