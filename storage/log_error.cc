#include "storage/log_error.h"

#include <string>

namespace storage {
namespace {

class LogDomain final : public std::error_category {
 public:
  const char* name() const noexcept override { return "log"; }

  std::string message(int value) const override {
    switch (static_cast<LogError>(value)) {
      case LogError::corrupt_message: return "corrupt message";
      case LogError::message_too_large: return "message too large";
      case LogError::invalid_record: return "invalid record";
      case LogError::invalid_timestamp: return "invalid timestamp";
      case LogError::record_list_too_large: return "record list larger than a segment";
      case LogError::unsupported_compression_type: return "unsupported compression type";
      case LogError::unsupported_message_format: return "unsupported message format";
      case LogError::out_of_order_sequence: return "out of order sequence number";
      case LogError::invalid_producer_epoch: return "invalid producer epoch";
      case LogError::invalid_txn_state: return "invalid transaction state";
      case LogError::transaction_coordinator_fenced: return "transaction coordinator fenced";
      case LogError::offset_out_of_range: return "offset out of range";
      case LogError::unexpected_append_offset: return "append below the log end";
      case LogError::inconsistent_topic_id: return "inconsistent topic id";
      case LogError::storage_error: return "storage error";
    }
    return "unknown log error";
  }
};

}  // namespace

const std::error_category& log_domain() noexcept {
  static const LogDomain domain;
  return domain;
}

}  // namespace storage
