// kafka-topics: create, list, describe, alter and delete topics, through the brokers
// (--bootstrap-server) or through ZooKeeper (--zookeeper).
#include <fmt/core.h>

#include "base/result.h"
#include "tools/cluster_session.h"
#include "tools/tool.h"
#include "tools/topics/cluster_topics.h"
#include "tools/topics/command.h"
#include "tools/topics/zookeeper_topics.h"
#include "tools/zookeeper_session.h"

namespace tools {

namespace {

runtime::Task<Outcome<>> run_in_zookeeper(zkclient::Client& client, runtime::Random& random,
                                          topics::Command command) {
  topics::ZookeeperTopics zookeeper_topics(client, random);
  co_return co_await zookeeper_topics.run(std::move(command));
}

runtime::Task<Outcome<>> run_in_cluster(client::ClusterClient& cluster, topics::Command command) {
  topics::ClusterTopics cluster_topics(cluster);
  co_return co_await cluster_topics.run(std::move(command));
}

Outcome<> run(const Options& options) {
  TRY_ASSIGN(const topics::Command command, topics::read_command(options));
  if (command.bootstrap) {
    TRY_ASSIGN(const auto session,
               ClusterSession::create(
                   {.bootstrap = *command.bootstrap, .command_config = command.command_config}));
    return session->run<void>(
        [&](client::ClusterClient& cluster) { return run_in_cluster(cluster, command); });
  }
  ZookeeperSession session({.connect_string = *command.zookeeper});
  return session.run<void>([&](zkclient::Client& client) {
    return run_in_zookeeper(client, session.loop().random(), command);
  });
}

}  // namespace

int kafka_topics(const Arguments& arguments) {
  auto options = parse_options(topics::option_table(), arguments);
  if (!options) return report(options.error(), topics::option_table());
  if (auto checked = topics::check_options(*options); !checked) {
    return report(checked.error(), topics::option_table());
  }
  const auto outcome = run(*options);
  if (outcome) return 0;
  fmt::print("Error while executing topic command : {}\n", outcome.error().message);
  return 1;
}

}  // namespace tools
