#include "broker/groups/subscription.h"

#include <cstdint>

#include "base/bytes.h"
#include "protocol/reader.h"

namespace groups {

base::Result<std::vector<std::string>> parse_subscribed_topics(std::string_view subscription) {
  protocol::Reader reader(base::as_bytes(subscription));
  static_cast<void>(reader.read_int16());  // version: all begin alike
  constexpr std::size_t kTopicSizeMin = 2;
  const std::size_t count = reader.read_count(false, kTopicSizeMin);
  std::vector<std::string> topics;
  topics.reserve(protocol::reserve_count(count));
  for (std::size_t i = 0; i < count && reader.ok(); ++i)
    topics.push_back(reader.read_string(false));
  const std::int32_t user_data_size = reader.read_int32();  // -1: null
  if (user_data_size < -1) reader.fail("user data of negative size");
  if (user_data_size > 0) reader.skip(static_cast<std::size_t>(user_data_size));
  TRY(reader.status());
  return topics;
}

}  // namespace groups
