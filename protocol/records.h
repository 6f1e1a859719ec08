// Purpose: the record batches inside a Produce or Fetch message, as they stand on the wire.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/bytes.h"

namespace protocol {

// Batches inside a request's frame; valid as long as the frame.
using RecordsView = base::Bytes;

// The batches of a Fetch response. When encoded, either inline bytes are copied, or (if
// external_size_bytes > 0) only their length is written and the Writer notes a Splice, so that
// the network layer sends the batches from the log file between two parts of the buffer.
// When decoded, inline_bytes is a view into the frame.
struct RecordsField {
  base::Bytes inline_bytes;
  std::uint32_t external_size_bytes = 0;
  bool is_null = false;  // Kafka's brokers send an empty field, not a null one

  // The same content on the wire; a splice equals only a splice of the same size.
  friend bool operator==(const RecordsField& a, const RecordsField& b) {
    return a.is_null == b.is_null && a.external_size_bytes == b.external_size_bytes &&
           std::equal(a.inline_bytes.begin(), a.inline_bytes.end(), b.inline_bytes.begin(),
                      b.inline_bytes.end());
  }
};

}  // namespace protocol
