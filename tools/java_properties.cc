#include "tools/java_properties.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace tools {

namespace {

enum class Use : std::uint8_t { both, producer, consumer };
enum class Change : std::uint8_t {
  same,       // the value as it stands
  kilobytes,  // Java counts bytes
  assignors,  // Java's class names
  no_effect,
  refused,
};

struct Entry {
  std::string_view java;
  std::string_view rdkafka;  // empty: the same name
  Use use = Use::both;
  Change change = Change::same;
};

constexpr Entry kEntries[] = {
    {"bootstrap.servers", ""},
    {"client.id", ""},
    {"client.rack", ""},
    {"client.dns.lookup", ""},
    {"connections.max.idle.ms", ""},
    {"metadata.max.age.ms", "topic.metadata.refresh.interval.ms"},
    {"receive.buffer.bytes", "socket.receive.buffer.bytes"},
    {"send.buffer.bytes", "socket.send.buffer.bytes"},
    {"reconnect.backoff.ms", ""},
    {"reconnect.backoff.max.ms", ""},
    {"retry.backoff.ms", ""},
    {"socket.connection.setup.timeout.ms", ""},
    {"security.protocol", ""},
    {"sasl.mechanism", ""},
    {"sasl.kerberos.service.name", ""},
    {"ssl.endpoint.identification.algorithm", ""},
    {"metric.reporters", "", Use::both, Change::no_effect},
    {"metrics.num.samples", "", Use::both, Change::no_effect},
    {"metrics.sample.window.ms", "", Use::both, Change::no_effect},
    {"interceptor.classes", "", Use::both, Change::no_effect},
    {"sasl.jaas.config", "", Use::both, Change::refused},
    {"ssl.keystore.location", "", Use::both, Change::refused},
    {"ssl.truststore.location", "", Use::both, Change::refused},

    {"acks", "", Use::producer},
    {"batch.size", "", Use::producer},
    {"buffer.memory", "queue.buffering.max.kbytes", Use::producer, Change::kilobytes},
    {"compression.type", "compression.codec", Use::producer},
    {"delivery.timeout.ms", "", Use::producer},
    {"enable.idempotence", "", Use::producer},
    {"linger.ms", "", Use::producer},
    {"max.in.flight.requests.per.connection", "", Use::producer},
    {"max.request.size", "message.max.bytes", Use::producer},
    {"request.timeout.ms", "", Use::producer},
    {"retries", "", Use::producer},
    {"key.serializer", "", Use::producer, Change::no_effect},
    {"value.serializer", "", Use::producer, Change::no_effect},
    {"max.block.ms", "", Use::producer, Change::no_effect},
    {"partitioner.class", "", Use::producer, Change::no_effect},
    {"transactional.id", "", Use::producer, Change::refused},

    {"allow.auto.create.topics", "", Use::consumer},
    {"auto.commit.interval.ms", "", Use::consumer},
    {"auto.offset.reset", "", Use::consumer},
    {"check.crcs", "", Use::consumer},
    {"enable.auto.commit", "", Use::consumer},
    {"fetch.max.bytes", "", Use::consumer},
    {"fetch.max.wait.ms", "fetch.wait.max.ms", Use::consumer},
    {"fetch.min.bytes", "", Use::consumer},
    {"group.id", "", Use::consumer},
    {"group.instance.id", "", Use::consumer},
    {"heartbeat.interval.ms", "", Use::consumer},
    {"isolation.level", "", Use::consumer},
    {"max.partition.fetch.bytes", "", Use::consumer},
    {"max.poll.interval.ms", "", Use::consumer},
    {"request.timeout.ms", "socket.timeout.ms", Use::consumer},
    {"session.timeout.ms", "", Use::consumer},
    {"partition.assignment.strategy", "", Use::consumer, Change::assignors},
    {"group.protocol", "", Use::consumer, Change::no_effect},
    {"group.remote.assignor", "", Use::consumer, Change::no_effect},
    {"default.api.timeout.ms", "", Use::consumer, Change::no_effect},
    {"exclude.internal.topics", "", Use::consumer, Change::no_effect},
    {"key.deserializer", "", Use::consumer, Change::no_effect},
    {"value.deserializer", "", Use::consumer, Change::no_effect},
    {"max.poll.records", "", Use::consumer, Change::no_effect},
};

const Entry* find_entry(JavaClient client, std::string_view name) {
  const Use use = client == JavaClient::producer ? Use::producer : Use::consumer;
  for (const Entry& entry : kEntries) {
    if (entry.java == name && (entry.use == Use::both || entry.use == use)) return &entry;
  }
  return nullptr;
}

Outcome<std::string> to_kilobytes(std::string_view name, std::string_view value) {
  std::int64_t bytes = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), bytes);
  if (error != std::errc() || end != value.data() + value.size() || bytes < 0) {
    return failure(fmt::format("Invalid value {} for configuration {}: not a number", value, name));
  }
  return fmt::to_string(bytes < 1024 ? 1 : bytes / 1024);
}

// librdkafka, unlike Java, refuses a list of eager and cooperative assignors. A group of both moves
// by the eager ones, so the cooperative one is left out.
Outcome<std::string> to_assignors(std::string_view value) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"org.apache.kafka.clients.consumer.RangeAssignor", "range"},
      {"org.apache.kafka.clients.consumer.RoundRobinAssignor", "roundrobin"},
  };
  constexpr std::string_view kCooperative =
      "org.apache.kafka.clients.consumer.CooperativeStickyAssignor";
  std::string eager;
  bool has_cooperative = false;
  while (!value.empty()) {
    const std::size_t comma = std::min(value.find(','), value.size());
    std::string_view name = value.substr(0, comma);
    value.remove_prefix(std::min(comma + 1, value.size()));
    while (name.starts_with(' ')) name.remove_prefix(1);
    while (name.ends_with(' ')) name.remove_suffix(1);
    if (name == kCooperative) {
      has_cooperative = true;
      continue;
    }
    const auto known =
        std::ranges::find(kNames, name, &std::pair<std::string_view, std::string_view>::first);
    if (known == std::end(kNames)) {
      return failure(fmt::format("The assignor {} is not available in this tool", name));
    }
    if (!eager.empty()) eager += ',';
    eager += known->second;
  }
  return eager.empty() && has_cooperative ? "cooperative-sticky" : eager;
}

}  // namespace

Outcome<TranslatedProperty> translate_java_property(JavaClient client, std::string_view name,
                                                    std::string_view value) {
  using Kind = TranslatedProperty::Kind;
  const Entry* entry = find_entry(client, name);
  if (entry == nullptr) return TranslatedProperty{Kind::unknown, std::string(name), {}};
  const std::string_view rdkafka_name = entry->rdkafka.empty() ? name : entry->rdkafka;
  TranslatedProperty translated{Kind::set, std::string(rdkafka_name), std::string(value)};
  switch (entry->change) {
    case Change::same: break;
    case Change::kilobytes: {
      auto kilobytes = to_kilobytes(name, value);
      if (!kilobytes) return std::unexpected(std::move(kilobytes).error());
      translated.value = std::move(*kilobytes);
      break;
    }
    case Change::assignors: {
      auto assignors = to_assignors(value);
      if (!assignors) return std::unexpected(std::move(assignors).error());
      translated.value = std::move(*assignors);
      break;
    }
    case Change::no_effect: translated.kind = Kind::no_effect; break;
    case Change::refused: return failure(fmt::format("{} is not supported by this tool", name));
  }
  return translated;
}

}  // namespace tools
