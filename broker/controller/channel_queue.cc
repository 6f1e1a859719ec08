#include "broker/controller/channel_queue.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace controller {

namespace {

template <class Topics>
std::size_t states_of(const Topics& topics) {
  std::size_t count = 0;
  for (const auto& topic : topics) count += topic.partition_states.size();
  return count;
}

std::size_t states_of(const protocol::LeaderAndIsrRequest& request) {
  return request.ungrouped_partition_states.size() + states_of(request.topic_states);
}

std::size_t states_of(const MetadataOrder& order) {
  const auto& request = order.update->request();
  return request.ungrouped_partition_states.size() + states_of(request.topic_states);
}

std::size_t states_of(const protocol::StopReplicaRequest& request) {
  std::size_t count = request.ungrouped_partitions.size() + states_of(request.topic_states);
  for (const auto& topic : request.topics) count += topic.partition_indexes.size();
  return count;
}

std::size_t weight_of(const ControlRequest& request) {
  return 1 + std::visit([](const auto& body) { return states_of(body); }, request.body);
}

}  // namespace

void ChannelQueue::push(ControlRequest request) {
  if (missed_ != nullptr) return note_deletions(request, /*only_known=*/true);
  if (!merge(request)) {
    const std::size_t weight = weight_of(request);
    queue_.push_back({std::move(request), nullptr, 0});
    add_weight(queue_.back(), weight);
  }
  keep_bound();
}

bool ChannelQueue::merge(const ControlRequest& request) {
  const auto* next = std::get_if<MetadataOrder>(&request.body);
  if (next == nullptr || queue_.empty()) return false;
  Queued& last = queue_.back();
  auto* waiting = std::get_if<MetadataOrder>(&last.request.body);
  if (waiting == nullptr || (queue_.size() == 1 && is_front_tried_)) return false;
  if (waiting->broker_epoch != next->broker_epoch) return false;
  if (last.merged == nullptr) {
    auto merged = std::make_unique<MergedMetadata>();
    merged->add(*waiting->update);
    if (!merged->accepts(*next->update)) return false;
    waiting->update = nullptr;
    last.merged = std::move(merged);
  }
  if (!last.merged->accepts(*next->update)) return false;
  last.merged->add(*next->update);
  add_weight(last, 1 + last.merged->partition_count());
  return true;
}

void ChannelQueue::add_weight(Queued& queued, std::size_t weight) {
  weight_ += weight - queued.weight;
  queued.weight = weight;
}

const ControlRequest& ChannelQueue::take_turn() {
  is_front_tried_ = true;
  Queued& front = queue_.front();
  if (front.merged != nullptr) {
    std::get<MetadataOrder>(front.request.body).update =
        std::make_shared<const MetadataUpdate>(front.merged->take());
    front.merged = nullptr;
  }
  return front.request;
}

ControlRequest ChannelQueue::pop() {
  VERIFY(!queue_.empty() && is_front_tried_, "a request was answered that was not sent");
  weight_ -= queue_.front().weight;
  ControlRequest answered = std::move(queue_.front().request);
  queue_.pop_front();
  is_front_tried_ = false;
  return answered;
}

void ChannelQueue::keep_bound() {
  if (is_full_order_ || weight_ <= weight_max_) return;
  TopicExtents known = count_partitions_();
  std::size_t partitions = 0;
  for (const auto& [topic, extent] : known) partitions += extent.count;
  weight_max_ = std::max(weight_max_, kWeightMin + kStatesOfOnePartition * partitions);
  if (weight_ > weight_max_) drop(std::move(known));
}

void ChannelQueue::drop(TopicExtents known) {
  missed_ = std::make_unique<Missed>();
  missed_->known = std::move(known);
  // The first may have arrived; whether or not, its answer shows that the broker is there again.
  while (queue_.size() > 1) {
    Queued& last = queue_.back();
    if (last.merged != nullptr) {
      std::get<MetadataOrder>(last.request.body).update =
          std::make_shared<const MetadataUpdate>(last.merged->take());
    }
    // What has waited here names no more than the bound, so all of it counts.
    note_deletions(last.request, /*only_known=*/false);
    weight_ -= last.weight;
    queue_.pop_back();
  }
}

void ChannelQueue::note_deletions(const ControlRequest& request, bool only_known) {
  const auto* order = std::get_if<MetadataOrder>(&request.body);
  if (order == nullptr) return;
  for_each_state(order->update->request(), [&](const std::string& topic, const auto& /*id*/,
                                               const auto& state) {
    if (state.leader != kLeaderDuringDelete) return;
    if (only_known) {
      const auto known = missed_->known.find(topic);
      if (known == missed_->known.end() || state.partition_index > known->second.last) return;
    }
    missed_->gone.insert({topic, state.partition_index});
  });
}

std::optional<std::set<TopicPartition>> ChannelQueue::begin_full_order() {
  if (missed_ == nullptr) return std::nullopt;
  is_full_order_ = true;
  return std::exchange(missed_, nullptr)->gone;
}

void ChannelQueue::end_full_order() {
  is_full_order_ = false;
  // Or the next event would drop what was just said.
  weight_max_ = std::max(weight_max_, 2 * weight_);
}

}  // namespace controller
