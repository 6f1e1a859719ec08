// Purpose: what one API family implements, and the steps all of them share.
//
// An API decodes, authorises, calls the domain and encodes; it has no logic of its own. A request
// that cannot be decoded closes its connection, as in Kafka; a failure inside is answered with the
// error codes of that API.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "broker/network/request.h"
#include "broker/network/response.h"
#include "protocol/reader.h"

namespace api {

// Called on the connections' loops, for several requests at a time. Lives as long as the process
// serves.
class ApiHandler {
 public:
  virtual ~ApiHandler() = default;
  // `version` is one that the dispatcher advertises (ApiVersions excepted) and what
  // context.header says. `context` outlives the task; what completes a deferred reply must not
  // point into it.
  virtual runtime::Task<network::Reply> handle(network::RequestContext& context,
                                               std::int16_t version) = 0;
};

// What the elements of a request may take when decoded; more closes the connection. Requests
// between brokers and those that name each partition of a client are allowed more.
std::size_t decoded_bytes_max(std::int16_t api_key);
// Adds to the frame's charge what the decoded elements take. Errc::unavailable: the memory of
// requests is used up.
base::Result<void> charge_decoded(network::RequestContext& context, std::size_t decoded_bytes);

// A rate-limited line about who sent what, for requests that close their connection.
void warn_bad_request(const network::RequestContext& context, const base::Error& error);

// The body in the request's version; it may hold views into the frame.
//
//   auto request = decode_request<protocol::MetadataRequest>(context);
//   if (!request) co_return network::close_reply();
template <class Request>
base::Result<Request> decode_request(network::RequestContext& context) {
  protocol::Reader reader(context.body(), decoded_bytes_max(context.header.api_key));
  auto request = Request::decode(reader, context.header.api_version);
  if (request) {
    if (auto charged = charge_decoded(context, reader.decoded_bytes()); !charged) {
      request = base::fail(std::move(charged).error());
    }
  }
  if (!request) warn_bad_request(context, request.error());
  return request;
}

}  // namespace api
