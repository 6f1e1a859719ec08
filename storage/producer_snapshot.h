// Purpose: the `.snapshot` file: producer state at one offset. int16 version 1, uint32 CRC-32C of
// what follows it, int32 count, entries. Only the last batch of each producer is kept.
// Source: ProducerStateManager.readSnapshot, writeSnapshot.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "storage/producer_state.h"

namespace storage {

std::string encode_producer_snapshot(const std::vector<ProducerEntry>& entries);
// Errc::corrupt for another version, a wrong checksum, or bytes that don't add up.
base::Result<std::vector<ProducerEntry>> decode_producer_snapshot(base::Bytes bytes);

}  // namespace storage
