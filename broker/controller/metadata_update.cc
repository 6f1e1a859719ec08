#include "broker/controller/metadata_update.h"

#include "broker/controller/controller_context.h"

namespace controller {

using protocol::UpdateMetadataRequest;

base::Bytes MetadataUpdate::encoded() const {
  if (encoded_.empty()) {
    protocol::Writer writer;
    request_.encode(writer, version_);
    encoded_ = writer.take();
  }
  return encoded_.bytes();
}

std::optional<std::size_t> MetadataUpdate::epoch_position() const {
  if (version_ < 5) return std::nullopt;
  // The controller's id, from version 8 on whether it is a KRaft one, and its epoch come before.
  return version_ < 8 ? 8 : 9;
}

void MetadataOrder::write(protocol::Writer& writer, std::int16_t) const {
  const base::Bytes bytes = update->encoded();
  const auto position = update->epoch_position();
  if (!position) return writer.write_raw(bytes);
  writer.write_raw(bytes.first(*position));
  writer.write_int64(broker_epoch);
  writer.write_raw(bytes.subspan(*position + sizeof(std::int64_t)));
}

bool MergedMetadata::accepts(const MetadataUpdate& next) const {
  if (next.version() != version_) return false;
  bool is_independent = true;
  for_each_state(
      next.request(), [&](const std::string& name, const base::TopicId& id, const State& state) {
        const auto known = topics_.find(name);
        if (known == topics_.end()) return;
        const bool is_again = known->second.has_deletion && state.leader != kLeaderDuringDelete;
        if (is_again || known->second.id != id) is_independent = false;
      });
  return is_independent;
}

void MergedMetadata::add(const MetadataUpdate& next) {
  const UpdateMetadataRequest& request = next.request();
  version_ = next.version();
  last_.controller_id = request.controller_id;
  last_.controller_epoch = request.controller_epoch;
  last_.live_brokers = request.live_brokers;
  for_each_state(request, [this](const std::string& name, const base::TopicId& id,
                                 const State& state) { put(name, id, state); });
}

void MergedMetadata::put(const std::string& name, const base::TopicId& id, const State& state) {
  Topic& topic = topics_[name];
  topic.id = id;
  topic.has_deletion = topic.has_deletion || state.leader == kLeaderDuringDelete;
  if (topic.partitions.insert_or_assign(state.partition_index, state).second) ++partition_count_;
}

MetadataUpdate MergedMetadata::take() {
  UpdateMetadataRequest request = std::move(last_);
  for (auto& [name, topic] : topics_) {
    auto* states = &request.ungrouped_partition_states;
    if (version_ >= 5) {
      auto& grouped = request.topic_states.emplace_back();
      grouped.topic_name = name;
      grouped.topic_id = topic.id;
      states = &grouped.partition_states;
    }
    for (auto& [number, state] : topic.partitions) states->push_back(std::move(state));
  }
  topics_.clear();
  return MetadataUpdate(std::move(request), version_);
}

}  // namespace controller
