// Purpose: the strong types of the domain, shared by protocol, storage, controller and tools.
#pragma once

#include <fmt/core.h>

#include <compare>
#include <cstdint>
#include <string>

#include "base/strong.h"
#include "base/uuid.h"

namespace base {

using Offset = Strong<struct OffsetTag, std::int64_t>;              // a record's place in a log
using LeaderEpoch = Strong<struct LeaderEpochTag, std::int32_t>;    // -1: unknown
using ControllerEpoch = Strong<struct ControllerEpochTag, std::int32_t>;
using BrokerEpoch = Strong<struct BrokerEpochTag, std::int64_t>;    // czxid of /brokers/ids/N
using ZkVersion = Strong<struct ZkVersionTag, std::int32_t>;        // a znode's dataVersion
using BrokerId = Strong<struct BrokerIdTag, std::int32_t>;          // -1: none
using ProducerId = Strong<struct ProducerIdTag, std::int64_t>;      // -1: none
using FilePosition = Strong<struct FilePositionTag, std::int64_t>;  // bytes from a file's start

inline constexpr LeaderEpoch kNoLeaderEpoch{-1};
inline constexpr BrokerId kNoBroker{-1};

using TopicId = Uuid;

struct TopicPartition {
  std::string topic;
  std::int32_t partition = 0;

  // "topic-partition", the directory name and the form of every log line.
  std::string to_string() const { return fmt::format("{}-{}", topic, partition); }
  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
};

}  // namespace base

template <>
struct std::hash<base::TopicPartition> {
  std::size_t operator()(const base::TopicPartition& tp) const noexcept {
    return std::hash<std::string>()(tp.topic) * 31 + static_cast<std::size_t>(tp.partition);
  }
};

template <class Tag, class Rep>
struct fmt::formatter<base::Strong<Tag, Rep>> : fmt::formatter<Rep> {
  template <class Context>
  auto format(base::Strong<Tag, Rep> v, Context& context) const {
    return fmt::formatter<Rep>::format(v.value(), context);
  }
};
template <>
struct fmt::formatter<base::TopicPartition> : fmt::formatter<std::string_view> {
  template <class Context>
  auto format(const base::TopicPartition& tp, Context& context) const {
    // fmt::format is compiled once, in its library; format_to into a Context would be in each file.
    return fmt::formatter<std::string_view>::format(fmt::format("{}-{}", tp.topic, tp.partition),
                                                    context);
  }
};
template <>
struct fmt::formatter<base::Uuid> : fmt::formatter<std::string_view> {
  template <class Context>
  auto format(const base::Uuid& id, Context& context) const {
    return fmt::formatter<std::string_view>::format(id.to_string(), context);
  }
};
