// Purpose: the headers before each request and response body, and whole frames.
//
// The header's version follows from API and version: a flexible version has tagged fields in its
// header, version 0 of ControlledShutdown has no client id. A client cannot know whether the
// broker understands a flexible header before the first ApiVersions answer, so that answer always
// has header version 0. Source: RequestHeader.java, ApiMessageType of Kafka 3.9; KIP-511.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "protocol/reader.h"
#include "protocol/writer.h"

namespace protocol {

// 0, 1 or 2. `first_flexible` decides, so that a version newer than we know has the header that
// its sender wrote. Nullopt for a key that find_api() does not know.
std::optional<std::int16_t> request_header_version(std::int16_t api_key, std::int16_t api_version);
// 0 or 1; nullopt as above.
std::optional<std::int16_t> response_header_version(std::int16_t api_key, std::int16_t api_version);

struct RequestHeader {
  std::int16_t api_key = 0;
  std::int16_t api_version = 0;
  std::int32_t correlation_id = 0;
  std::optional<std::string_view> client_id;  // a view into the frame

  // Errc::unsupported for an unknown key, Errc::corrupt for bytes that are no header. The version
  // is not checked against the range we serve.
  static base::Result<RequestHeader> decode(Reader& reader);
  void encode(Writer& writer) const;
  std::size_t size_bytes() const;
};

struct ResponseHeader {
  std::int32_t correlation_id = 0;

  static base::Result<ResponseHeader> decode(Reader& reader, std::int16_t api_key,
                                             std::int16_t api_version);
  void encode(Writer& writer, std::int16_t api_key, std::int16_t api_version) const;
  static std::size_t size_bytes(std::int16_t api_key, std::int16_t api_version);
};

// A frame's int32 length prefix.
inline constexpr std::size_t kFrameLengthSize = 4;
// Makes room for a frame with so many bytes behind its length; false, and the writer has failed, if
// a length cannot say that many.
bool reserve_frame(Writer& writer, std::size_t size_bytes);
// Writes the length of everything behind `frame_start` (splices included) at that position. Fails
// the writer if a length cannot say that many bytes.
void finish_frame(Writer& writer, std::size_t frame_start);

// A whole frame (length, header, body) in one allocation of the right size. Ask the writer whether
// it is ok().
template <class Request>
Writer encode_request_frame(std::int32_t correlation_id, std::optional<std::string_view> client_id,
                            const Request& body, std::int16_t version) {
  const RequestHeader header{.api_key = Request::kApiKey,
                             .api_version = version,
                             .correlation_id = correlation_id,
                             .client_id = client_id};
  Writer writer;
  if (version < Request::kMinVersion || version > Request::kMaxVersion) {
    writer.fail("request", "has no such version", version);
    return writer;
  }
  if (!reserve_frame(writer, header.size_bytes() + body.size_bytes(version))) return writer;
  writer.write_int32(0);
  header.encode(writer);
  body.write(writer, version);
  finish_frame(writer, 0);
  return writer;
}

template <class Response>
Writer encode_response_frame(std::int32_t correlation_id, const Response& body,
                             std::int16_t version) {
  Writer writer;
  if (version < Response::kMinVersion || version > Response::kMaxVersion) {
    writer.fail("response", "has no such version", version);
    return writer;
  }
  const std::size_t header_bytes = ResponseHeader::size_bytes(Response::kApiKey, version);
  if (!reserve_frame(writer, header_bytes + body.size_bytes(version))) return writer;
  writer.write_int32(0);
  ResponseHeader{correlation_id}.encode(writer, Response::kApiKey, version);
  body.write(writer, version);
  finish_frame(writer, 0);
  return writer;
}

}  // namespace protocol
