// Purpose: makes responses from protocol messages: length, header and body in one buffer; bytes
// that come from files between its parts.
#pragma once

#include "broker/network/request.h"
#include "protocol/headers.h"

namespace network {

// Puts `external` where the writer noted splices, in order. Each splice must end where a piece of
// `external` ends, and nothing may be left over.
runtime::OutputList assemble(protocol::Writer writer, runtime::OutputList external);

// The usual response: `body` in the request's version.
template <class Body>
Response encode_response(const protocol::RequestHeader& header, const Body& body,
                         std::int16_t version) {
  Response response;
  response.output.add(protocol::encode_response_frame(header.correlation_id, body, version).take());
  return response;
}
template <class Body>
Response encode_response(const RequestContext& context, const Body& body) {
  return encode_response(context.header, body, context.header.api_version);
}
// With records sent from elsewhere (RecordsField::external_size_bytes).
template <class Body>
Response encode_response(const RequestContext& context, const Body& body,
                         runtime::OutputList external) {
  Response response;
  response.output = assemble(protocol::encode_response_frame(context.header.correlation_id, body,
                                                             context.header.api_version),
                             std::move(external));
  return response;
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
