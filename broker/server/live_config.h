// Purpose: hands a broker config that has changed at run time to the parts that work by it. One
// place for all, so that no dynamic key is accepted and forgotten: test/tidy reads this file.
#pragma once

#include "broker/server/dynamic_configs.h"
#include "runtime/task_scope.h"

namespace server {

struct Parts;

// Control loop.
class LiveConfig final : public BrokerConfigUser {
 public:
  explicit LiveConfig(Parts& parts);
  void on_changed(const config::ServerConfig& before, const config::ServerConfig& now) override;
  void on_unclean_allowed(const std::string& topic) override;
  runtime::Task<void> close();

 private:
  runtime::Task<void> catch_up();

  Parts& p_;
  bool is_stale_ = false;  // something is to be brought up to date, in catch_up()
  // A change that comes in between is left to the one that runs: two at once would end each
  // other's cleaner, and the older config could win.
  bool is_catching_up_ = false;
  bool has_new_cleaner_ = false;
  bool has_new_endpoints_ = false;
  runtime::TaskScope scope_;
};

}  // namespace server
