// Goal: server.properties becomes the right values, and every rule stops the start with a line that
// names key, value, what is allowed, file and line.
// Method: small files against expected values and error lines; the shipped samples; random bytes.
#include "config/server_config.h"

#include <doctest/doctest.h>
#include <fmt/core.h>

#include <fstream>
#include <iterator>
#include <random>

using namespace config;

namespace {

constexpr std::string_view kMinimum = "zookeeper.connect=z:2181\n";

struct Loaded {
  base::Result<ServerConfig> config;
  LoadReport report;
};

Loaded load_text(std::string_view text) {
  LoadReport report;
  const auto properties = Properties::parse(std::string(kMinimum) + std::string(text), "s");
  REQUIRE(properties.has_value());
  auto config = load(*properties, report);
  return {std::move(config), std::move(report)};
}

// The one error of a file, or all of them.
std::string errors_of(std::string_view text) {
  std::string all;
  for (const std::string& error : load_text(text).report.errors) {
    if (!all.empty()) all += "\n";
    all += error;
  }
  return all;
}

ServerConfig config_of(std::string_view text) {
  Loaded loaded = load_text(text);
  CAPTURE(text);
  REQUIRE_MESSAGE(loaded.config.has_value(), errors_of(text));
  return *loaded.config;
}

Properties sample(const std::string& name) {
  std::ifstream file(CONFIG_SAMPLES "/" + name);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  REQUIRE(!text.empty());
  return *Properties::parse(text, name);
}

}  // namespace

TEST_CASE("an almost empty file gives the built-in defaults") {
  const ServerConfig config = config_of("");
  CHECK(config.log.topic_defaults == TopicConfig{});
  CHECK(config.identity.broker_id == -1);
  CHECK(config.identity.inter_broker_protocol == InterBrokerProtocol::v3_9_iv0);
  CHECK(config.log.dirs == std::vector<std::string>{"/tmp/kafka-logs"});
  CHECK(config.log.num_replica_alter_log_dirs_threads == 1);
  CHECK(config.network.listeners.size() == 1);
  CHECK(config.network.listeners[0].to_string() == "PLAINTEXT://:9092");
  CHECK(config.network.advertised_listeners == config.network.listeners);
  CHECK(config.network.inter_broker_listener == "PLAINTEXT");
  CHECK(config.network.loops == 0);
  CHECK(config.zookeeper.connect == "z:2181");
  CHECK(config.zookeeper.connection_timeout_ms == 18000);
  CHECK(config.zookeeper.on_loss == ZookeeperLoss::fence);
  CHECK(config.network.socket_request_max_bytes == NetworkConfig{}.socket_request_max_bytes);
  CHECK(config.network.fetch_max_bytes == NetworkConfig{}.fetch_max_bytes);
  CHECK(config.replication.lag_time_max_ms == ReplicationConfig{}.lag_time_max_ms);
  CHECK(config.groups.offsets_retention_minutes == GroupsConfig{}.offsets_retention_minutes);
  CHECK(config.transactions.state_log_min_isr == TransactionsConfig{}.state_log_min_isr);
  CHECK(config.log.cleaner.io_max_bytes_per_second == LogCleanerConfig{}.io_max_bytes_per_second);
}

TEST_CASE("the shipped samples load without a warning") {
  LoadReport report;
  const auto config = load(sample("server.properties"), report);
  REQUIRE(config.has_value());
  CHECK(report.warnings.empty());
  CHECK(report.infos.size() == 1);  // num.network.threads, num.io.threads
  CHECK(config->identity.broker_id == 0);
  CHECK(config->groups.initial_rebalance_delay_ms == 0);
  CHECK(config->groups.offsets_topic_replication_factor == 1);
  CHECK(config->transactions.state_log_min_isr == 1);
  CHECK(config->zookeeper.connect == "localhost:2181");
  const Properties zookeeper = sample("zookeeper.properties");
  CHECK(zookeeper.entries().size() == 4);
  CHECK(zookeeper.value_or("clientPort", "") == "2181");
}

