// What tests of message formats v0 and v1 share: entries as Kafka 0.8 to 0.10 wrote them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/big_endian.h"
#include "base/bytes.h"
#include "protocol/compression.h"

namespace storage_test {

// CRC-32 of IEEE 802.3, bit by bit: a second opinion.
inline std::uint32_t crc32(const std::string& bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const char byte : bytes) {
    crc ^= static_cast<std::uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
  }
  return ~crc;
}

template <class T>
std::string big_endian(T value) {
  std::string bytes(sizeof(T), '\0');
  base::store_be<T>(reinterpret_cast<std::byte*>(bytes.data()), value);
  return bytes;
}

// One log entry; attributes hold the codec and, in v1, the timestamp type (8).
inline std::string legacy_entry(int magic, std::int64_t offset, std::int64_t timestamp_ms,
                                const std::string& value, int attributes = 0) {
  std::string body;
  body += static_cast<char>(magic);
  body += static_cast<char>(attributes);
  if (magic == 1) body += big_endian<std::int64_t>(timestamp_ms);
  body += big_endian<std::int32_t>(-1);
  body += big_endian<std::int32_t>(static_cast<std::int32_t>(value.size())) + value;
  const std::string message = big_endian<std::uint32_t>(crc32(body)) + body;
  return big_endian<std::int64_t>(offset) +
         big_endian<std::int32_t>(static_cast<std::int32_t>(message.size())) + message;
}

// A compressed v1 message at `last_offset` with one message inside per timestamp.
inline std::string legacy_wrapper(std::int64_t last_offset, std::vector<std::int64_t> timestamps,
                                  protocol::Codec codec, bool is_log_append_time = false) {
  std::string inside;
  std::int64_t largest = -1;
  for (std::size_t i = 0; i < timestamps.size(); ++i) {
    inside += legacy_entry(1, static_cast<std::int64_t>(i), timestamps[i], "inside");
    largest = std::max(largest, timestamps[i]);
  }
  const auto compressed = protocol::compress(codec, base::as_bytes(inside)).value();
  return legacy_entry(1, last_offset, largest, std::string(base::as_text(compressed.bytes())),
                      static_cast<int>(codec) | (is_log_append_time ? 8 : 0));
}

}  // namespace storage_test
