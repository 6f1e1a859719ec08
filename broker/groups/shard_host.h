// Purpose: the shards of one data loop, with the tasks and the periodic expiry that they share.
//
// Everything but the constructor and loop() runs on that loop; other threads post.
#pragma once

#include <map>
#include <memory>

#include "broker/groups/shard.h"
#include "runtime/task_scope.h"
#include "runtime/workers.h"

namespace groups {

class ShardHost {
 public:
  // The references outlive the object.
  ShardHost(runtime::Loop& loop, const Settings& settings, runtime::WorkerPool& disk);

  runtime::Loop& loop() { return scope_.loop(); }
  runtime::TaskScope& scope() { return scope_; }

  // Made when first asked for, kept until the end: `index` is below the topic's partition count.
  Shard& shard(std::int32_t index);
  const std::map<std::int32_t, std::unique_ptr<Shard>>& shards() const { return shards_; }
  // Starts the periodic expiry; once.
  void start();
  // Whoever waits is answered. The scope is stopped apart.
  void close();
  bool is_closed() const { return is_closed_; }

 private:
  runtime::Task<void> expire_periodically();

  const Settings& settings_;
  runtime::WorkerPool& disk_;
  runtime::TaskScope scope_;
  bool is_closed_ = false;
  std::map<std::int32_t, std::unique_ptr<Shard>> shards_;
};

}  // namespace groups
