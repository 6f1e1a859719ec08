// Purpose: what passes between a connection and the APIs: a request with its frame, a response
// ready to be sent.
//
// A connection calls the one RequestHandler of the process on its own loop. Requests are answered
// in the order of arrival; only Produce may be followed by the next request before its response is
// sent (docs/ARCHITECTURE.md, "Order on a connection").
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/buffer.h"
#include "broker/network/memory_budget.h"
#include "config/listeners.h"
#include "protocol/headers.h"
#include "runtime/address.h"
#include "runtime/cancel.h"
#include "runtime/stream.h"
#include "runtime/task.h"
#include "runtime/wait.h"

namespace network {

// Immutable; lives as long as the server.
struct ListenerContext {
  std::string name;
  config::SecurityProtocol security_protocol = config::SecurityProtocol::plaintext;
  bool is_control_plane = false;
  bool is_inter_broker = false;
};

// One connection as its requests see it. On the connection's loop only.
struct ConnectionInfo {
  std::uint64_t id = 0;  // unique in this process
  runtime::SocketAddress peer;
  std::string peer_host;  // "10.0.0.1"
  std::string principal = "User:ANONYMOUS";
  std::string client_software_name = "unknown";  // from ApiVersions v3+
  std::string client_software_version = "unknown";
};

// A request; lives in its connection, at one place, until its response is sent or the connection
// has ended. On the connection's loop only, but what `frame` holds may be read anywhere by whoever
// keeps a copy of the buffer.
struct RequestContext {
  protocol::RequestHeader header;  // client_id is a view into frame
  base::Buffer frame;
  std::size_t body_offset = 0;  // of the body in frame
  const ListenerContext* listener = nullptr;
  ConnectionInfo* connection = nullptr;
  std::int64_t received_ns = 0;  // monotonic, when the frame was complete
  // Cancelled when the connection ends, and when the peer has closed its side: it asks no more.
  // Every wait of a handler takes it; what the request changes does not depend on it.
  runtime::CancelToken cancel;
  MemoryBudget* budget = nullptr;  // null: nothing is charged (tests)
  MemoryBudget::Use memory_use = MemoryBudget::Use::client;
  MemoryBudget::Charge charge;

  base::Bytes body() const { return frame.bytes().subspan(body_offset); }
  std::string client_id() const { return std::string(header.client_id.value_or("")); }
  // Gives the frame's memory back before the response is there. Views into it, the header's
  // client id too, are gone.
  void release_frame() {
    header.client_id.reset();
    frame = {};
    charge.release();
  }
};

// What goes out.
struct Response {
  runtime::OutputList output;     // the whole frame with its length; empty: no response (acks=0)
  bool close_connection = false;  // once output is sent
  std::int64_t throttle_ms = 0;   // the connection is not read for so long; the response is sent
};

struct Reply {
  Response response;
  // Set (Produce only): the response comes later and `response` is not used. Who completes it must
  // not point into the context, which may be gone by then. A sender that is destroyed without a
  // response closes the connection.
  std::optional<runtime::Receiver<Response>> deferred;
};

// One per process, called on the connections' loops.
class RequestHandler {
 public:
  virtual ~RequestHandler() = default;
  // Ends when the next request of this connection may start: when the response is there, for
  // Produce after the append. What it throws closes the connection. `context` outlives the task.
  virtual runtime::Task<Reply> handle(RequestContext& context) = 0;
};

}  // namespace network
