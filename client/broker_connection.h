// Purpose: one connection to a broker: requests pipelined by correlation id, answers as typed
// replies. Brokers use it among themselves, tools for administration.
//
// Lives on one loop. `co_await close()` before it is destroyed; close() ends what waits, with
// Errc::cancelled. A request that is not answered in time, and any answer that makes no sense,
// closes the connection, because the answers behind it could no longer be told apart.
//
// Errors of a request:
//   closed            the connection was closed before: nothing was sent
//   outcome_unknown   sent (perhaps in part), and no answer came: time-out or broken connection
//   corrupt           the answer could not be decoded
//   cancelled         close() was called meanwhile
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/buffer.h"
#include "base/result.h"
#include "client/api_versions.h"
#include "protocol/headers.h"
#include "runtime/stream.h"
#include "runtime/task_scope.h"
#include "runtime/workers.h"

namespace client {

struct ConnectOptions {
  std::string client_id;
  std::int64_t connect_timeout_ms = 10'000;  // for all addresses of the host together
  std::int64_t request_timeout_ms = 30'000;  // where a call names none
  // An answer announced as longer closes the connection.
  std::size_t response_size_bytes_max = 100 * 1024 * 1024;
};

// A decoded answer. `value` may hold views into `frame`, so the two stay together.
template <class Response>
struct TypedReply {
  base::Buffer frame;
  Response value;
};

class BrokerConnection {
 public:
  // Resolves the name on `resolver` and tries its addresses in turn.
  static runtime::Task<base::Result<std::unique_ptr<BrokerConnection>>> connect(
      runtime::Loop& loop, runtime::WorkerPool& resolver, std::string host, std::uint16_t port,
      ConnectOptions options, runtime::CancelToken token = {});
  // Over a stream that is open: a test's memory stream, a TLS session.
  BrokerConnection(std::unique_ptr<runtime::Stream> stream, ConnectOptions options);
  ~BrokerConnection();
  BrokerConnection(const BrokerConnection&) = delete;
  BrokerConnection& operator=(const BrokerConnection&) = delete;

  // Requests go out in the order of calling. Without a `timeout_ms` the options' value counts.
  template <class Response, class Request>
  runtime::Task<base::Result<TypedReply<Response>>> request(
      Request body, std::int16_t version, std::optional<std::int64_t> timeout_ms = std::nullopt);

  // Asks which versions the broker speaks and remembers the answer; falls back to an older
  // ApiVersions where the broker does not know ours (KIP-511). Idempotent.
  runtime::Task<base::Result<ApiVersionRanges>> negotiate();
  // Empty before negotiate().
  const ApiVersionRanges& api_versions() const { return api_versions_; }

  // Not only after close(): also once the peer closed or an answer failed.
  bool is_closed() const { return closed_; }
  runtime::Task<void> close();
  // The part of close() that does not wait: what is in flight ends soon with Errc::cancelled.
  void abort();

  const std::string& peer() const { return peer_; }  // "10.0.0.1:9092", for log lines
  runtime::Loop& loop() { return stream_->loop(); }

 private:
  struct Pending {
    std::int32_t correlation_id;
    runtime::Sender<base::Result<base::Buffer>> sender;
  };
  class InFlight;  // counts callers, so that close() can wait for them

  // Sends the frame; the answer is the response frame without its length.
  runtime::Task<base::Result<base::Buffer>> exchange(base::Buffer frame,
                                                     std::int32_t correlation_id,
                                                     std::optional<std::int64_t> timeout_ms);
  runtime::Task<void> write_requests();
  runtime::Task<void> read_responses();
  runtime::Task<base::Result<base::Buffer>> read_frame();
  base::Result<void> dispatch(base::Buffer frame);
  // Closes the stream and answers every pending request with `error`. Idempotent.
  void fail(base::Error error);

  const ConnectOptions options_;
  const std::string peer_;
  std::unique_ptr<runtime::Stream> stream_;
  runtime::TaskScope scope_;
  runtime::Notify has_output_;
  runtime::Notify no_callers_;
  runtime::OutputList output_;
  std::deque<Pending> pending_;  // brokers answer in the order of the requests
  ApiVersionRanges api_versions_;
  std::int32_t next_correlation_id_ = 0;
  std::size_t callers_ = 0;
  bool closed_ = false;
};

namespace detail {

// Positions the reader behind the response header.
template <class Response>
base::Result<Response> decode_response(base::Bytes frame, std::int16_t version) {
  protocol::Reader reader(frame);
  TRY(protocol::ResponseHeader::decode(reader, Response::kApiKey, version));
  return Response::decode(reader, version);
}

}  // namespace detail

template <class Response, class Request>
runtime::Task<base::Result<TypedReply<Response>>> BrokerConnection::request(
    Request body, std::int16_t version, std::optional<std::int64_t> timeout_ms) {
  static_assert(Response::kApiKey == Request::kApiKey);
  const std::int32_t correlation_id = next_correlation_id_++;
  auto frame = protocol::encode_request_frame(correlation_id, options_.client_id, body, version);
  if (!frame.ok()) co_return base::fail(base::Errc::invalid_argument, frame.failure());
  CO_TRY_ASSIGN(base::Buffer answer, co_await exchange(frame.take(), correlation_id, timeout_ms));
  CO_TRY_ASSIGN(Response value, detail::decode_response<Response>(answer.bytes(), version));
  co_return TypedReply<Response>{std::move(answer), std::move(value)};
}

}  // namespace client
