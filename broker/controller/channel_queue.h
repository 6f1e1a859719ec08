// Purpose: what waits to be sent to one broker, in order, and how it stays bounded.
//
// UpdateMetadata that wait one behind the other are merged, as far as their order says nothing.
// LeaderAndIsr and StopReplica are not: their order and number is what receivers rely on. So while
// a broker does not answer they gather, with every event of the cluster. Past a bound that follows
// from the cluster's size all but the first request is dropped, and so is what comes after. Once
// the broker has answered the first, it is told everything anew (begin_full_order), as one that has
// just registered. Unlike that one it still knows topics that were deleted meanwhile: those are
// noted, no more than it can know of.
//
// Plain data without waits; one loop.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "broker/controller/request_batch.h"

namespace controller {

class ChannelQueue {
 public:
  // Weights are partition states, and one for each request.
  static constexpr std::size_t kWeightMin = 4'000;         // of the bound
  static constexpr std::size_t kStatesOfOnePartition = 4;  // the bound, per partition

  // `count_partitions` is asked when the bound seems to be reached.
  explicit ChannelQueue(std::function<TopicExtents()> count_partitions)
      : count_partitions_(std::move(count_partitions)) {}

  void push(ControlRequest request);
  bool empty() const { return queue_.empty(); }
  // Requests, the one in flight among them.
  std::size_t size() const { return queue_.size(); }
  std::size_t weight() const { return weight_; }
  // The request whose turn it is. It may arrive from now on, so it stays as it is.
  const ControlRequest& take_turn();
  // It was answered.
  ControlRequest pop();

  // Something was dropped, and the full order has not begun.
  bool has_dropped() const { return missed_ != nullptr; }
  // From here on requests are taken again, whatever their number until end_full_order(): the full
  // order is as large as the cluster. Answers the partitions that the broker may know and that are
  // gone; nullopt if nothing was dropped.
  std::optional<std::set<TopicPartition>> begin_full_order();
  void end_full_order();

 private:
  struct Queued {
    ControlRequest request;
    std::unique_ptr<MergedMetadata> merged;  // what the request will say when its turn comes
    std::size_t weight = 0;
  };
  struct Missed {
    TopicExtents known;             // when the first request was dropped
    std::set<TopicPartition> gone;  // deletions that were dropped
  };

  // True if it went into the one that waits last.
  bool merge(const ControlRequest& request);
  void add_weight(Queued& queued, std::size_t weight);
  void keep_bound();
  void drop(TopicExtents known);
  // Deletions that the broker will not hear of; `only_known`: of partitions that it can know.
  void note_deletions(const ControlRequest& request, bool only_known);

  const std::function<TopicExtents()> count_partitions_;
  std::deque<Queued> queue_;
  bool is_front_tried_ = false;
  bool is_full_order_ = false;
  std::size_t weight_ = 0;
  std::size_t weight_max_ = kWeightMin;
  std::unique_ptr<Missed> missed_;
};

}  // namespace controller
