// Purpose: makes responses from protocol messages: length, header and body in one buffer; bytes
// that come from files between its parts.
#pragma once

#include "broker/network/request.h"
#include "protocol/headers.h"

namespace network {

// Puts `external` where the writer noted splices, in order. An error if a splice does not end where
// a piece of `external` ends, or something is left over.
base::Result<runtime::OutputList> assemble(protocol::Writer writer, runtime::OutputList external);

// What was written, with `external` in its splices. If the response cannot be what its version
// demands, that is a fault of ours, which costs this connection and a line, not the process.
Response make_response(std::int16_t api_key, std::int16_t version, protocol::Writer writer,
                       runtime::OutputList external = {});

// The usual response: `body` in the request's version.
template <class Body>
Response encode_response(const protocol::RequestHeader& header, const Body& body,
                         std::int16_t version) {
  return make_response(Body::kApiKey, version,
                       protocol::encode_response_frame(header.correlation_id, body, version));
}
template <class Body>
Response encode_response(const RequestContext& context, const Body& body) {
  return encode_response(context.header, body, context.header.api_version);
}
// With records sent from elsewhere (RecordsField::external_size_bytes).
template <class Body>
Response encode_response(const RequestContext& context, const Body& body,
                         runtime::OutputList external) {
  const protocol::RequestHeader& header = context.header;
  return make_response(
      Body::kApiKey, header.api_version,
      protocol::encode_response_frame(header.correlation_id, body, header.api_version),
      std::move(external));
}

template <class Body>
Reply reply(const RequestContext& context, const Body& body) {
  return {encode_response(context, body), std::nullopt};
}
// No answer, and no more requests: what Kafka does with a request that makes no sense.
inline Reply close_reply() {
  Reply reply;
  reply.response.close_connection = true;
  return reply;
}

}  // namespace network
