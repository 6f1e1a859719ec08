#include "protocol/headers.h"

#include <string>

#include "protocol/api_key.h"

namespace protocol {
namespace {

constexpr std::size_t kFrameBytesMax = 0x7fffffff;
// Versions of a request header.
constexpr std::int16_t kWithClientId = 1;
constexpr std::int16_t kWithTaggedFields = 2;
constexpr std::size_t kNoTaggedFieldsBytes = 1;  // their count, 0

void fail_too_large(Writer& writer) { writer.fail("frame", "has more than 2^31 - 1 bytes", -1); }

}  // namespace

std::optional<std::int16_t> request_header_version(std::int16_t api_key, std::int16_t api_version) {
  const ApiInfo* api = find_api(api_key);
  if (api == nullptr) return std::nullopt;
  if (api->key == ApiKey::kControlledShutdown && api_version == 0) return 0;
  return api->is_flexible(api_version) ? kWithTaggedFields : kWithClientId;
}

std::optional<std::int16_t> response_header_version(std::int16_t api_key,
                                                    std::int16_t api_version) {
  const ApiInfo* api = find_api(api_key);
  if (api == nullptr) return std::nullopt;
  if (api->key == ApiKey::kApiVersions) return 0;
  return api->is_flexible(api_version) ? 1 : 0;
}

base::Result<RequestHeader> RequestHeader::decode(Reader& reader) {
  RequestHeader header;
  header.api_key = reader.read_int16();
  header.api_version = reader.read_int16();
  header.correlation_id = reader.read_int32();
  if (!reader.ok()) return base::fail(base::Errc::corrupt, "request header ends early");
  const auto version = request_header_version(header.api_key, header.api_version);
  if (!version) {
    return base::fail(base::Errc::unsupported, "API key " + std::to_string(header.api_key));
  }
  // The client id keeps its int16 length in version 2, so that every broker can read it.
  if (version >= kWithClientId) header.client_id = reader.read_nullable_string_view(false);
  if (version >= kWithTaggedFields) reader.skip_tagged_fields();
  TRY(reader.status());
  return header;
}

void RequestHeader::encode(Writer& writer) const {
  const auto version = request_header_version(api_key, api_version);
  if (!version) return writer.fail("request header", "has an unknown API key", api_version);
  writer.write_int16(api_key);
  writer.write_int16(api_version);
  writer.write_int32(correlation_id);
  if (version >= kWithClientId) writer.write_nullable_string(client_id, false);
  if (version >= kWithTaggedFields) writer.write_unsigned_varint(0);
}

std::size_t RequestHeader::size_bytes() const {
  const auto version = request_header_version(api_key, api_version);
  std::size_t size = sizeof api_key + sizeof api_version + sizeof correlation_id;
  if (version >= kWithClientId) size += nullable_string_size(client_id, false);
  if (version >= kWithTaggedFields) size += kNoTaggedFieldsBytes;
  return size;
}

base::Result<ResponseHeader> ResponseHeader::decode(Reader& reader, std::int16_t api_key,
                                                    std::int16_t api_version) {
  ResponseHeader header{.correlation_id = reader.read_int32()};
  if (response_header_version(api_key, api_version) >= 1) reader.skip_tagged_fields();
  TRY(reader.status());
  return header;
}

void ResponseHeader::encode(Writer& writer, std::int16_t api_key, std::int16_t api_version) const {
  writer.write_int32(correlation_id);
  if (response_header_version(api_key, api_version) >= 1) writer.write_unsigned_varint(0);
}

std::size_t ResponseHeader::size_bytes(std::int16_t api_key, std::int16_t api_version) {
  const bool is_tagged = response_header_version(api_key, api_version) >= 1;
  return sizeof correlation_id + (is_tagged ? kNoTaggedFieldsBytes : 0);
}

bool reserve_frame(Writer& writer, std::size_t size_bytes) {
  if (size_bytes > kFrameBytesMax) {
    fail_too_large(writer);
    return false;
  }
  writer.reserve(kFrameLengthSize + size_bytes);
  return true;
}

void finish_frame(Writer& writer, std::size_t frame_start) {
  const std::size_t size = writer.wire_size_bytes() - frame_start - kFrameLengthSize;
  if (size > kFrameBytesMax) return fail_too_large(writer);
  writer.patch_int32(frame_start, static_cast<std::int32_t>(size));
}

}  // namespace protocol
