// Purpose: requests and responses as bytes, for the tests of the network room.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/big_endian.h"
#include "base/buffer.h"
#include "protocol/writer.h"

namespace network_test {

inline std::string big_endian(std::int32_t value) {
  std::string text(4, '\0');
  base::store_be(reinterpret_cast<std::byte*>(text.data()), value);
  return text;
}
inline std::int32_t from_big_endian(std::string_view text) {
  return base::load_be<std::int32_t>(reinterpret_cast<const std::byte*>(text.data()));
}

inline std::string with_length(std::string_view content) {
  return big_endian(static_cast<std::int32_t>(content.size())) + std::string(content);
}

// A whole request frame, version 0.
inline std::string request(std::int16_t api_key, std::int32_t correlation_id,
                           std::string_view body = "") {
  protocol::Writer writer;  // not RequestHeader::encode, which refuses keys that do not exist
  writer.write_int16(api_key);
  writer.write_int16(0);
  writer.write_int32(correlation_id);
  writer.write_string("test", false);
  writer.write_raw(base::as_bytes(body));
  return with_length(base::as_text(writer.written()));
}

// A whole response frame.
inline std::string response(std::int32_t correlation_id, std::string_view body = "") {
  return with_length(big_endian(correlation_id) + std::string(body));
}

inline base::Buffer buffer_of(std::string_view text) {
  return base::Buffer::copy_of(base::as_bytes(text));
}

}  // namespace network_test
