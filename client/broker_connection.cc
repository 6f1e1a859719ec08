#include "client/broker_connection.h"

#include <fmt/core.h>

#include "protocol/error_code.h"
#include "protocol/gen/api_versions.h"
#include "runtime/stream_io.h"

namespace client {

namespace {

constexpr std::string_view kSoftwareName = "barnabas";
constexpr std::string_view kSoftwareVersion = "0.1.0";
// A frame's buffer starts at this size and doubles as bytes arrive, so that an announced length
// alone costs nothing.
constexpr std::size_t kFirstReadBytes = 64 * 1024;

base::Error unknown_outcome(const base::Error& cause) {
  return base::Error(base::Errc::outcome_unknown, cause.to_string());
}

}  // namespace

class BrokerConnection::InFlight {
 public:
  explicit InFlight(BrokerConnection& connection) : connection_(connection) {
    ++connection_.callers_;
  }
  ~InFlight() {
    if (--connection_.callers_ == 0) connection_.no_callers_.notify_all();
  }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;

 private:
  BrokerConnection& connection_;
};

runtime::Task<base::Result<std::unique_ptr<BrokerConnection>>> BrokerConnection::connect(
    runtime::Loop& loop, runtime::WorkerPool& resolver, std::string host, std::uint16_t port,
    ConnectOptions options, runtime::CancelToken token) {
  const std::int64_t deadline_ms = loop.now_ms() + options.connect_timeout_ms;
  CO_TRY_ASSIGN(const std::vector<runtime::SocketAddress> addresses,
                co_await runtime::resolve(resolver, host, port, options.connect_timeout_ms, token));
  base::Error last(base::Errc::not_found, fmt::format("no address for host {}", host));
  for (const runtime::SocketAddress& address : addresses) {
    const std::int64_t left_ms = deadline_ms - loop.now_ms();
    if (left_ms <= 0) {
      last = base::Error(base::Errc::timed_out, fmt::format("connect to {}:{}", host, port));
      break;
    }
    auto stream = co_await loop.connect(address, left_ms, token);
    if (stream) {
      co_return std::make_unique<BrokerConnection>(std::move(*stream), std::move(options));
    }
    last = std::move(stream).error();
    if (last.is(base::Errc::cancelled)) break;
  }
  co_return base::fail(std::move(last));
}

BrokerConnection::BrokerConnection(std::unique_ptr<runtime::Stream> stream, ConnectOptions options)
    : options_(std::move(options)),
      peer_(stream->peer_address().to_string()),
      stream_(std::move(stream)),
      scope_(stream_->loop(), "client connection " + peer_),
      has_output_(stream_->loop()),
      no_callers_(stream_->loop()) {
  scope_.spawn(read_responses());
  scope_.spawn(write_requests());
}

BrokerConnection::~BrokerConnection() {
  VERIFY(callers_ == 0, "connection to {} was destroyed under its callers", peer_);
}

void BrokerConnection::abort() {
  fail(base::Error(base::Errc::cancelled, "connection to " + peer_ + " was closed"));
}

runtime::Task<void> BrokerConnection::close() {
  abort();
  scope_.cancel();
  co_await scope_.join();
  while (callers_ > 0) (void)co_await no_callers_.wait();
}

runtime::Task<base::Result<ApiVersionRanges>> BrokerConnection::negotiate() {
  using Request = protocol::ApiVersionsRequest;
  using Response = protocol::ApiVersionsResponse;
  if (!api_versions_.empty()) co_return api_versions_;
  const InFlight in_flight(*this);
  std::int16_t version = Request::kMaxVersion;
  for (;;) {
    Request body;
    body.client_software_name = kSoftwareName;
    body.client_software_version = kSoftwareVersion;
    const std::int32_t correlation_id = next_correlation_id_++;
    base::Buffer frame =
        protocol::encode_request_frame(correlation_id, options_.client_id, body, version).take();
    CO_TRY_ASSIGN(const base::Buffer answer,
                  co_await exchange(std::move(frame), correlation_id, std::nullopt));
    // A broker that does not know the version answers in version 0, whatever was asked.
    auto decoded = detail::decode_response<Response>(answer.bytes(), 0);
    const bool refused =
        decoded &&
        decoded->error_code == static_cast<std::int16_t>(protocol::ErrorCode::kUnsupportedVersion);
    if (!refused) decoded = detail::decode_response<Response>(answer.bytes(), version);
    if (!decoded) co_return base::fail(std::move(decoded).error());
    ApiVersionRanges ranges;
    for (const auto& api : decoded->api_keys) {
      ranges.set(api.api_key, {api.min_version, api.max_version});
    }
    if (!refused) {
      if (decoded->error_code != 0) {
        co_return base::fail(
            base::Errc::unsupported,
            fmt::format("ApiVersions was answered with error code {}", decoded->error_code));
      }
      api_versions_ = std::move(ranges);
      co_return api_versions_;
    }
    if (version == 0) {
      co_return base::fail(base::Errc::unsupported, "the broker refuses ApiVersions version 0");
    }
    // Brokers before KIP-511 list nothing here: version 0 then.
    const auto common = ranges.highest_common<Request>(static_cast<std::int16_t>(version - 1));
    version = common.value_or(std::int16_t{0});
  }
}

runtime::Task<base::Result<base::Buffer>> BrokerConnection::exchange(
    base::Buffer frame, std::int32_t correlation_id, std::optional<std::int64_t> timeout_ms) {
  if (closed_) co_return base::fail(base::Errc::closed, "connection to " + peer_);
  const InFlight in_flight(*this);
  auto [sender, receiver] = runtime::one_shot<base::Result<base::Buffer>>(stream_->loop());
  pending_.push_back({correlation_id, std::move(sender)});
  output_.add(std::move(frame));
  has_output_.notify_one();
  const std::int64_t limit_ms = timeout_ms.value_or(options_.request_timeout_ms);
  auto answer = co_await receiver.wait(limit_ms);
  if (answer) co_return std::move(*answer);
  base::Error error = unknown_outcome(base::Error(
      base::Errc::timed_out, fmt::format("no answer from {} within {} ms", peer_, limit_ms)));
  fail(error);
  co_return base::fail(std::move(error));
}

runtime::Task<void> BrokerConnection::write_requests() {
  while (!closed_) {
    if (output_.empty()) {
      (void)co_await has_output_.wait(runtime::kNoTimeout, scope_.token());
      continue;
    }
    const base::Result<void> written = co_await runtime::write_all(
        *stream_, std::exchange(output_, {}), options_.request_timeout_ms, scope_.token());
    if (!written) fail(unknown_outcome(written.error()));
  }
}

runtime::Task<void> BrokerConnection::read_responses() {
  while (!closed_) {
    base::Result<base::Buffer> frame = co_await read_frame();
    if (!frame) {
      fail(unknown_outcome(frame.error()));
      break;
    }
    const base::Result<void> dispatched = dispatch(std::move(*frame));
    if (!dispatched) fail(unknown_outcome(dispatched.error()));
  }
}

runtime::Task<base::Result<base::Buffer>> BrokerConnection::read_frame() {
  base::Buffer length = base::Buffer::with_capacity(protocol::kFrameLengthSize);
  length.commit(protocol::kFrameLengthSize);
  CO_TRY(co_await runtime::read_exact(*stream_, length.mutable_bytes(), runtime::kNoTimeout,
                                      scope_.token()));
  const std::int32_t announced = protocol::Reader(length.bytes()).read_int32();
  if (announced < 4 || static_cast<std::size_t>(announced) > options_.response_size_bytes_max) {
    co_return base::fail(base::Errc::corrupt,
                         fmt::format("{} announced an answer of {} bytes", peer_, announced));
  }
  const auto size_bytes = static_cast<std::size_t>(announced);
  base::Buffer frame;
  while (frame.size() < size_bytes) {
    const std::size_t start = frame.size();
    const std::size_t target = std::min(size_bytes, std::max(kFirstReadBytes, 2 * start));
    frame.reserve(target);
    frame.commit(target - start);
    CO_TRY(co_await runtime::read_exact(*stream_, frame.mutable_bytes().subspan(start),
                                        options_.request_timeout_ms, scope_.token()));
  }
  co_return frame;
}

base::Result<void> BrokerConnection::dispatch(base::Buffer frame) {
  const std::int32_t correlation_id = protocol::Reader(frame.bytes()).read_int32();
  if (pending_.empty() || pending_.front().correlation_id != correlation_id) {
    return base::fail(
        base::Errc::corrupt,
        fmt::format("{} answered out of turn: correlation id {}, expected {}", peer_,
                    correlation_id,
                    pending_.empty() ? "none" : std::to_string(pending_.front().correlation_id)));
  }
  Pending pending = std::move(pending_.front());
  pending_.pop_front();
  pending.sender.complete(std::move(frame));
  return {};
}

void BrokerConnection::fail(base::Error error) {
  if (closed_) return;
  closed_ = true;
  stream_->close();
  has_output_.notify_all();
  std::deque<Pending> pending = std::exchange(pending_, {});
  for (Pending& entry : pending) entry.sender.complete(base::fail(error));
}

}  // namespace client
