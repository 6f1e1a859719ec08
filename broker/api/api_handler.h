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

// A rate-limited line about who sent what, for requests that close their connection.
void warn_bad_request(const network::RequestContext& context, const base::Error& error);

// The body in the request's version; it may hold views into the frame.
//
//   auto request = decode_request<protocol::MetadataRequest>(context);
//   if (!request) co_return network::close_reply();
template <class Request>
base::Result<Request> decode_request(const network::RequestContext& context) {
  protocol::Reader reader(context.body());
  auto request = Request::decode(reader, context.header.api_version);
  if (!request) warn_bad_request(context, request.error());
  return request;
}

}  // namespace api
