#include "tools/cluster_session.h"

#include <fmt/core.h>

#include <charconv>

#include "base/result.h"
#include "tools/properties_arguments.h"

namespace tools {

using runtime::Task;

namespace {

Outcome<std::int64_t> milliseconds(const config::Property& property) {
  std::int64_t value = 0;
  const std::string& text = property.value;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) {
    return failure(
        fmt::format("{}: {} of {} is not a time in ms", property.where(), text, property.key));
  }
  return value;
}

Outcome<> apply(const config::Property& property, client::ClusterClientOptions& options) {
  if (property.key == "client.id") {
    options.connection.client_id = property.value;
  } else if (property.key == "request.timeout.ms") {
    TRY_ASSIGN(options.connection.request_timeout_ms, milliseconds(property));
  } else if (property.key == "default.api.timeout.ms") {
    TRY_ASSIGN(options.call_timeout_ms, milliseconds(property));
  } else if (property.key == "retry.backoff.ms") {
    TRY_ASSIGN(options.retry_backoff_ms, milliseconds(property));
  } else if (property.key == "security.protocol") {
    if (property.value != "PLAINTEXT") {
      return failure(fmt::format("{}: security.protocol={} is not supported by this tool",
                                 property.where(), property.value));
    }
  } else if (property.key != "bootstrap.servers") {
    fmt::print(stderr, "WARN {}: {} has no effect here\n", property.where(), property.key);
  }
  return {};
}

}  // namespace

ClusterSession::ClusterSession(std::string bootstrap, client::ClusterClientOptions options)
    : bootstrap_(std::move(bootstrap)),
      resolver_(runtime::make_worker_pool("resolver", 1, 16)),
      client_(loop_, *resolver_, std::move(options)) {}

Outcome<std::unique_ptr<ClusterSession>> ClusterSession::create(const ClusterSettings& settings) {
  client::ClusterClientOptions options;
  options.connection.client_id = settings.client_id;
  options.connection.connect_timeout_ms = kConnectTimeoutMs;
  auto bootstrap = client::parse_bootstrap(settings.bootstrap);
  if (!bootstrap) return failure(bootstrap.error().context());
  options.bootstrap = std::move(*bootstrap);
  if (settings.command_config) {
    TRY_ASSIGN(const config::Properties properties, load_properties(*settings.command_config));
    for (const config::Property& property : properties.entries()) TRY(apply(property, options));
  }
  if (settings.call_timeout_ms) options.call_timeout_ms = *settings.call_timeout_ms;
  return std::unique_ptr<ClusterSession>(
      new ClusterSession(settings.bootstrap, std::move(options)));
}

Task<Outcome<>> ClusterSession::connect() {
  const std::int64_t deadline_ms = loop_.now_ms() + kConnectTimeoutMs;
  for (;;) {
    auto refreshed = co_await client_.refresh();
    if (refreshed) co_return Outcome<>();
    const bool is_final = refreshed.error().is(base::Errc::unsupported);
    if (is_final || loop_.now_ms() >= deadline_ms) {
      co_return failure(fmt::format(
          "No broker could be reached at {} ({}): is one running there? Check --bootstrap-server.",
          bootstrap_, refreshed.error().to_string()));
    }
    (void)co_await runtime::sleep_ms(loop_, 100);
  }
}

Task<Outcome<protocol::MetadataResponse>> fetch_metadata(client::ClusterClient& cluster) {
  CO_TRY_ASSIGN(auto reply,
                co_await cluster.call_any<protocol::MetadataResponse>([](std::int16_t version) {
                  protocol::MetadataRequest request;
                  // All topics: null, but an empty list in version 0.
                  if (version >= 1) request.topics.reset();
                  request.allow_auto_topic_creation = false;
                  return request;
                }));
  co_return std::move(reply.value);
}

Failure broker_failure(std::int16_t error_code, const std::optional<std::string>& message) {
  if (message && !message->empty()) return Failure(*message);
  const auto code = protocol::error_code_from_wire(error_code);
  return Failure(fmt::format("{}: {}", protocol::name(code), protocol::message(code)));
}

}  // namespace tools
