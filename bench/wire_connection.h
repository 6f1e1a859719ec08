// Purpose: one blocking connection that speaks Kafka's frames, as thin as a load generator needs.
// One thread. It throws away nothing and retries nothing: the first failure ends the run.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "protocol/headers.h"

namespace bench {

std::int64_t monotonic_ns();

class WireConnection {
 public:
  static base::Result<WireConnection> connect(std::int64_t port);
  WireConnection(WireConnection&& other) noexcept;
  WireConnection& operator=(WireConnection&&) = delete;
  ~WireConnection();

  base::Result<void> send(base::Bytes bytes);
  // The frame behind its length, valid until the next call.
  base::Result<base::Bytes> receive();

  // One request, one response. What `Response` borrows is valid until the next receive().
  template <class Response, class Request>
  base::Result<Response> call(const Request& request, std::int16_t version) {
    auto writer = protocol::encode_request_frame(++correlation_id_, kClientId, request, version);
    TRY(send(writer.written()));
    TRY_ASSIGN(const base::Bytes frame, receive());
    return decode<Response>(frame, version);
  }
  template <class Response>
  static base::Result<Response> decode(base::Bytes frame, std::int16_t version) {
    protocol::Reader reader(frame);
    TRY(protocol::ResponseHeader::decode(reader, Response::kApiKey, version));
    return Response::decode(reader, version);
  }

  static constexpr std::string_view kClientId = "bench";

 private:
  explicit WireConnection(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
  std::int32_t correlation_id_ = 0;
  std::vector<std::byte> input_;
  std::size_t begin_ = 0;  // of what was received and not handed out
  std::size_t end_ = 0;
};

}  // namespace bench