TEST_CASE("synonyms") {
  CHECK(config_of("log.retention.hours=1").log.topic_defaults.retention_ms == 3600000);
  CHECK(
      config_of("log.retention.hours=1\nlog.retention.minutes=2").log.topic_defaults.retention_ms ==
      120000);
  CHECK(config_of("log.retention.ms=3\nlog.retention.minutes=2").log.topic_defaults.retention_ms ==
        3);
  CHECK(config_of("log.retention.minutes=-7").log.topic_defaults.retention_ms == -1);
  CHECK(config_of("log.roll.hours=2").log.topic_defaults.segment_ms == 7200000);
  CHECK(config_of("log.roll.hours=2\nlog.roll.ms=5").log.topic_defaults.segment_ms == 5);
  CHECK(config_of("log.roll.jitter.hours=1").log.topic_defaults.segment_jitter_ms == 3600000);
  CHECK(config_of("log.flush.scheduler.interval.ms=9").log.topic_defaults.flush_ms == 9);
  CHECK(config_of("log.dir=/a").log.dirs == std::vector<std::string>{"/a"});
  CHECK(config_of("log.dir=/a\nlog.dirs= /b , /c,").log.dirs ==
        std::vector<std::string>{"/b", "/c"});
  CHECK(config_of("zookeeper.session.timeout.ms=7").zookeeper.connection_timeout_ms == 7);
  CHECK(config_of("node.id=5").identity.broker_id == 5);
  const TopicConfig difference =
      config_of("log.message.timestamp.difference.max.ms=10\nlog.message.timestamp.after.max.ms=4")
          .log.topic_defaults;
  CHECK(difference.timestamp_before_max_ms == 10);
  CHECK(difference.timestamp_after_max_ms == 4);
  CHECK(config_of("delegation.token.master.key=x").delegation_tokens.secret_key == "x");
}

TEST_CASE("former keys of 2.4 count where the newer are not set") {
  const Loaded loaded = load_text("port=9192\nhost.name=h\nadvertised.host.name=public\n");
  REQUIRE(loaded.config.has_value());
  CHECK(loaded.config->network.listeners[0].to_string() == "PLAINTEXT://h:9192");
  CHECK(loaded.config->network.advertised_listeners[0].to_string() == "PLAINTEXT://public:9192");
  CHECK(loaded.report.warnings.size() == 2);
  CHECK(config_of("port=1\nlisteners=PLAINTEXT://:2").network.listeners[0].port == 2);
}

TEST_CASE("listeners") {
  const NetworkConfig network =
      config_of(
          "listeners=INTERNAL://:1,EXTERNAL://:2\n"
          "advertised.listeners=EXTERNAL://pub:3,INTERNAL://in:1\n"
          "listener.security.protocol.map=INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT\n"
          "inter.broker.listener.name=internal\n"
          "control.plane.listener.name=EXTERNAL\n"
          "early.start.listeners=INTERNAL\n"
          "max.connections.per.ip.overrides=10.0.0.1:5, ::1:6\n"
          "listener.name.external.max.connections=9\n")
          .network;
  CHECK(network.inter_broker_listener == "INTERNAL");
  CHECK(network.control_plane_listener == "EXTERNAL");
  CHECK(network.early_start_listeners == std::vector<std::string>{"INTERNAL"});
  CHECK(network.advertised_listeners[0].host == "pub");
  CHECK(network.max_connections_per_ip_overrides ==
        std::map<std::string, std::int32_t>{{"10.0.0.1", 5}, {"::1", 6}});
  CHECK(network.listener_max_connections.at("EXTERNAL") == 9);
}

