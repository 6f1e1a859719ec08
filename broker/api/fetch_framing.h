// Purpose: what a Fetch answer costs beside its records, for each version: an upper bound, so that
// the whole frame keeps to the client's max_bytes.
// Source: FetchResponse.json (3.9).
#pragma once

#include <cstdint>

#include "broker/replication/fetcher.h"

namespace api {

inline replication::FetchFraming fetch_framing(std::int16_t version) {
  const bool is_flexible = version >= 12;
  // A length or a count: a varint of a value below 2^28 where the version is flexible.
  constexpr std::int64_t kCount = 4;
  const std::int64_t tags = is_flexible ? 1 : 0;
  replication::FetchFraming framing;
  // Length, correlation id and tags of the header; throttle time; error code and session id; the
  // topics; tags.
  framing.response = 4 + 4 + tags + 4 + (version >= 7 ? 2 + 4 : 0) + kCount + tags;
  framing.names_topics = version < 13;
  framing.topic = (framing.names_topics ? 2 : 16) + kCount + tags;
  // Index, error, high watermark; last stable offset and aborted transactions; log start; preferred
  // replica; records; tags.
  framing.partition = 4 + 2 + 8 + (version >= 4 ? 8 + kCount : 0) + (version >= 5 ? 8 : 0) +
                      (version >= 11 ? 4 : 0) + (is_flexible ? 5 : kCount) + tags;
  // A tagged field with its number and size: the diverging epoch, or the current leader.
  framing.special = is_flexible ? 2 + 4 + 8 + 1 : 0;
  framing.aborted_transaction = 8 + 8 + tags;
  return framing;
}

}  // namespace api
