// Purpose: UpdateMetadata on its way to many brokers: what is the same for all is kept, and
// encoded, once; and what waits for a slow broker is merged, so that it is bounded by the cluster's
// size and not by how long the broker is slow.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/buffer.h"
#include "protocol/gen/update_metadata.h"
#include "protocol/writer.h"

namespace controller {

// `visit(topic name, topic id, state)`, whatever form the version has.
template <class Visit>
void for_each_state(const protocol::UpdateMetadataRequest& request, Visit visit) {
  for (const auto& topic : request.topic_states) {
    for (const auto& state : topic.partition_states) {
      visit(topic.topic_name, topic.topic_id, state);
    }
  }
  for (const auto& state : request.ungrouped_partition_states) {
    visit(state.topic_name, base::TopicId(), state);
  }
}

// Immutable. One loop.
class MetadataUpdate {
 public:
  MetadataUpdate(protocol::UpdateMetadataRequest request, std::int16_t version)
      : request_(std::move(request)), version_(version) {}

  const protocol::UpdateMetadataRequest& request() const { return request_; }
  std::int16_t version() const { return version_; }
  // The body, with whatever broker epoch; made when first asked for.
  base::Bytes encoded() const;
  // Where the broker epoch stands in it; nullopt if the version has none.
  std::optional<std::size_t> epoch_position() const;

 private:
  const protocol::UpdateMetadataRequest request_;
  const std::int16_t version_;
  mutable base::Buffer encoded_;
};

// For one broker. A request body like the generated ones.
struct MetadataOrder {
  static constexpr std::int16_t kApiKey = protocol::UpdateMetadataRequest::kApiKey;
  static constexpr std::int16_t kMinVersion = protocol::UpdateMetadataRequest::kMinVersion;
  static constexpr std::int16_t kMaxVersion = protocol::UpdateMetadataRequest::kMaxVersion;

  std::shared_ptr<const MetadataUpdate> update;
  std::int64_t broker_epoch = -1;

  std::size_t size_bytes(std::int16_t) const { return update->encoded().size(); }
  void write(protocol::Writer& writer, std::int16_t version) const;
};

// Updates that follow each other with no other request between them, as one.
class MergedMetadata {
 public:
  // False if the order of the two matters: a topic that was deleted is there again, or is another
  // one of the same name.
  bool accepts(const MetadataUpdate& next) const;
  void add(const MetadataUpdate& next);
  MetadataUpdate take();
  std::size_t partition_count() const { return partition_count_; }

 private:
  using State = protocol::UpdateMetadataRequest::UpdateMetadataPartitionState;
  struct Topic {
    base::TopicId id;
    bool has_deletion = false;
    std::map<std::int32_t, State> partitions;
  };

  void put(const std::string& topic, const base::TopicId& id, const State& state);

  protocol::UpdateMetadataRequest last_;  // without topics
  std::int16_t version_ = 0;
  std::map<std::string, Topic, std::less<>> topics_;
  std::size_t partition_count_ = 0;
};

}  // namespace controller
