// Purpose: producer ids for idempotent and transactional producers, from blocks that the controller
// hands out (AllocateProducerIds, KIP-730).
//
// Any thread asks; blocks are fetched on the control loop, one request at a time, the next one
// ahead of need. Source: RPCProducerIdManager (3.9).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "base/mutex.h"
#include "base/types.h"
#include "broker/cluster/controller_link.h"

namespace transactions {

// Whether a controller's answer is a block of ids: not empty, none below zero or past the largest.
bool is_producer_id_block(std::int64_t start, std::int32_t length);

class ProducerIdSource {
 public:
  // `broker_epoch`: of our registration; any thread.
  ProducerIdSource(cluster::ControllerLink& link, std::int32_t broker_id,
                   std::function<std::int64_t()> broker_epoch);

  // Waits for a block when none is there. Errc::unavailable when the controller gave none.
  runtime::Task<base::Result<base::ProducerId>> next();

 private:
  struct Block {
    std::int64_t next = 0;
    std::int64_t end = 0;  // exclusive
  };
  std::optional<base::ProducerId> take() EXCLUDES(mutex_);
  bool has_following() const EXCLUDES(mutex_);
  void keep_block(std::int64_t start, std::int32_t length) EXCLUDES(mutex_);
  bool begin_prefetch() EXCLUDES(mutex_);  // true once when ids run low
  void end_prefetch() EXCLUDES(mutex_);
  runtime::Task<base::Result<void>> fetch_block();  // control loop
  static runtime::Task<void> prefetch(ProducerIdSource* self);

  cluster::ControllerLink& link_;
  const std::int32_t broker_id_;
  const std::function<std::int64_t()> broker_epoch_;
  mutable base::Mutex mutex_;
  Block current_ GUARDED_BY(mutex_);
  Block following_ GUARDED_BY(mutex_);
  bool prefetching_ GUARDED_BY(mutex_) = false;
};

}  // namespace transactions
