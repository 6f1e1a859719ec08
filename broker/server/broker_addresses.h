// Purpose: the addresses of the registered brokers, as peers of our connections show them.
//
// Brokers register host names as often as addresses, so names are resolved, in the background and
// again when the set of hosts changes or a while has passed.
#pragma once

#include <set>
#include <string>

#include "base/mutex.h"
#include "broker/cluster/metadata_cache.h"
#include "runtime/task_scope.h"
#include "runtime/workers.h"

namespace server {

class BrokerAddresses {
 public:
  // Everything must outlive it. start() and stop() on `loop`.
  BrokerAddresses(runtime::Loop& loop, runtime::WorkerPool& resolver,
                  cluster::MetadataCache& metadata)
      : resolver_(resolver), metadata_(metadata), scope_(loop, "broker addresses") {}

  void start() { scope_.spawn(follow()); }
  runtime::Task<void> stop();

  // Any thread.
  bool contains(const std::string& ip) const EXCLUDES(mutex_);

 private:
  runtime::Task<void> follow();
  runtime::Task<std::set<std::string>> resolve_all(std::set<std::string> hosts);
  std::set<std::string> hosts() const;
  void publish(std::set<std::string> ips) EXCLUDES(mutex_);

  runtime::WorkerPool& resolver_;
  cluster::MetadataCache& metadata_;
  mutable base::Mutex mutex_;
  std::set<std::string> ips_ GUARDED_BY(mutex_);
  runtime::TaskScope scope_;
};

}  // namespace server