TEST_CASE("errors name key, value, rule and line") {
  CHECK(errors_of("num.partitions=0") ==
        "s:2: num.partitions=0: must be a whole number of 32 bits, at least 1");
  CHECK(errors_of("\nlog.cleanup.policy=compress") ==
        "s:3: log.cleanup.policy=compress: must be a list with commas of compact, delete");
  CHECK(errors_of("replica.lag.time.max.ms=100") ==
        "replica.fetch.wait.max.ms=500 (the default): must not exceed replica.lag.time.max.ms, "
        "which is 100");
  // All at once.
  CHECK(load_text("broker.id=x\nnum.partitions=0").report.errors.size() == 2);
  LoadReport report;
  CHECK(!load(Properties{}, report).has_value());
  CHECK(report.errors[0].starts_with("zookeeper.connect: is missing"));
}

TEST_CASE("a comment behind a value stops the start") {
  for (const auto* line : {"broker.id=1 ## changed", "log.dirs=/data/kafka-logs ## line 60",
                           "log.dirs=/a\t# b", "advertised.listeners= # none"}) {
    CAPTURE(line);
    CHECK(errors_of(line).contains("a comment needs a line of its own"));
  }
  // Texts that may hold one; and a # without a blank.
  CHECK(config_of("broker.rack=r #1").identity.rack == "r #1");
  CHECK(config_of("delegation.token.secret.key=a #b").delegation_tokens.secret_key == "a #b");
  CHECK(errors_of("listener.name.x.scram-sha-256.sasl.jaas.config=m required p=\"a #b\";").empty());
  CHECK(config_of("log.dirs=/a#b").log.dirs[0] == "/a#b");
}

