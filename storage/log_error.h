// Purpose: why a log refuses. One value per cause that Kafka's protocol tells apart; the API edge
// maps them to Kafka's error codes (Errors.java) and nobody else does.
#pragma once

#include <system_error>

namespace storage {

enum class LogError {
  corrupt_message = 1,           // CRC, size below the minimum, unknown magic
  message_too_large,             // batch above max.message.bytes
  invalid_record,                // structure, counts, null key on a compacted topic
  invalid_timestamp,             // outside the topic's limits
  record_list_too_large,         // above segment.bytes
  unsupported_compression_type,  // zstd below Produce 7
  unsupported_message_format,    // magic 0 or 1
  out_of_order_sequence,
  invalid_producer_epoch,
  invalid_txn_state,
  transaction_coordinator_fenced,
  offset_out_of_range,       // read below log start or above the log end
  unexpected_append_offset,  // follower append below the log end
  inconsistent_topic_id,     // partition.metadata names another topic id
  storage_error,             // the disk refused; the directory may be offline
};

const std::error_category& log_domain() noexcept;

inline std::error_code make_error_code(LogError code) noexcept {
  return {static_cast<int>(code), log_domain()};
}

}  // namespace storage

template <>
struct std::is_error_code_enum<storage::LogError> : std::true_type {};