TEST_CASE("rules between keys") {
  struct Row {
    std::string_view text, error;
  };
  const Row rows[] = {
      {"broker.id=1001", "from -1 to reserved.broker.max.id"},
      {"broker.id=-2", "from -1 to reserved.broker.max.id"},
      {"broker.id.generation.enable=false", "must be at least 0"},
      {"broker.id=1\nnode.id=2", "must equal broker.id"},
      {"log.roll.ms=0", "must be at least 1"},
      {"log.roll.jitter.ms=-1", "must be at least 0"},
      {"log.retention.hours=0", "log.retention.hours=0: must be at least 1, or -1"},
      {"log.retention.ms=0", "must be at least 1, or -1"},
      {"log.dirs=,", "at least one directory"},
      {"log.dirs=/a,/a", "names /a twice"},
      {"log.cleaner.threads=0", "must be at least 1"},
      {"log.cleaner.dedupe.buffer.size=1048576", "more than 1048576"},
      {"log.cleaner.min.compaction.lag.ms=5\nlog.cleaner.max.compaction.lag.ms=4",
       "must not exceed"},
      {"replica.fetch.wait.max.ms=30001", "replica.socket.timeout.ms"},
      {"listeners=PLAINTEXT://:1,PLAINTEXT://:2", "used twice"},
      {"listeners=FOO://:1", "no security protocol"},
      {"listeners=", "must name at least one"},
      {"listeners=PLAINTEXT://0.0.0.0:9092", "0.0.0.0"},
      {"advertised.listeners=SSL://h:1", "none of the listeners"},
      {"listener.security.protocol.map=PLAINTEXT:FOO", "must be one of PLAINTEXT, SSL"},
      {"inter.broker.listener.name=PLAINTEXT\nsecurity.inter.broker.protocol=PLAINTEXT",
       "excludes security.inter.broker.protocol"},
      {"inter.broker.listener.name=FOO", "listener.security.protocol.map"},
      {"security.inter.broker.protocol=SSL", "none of the advertised"},
      {"control.plane.listener.name=FOO", "one of the advertised"},
      {"control.plane.listener.name=PLAINTEXT", "must differ"},
      {"early.start.listeners=FOO", "none of the listeners"},
      {"queued.max.request.bytes=5", "at least socket.request.max.bytes"},
      {"max.connections.per.ip=0", "max.connections.per.ip.overrides"},
      {"max.connections.per.ip.overrides=a", "host:count"},
      {"max.connections.per.ip.overrides=a/b:1", "is no host"},
      {"connections.max.idle.ms=100", "below connections.max.idle.ms"},
      {"offsets.commit.required.acks=4", "offsets.topic.replication.factor"},
      {"offsets.topic.compression.codec=5", "from 0 to 4"},
      {"group.coordinator.rebalance.protocols=classic,consumer", "must not contain consumer"},
      {"group.coordinator.rebalance.protocols=share", "must contain classic"},
      {"inter.broker.protocol.version=0.10.2\nlog.message.format.version=0.11.0", "needs a newer"},
      {"replica.selector.class=com.example.Mine", "RackAwareReplicaSelector"},
      {"barnabas.loops=0", "at least 1"},
      {"barnabas.zookeeper.loss=panic", "one of fence, serve"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK_MESSAGE(errors_of(row.text).contains(row.error), errors_of(row.text));
  }
}

TEST_CASE("what is accepted is built") {
  for (const auto* line :
       {"authorizer.class.name=kafka.security.authorizer.AclAuthorizer", "zookeeper.set.acl=true",
        "zookeeper.ssl.client.enable=true", "create.topic.policy.class.name=a.B",
        "alter.config.policy.class.name=a.B", "client.quota.callback.class=a.B",
        "ssl.engine.factory.class=a.B", "sasl.login.class=a.B", "process.roles=broker",
        "controller.listener.names=C", "zookeeper.metadata.migration.enable=true",
        "remote.log.storage.system.enable=true", "config.providers=file",
        "principal.builder.class=a.B", "listeners=SSL://:9093\nsecurity.inter.broker.protocol=SSL",
        "listeners=PLAINTEXT://:9092,SASL_PLAINTEXT://:9093"}) {
    CAPTURE(line);
    CHECK(!errors_of(line).empty());
  }
  CHECK(errors_of("zookeeper.set.acl=false\nauthorizer.class.name=\nprocess.roles=").empty());
  const Loaded pending = load_text("num.replica.alter.log.dirs.threads=2\nquota.window.num=5\n");
  REQUIRE(pending.report.warnings.size() == 1);
  CHECK(
      pending.report.warnings[0].ends_with("num.replica.alter.log.dirs.threads, quota.window.num"));
  CHECK(load_text("quota.window.num=11").report.warnings.empty());
}

TEST_CASE("unknown keys") {
  const auto warnings =
      load_text("num.partition=3\nsuper.users=User:a\nmy.thing=1").report.warnings;
  REQUIRE(warnings.size() == 2);
  CHECK(warnings[0] == "s:2: unknown key num.partition is ignored; did you mean num.partitions?");
  CHECK(warnings[1] == "s:4: unknown key my.thing is ignored");
}

TEST_CASE("secrets stay out of messages") {
  for (const auto* line : {"listener.name.a.b=secret", "delegation.token.secret.key=secret"}) {
    const Loaded loaded = load_text(line);
    for (const auto& lines : {loaded.report.errors, loaded.report.warnings, loaded.report.infos}) {
      for (const std::string& text : lines) CHECK(!text.contains("=secret"));
    }
  }
}

TEST_CASE("dynamic levels") {
  const auto file = *Properties::parse(
      "zookeeper.connect=z\nlog.retention.hours=1\nlog.segment.bytes=100\n", "s");
  LoadReport report;
  const auto config = load_with_dynamic(
      file,
      {{"log.retention.ms", "5"},
       {"log.segment.bytes", "200"},
       {"listeners", "PLAINTEXT://:1"},
       {"broker.id", "4"}},
      {{"log.segment.bytes", "300"}, {"message.max.bytes", "x"}, {"my.plugin", "1"}}, report);
  REQUIRE(config.has_value());
  CHECK(config->log.topic_defaults.retention_ms == 5);
  CHECK(config->log.topic_defaults.segment_bytes == 300);
  CHECK(config->log.topic_defaults.max_message_bytes == 1048588);
  CHECK(config->network.listeners[0].port == 9092);
  CHECK(config->identity.broker_id == -1);
  CHECK(report.warnings.size() == 3);
}

TEST_CASE("dynamic levels: what nothing acts on is left out, and the file is not judged again") {
  const auto file = *Properties::parse(
      "zookeeper.connect=z\nnot.known=1\nquota.window.num=5\nlisteners=PLAINTEXT://:7\n", "s");
  LoadReport report;
  const auto config = load_with_dynamic(
      file, {{"leader.replication.throttled.rate", "9"}},
      {{"listeners", "PLAINTEXT://:8"}, {"advertised.listeners", "PLAINTEXT://h:9"}}, report);
  REQUIRE(config.has_value());
  CHECK(config->network.listeners[0].port == 7);
  CHECK(config->network.advertised_listeners[0].port == 9);
  REQUIRE(report.warnings.size() == 2);
  CHECK(report.warnings[0].contains(
      "leader.replication.throttled.rate=9 is ignored: it is not built yet"));
  CHECK(report.warnings[1].contains("listeners=PLAINTEXT://:8 is ignored"));
}

TEST_CASE("an authorizer that allows everybody where there is no ACL") {
  const std::string allow = "allow.everyone.if.no.acl.found=";
  for (const std::string name :
       {"kafka.security.authorizer.AclAuthorizer", "kafka.security.auth.SimpleAclAuthorizer"}) {
    const std::string line = "authorizer.class.name=" + name + "\n";
    const Loaded allowed = load_text(line + allow + "True\n");
    REQUIRE(allowed.config.has_value());
    CHECK(allowed.config->security.must_find_no_acl);
    REQUIRE(allowed.report.warnings.size() == 1);
    CHECK(allowed.report.warnings[0].contains("everybody is let in"));
    CHECK(!errors_of(line + allow + "false\n").empty());
    CHECK(!errors_of(line + allow + "yes\n").empty());
    CHECK(!errors_of(line).empty());
  }
  CHECK(!errors_of("authorizer.class.name=a.B\n" + allow + "true\n").empty());
  CHECK(!config_of(allow + "true\n").security.must_find_no_acl);
}

TEST_CASE("an empty rack is a rack, as in Kafka") {
  CHECK(config_of("broker.rack=\n").identity.rack == "");
  CHECK(!config_of("").identity.rack.has_value());
}

TEST_CASE("a byte order mark is said") {
  LoadReport report;
  const auto properties = *Properties::parse(
      "\xef\xbb\xbf"
      "broker.id=3\nzookeeper.connect=z\n",
      "s");
  const auto config = load(properties, report);
  REQUIRE(config.has_value());
  CHECK(config->identity.broker_id == -1);
  REQUIRE(report.warnings.size() == 1);
  CHECK(report.warnings[0].contains("byte order mark"));
}

TEST_CASE("a dynamic value of one listener leaves the broker's own alone") {
  const auto file = *Properties::parse("zookeeper.connect=z\nmax.connections=9\n", "s");
  LoadReport report;
  const auto config =
      load_with_dynamic(file, {}, {{"listener.name.plaintext.max.connections", "7"}}, report);
  REQUIRE(config.has_value());
  CHECK(config->network.max_connections == 9);
  CHECK(config->network.listener_max_connections.at("PLAINTEXT") == 7);
}

TEST_CASE("random settings do no harm") {
  std::mt19937 random(5);
  const auto keys = broker_keys();
  constexpr std::string_view kBytes = "0123456789-,:/#[]. \\eE+*PLAINTEXT\xff";
  for (int round = 0; round < 2000; ++round) {
    Properties properties;
    properties.set("zookeeper.connect", "z");
    for (int i = 0; i < 5; ++i) {
      std::string value;
      for (auto n = random() % 12; n > 0; --n) value += kBytes[random() % kBytes.size()];
      properties.set(std::string(keys[random() % keys.size()]->name), value);
    }
    LoadReport report;
    const auto config = load(properties, report);
    CHECK(config.has_value() == report.errors.empty());
  }
}
