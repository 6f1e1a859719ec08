// Purpose: the life of partitions: New, Online, Offline, gone; and the elections that bring them
// online. Source: PartitionStateMachine.scala (3.9).
//
// The decisions are in leader_election.h; this file reads and writes the state znodes around them,
// many at once, and tells the brokers. A partition whose transition is invalid or whose election
// fails is logged and skipped.
#pragma once

#include <map>
#include <vector>

#include "broker/controller/environment.h"
#include "broker/controller/leader_election.h"

namespace controller {

// What became of one partition that should come online.
struct ElectionOutcome {
  enum class Kind {
    elected,
    no_eligible_leader,
    failed,  // unreadable or foreign state, a write that was refused
  };
  Kind kind = Kind::elected;
  std::int32_t leader = kNoLeader;
};
// Partitions that were New and got their first leader are not in it (as in Kafka, where it matters
// to the decision whether brokers hear about a dead broker by other means).
using ElectionOutcomes = std::map<TopicPartition, ElectionOutcome>;

class PartitionStateMachine {
 public:
  explicit PartitionStateMachine(Environment& environment) : env_(environment) {}

  // Sets the phases of partitions from what was loaded, then triggers elections.
  runtime::Task<base::Result<void>> start_up(std::vector<TopicPartition> partitions);
  // Tries to bring all New and Offline partitions online, but for topics that are being deleted.
  runtime::Task<base::Result<ElectionOutcomes>> trigger_online();
  runtime::Task<base::Result<ElectionOutcomes>> trigger_online(std::string topic);

  // New ones get their first state; the others an election by `strategy`. `force_unclean`: without
  // asking the topics' configs. Requests are on their way when this returns.
  runtime::Task<base::Result<ElectionOutcomes>> to_online(std::vector<TopicPartition> partitions,
                                                          ElectionStrategy strategy,
                                                          bool force_unclean = false);
  // Bookkeeping only.
  void to_created(const std::vector<TopicPartition>& partitions);
  void to_offline(const std::vector<TopicPartition>& partitions);
  void to_non_existent(const std::vector<TopicPartition>& partitions);

 private:
  struct Candidate {
    TopicPartition partition;
    Leadership current;
  };

  // Keeps those whose transition is valid; logs the others.
  std::vector<TopicPartition> admissible(const std::vector<TopicPartition>& partitions,
                                         PartitionPhase target) const;
  void move(const std::vector<TopicPartition>& partitions, PartitionPhase target);
  runtime::Task<base::Result<ElectionOutcomes>> trigger(std::vector<TopicPartition> partitions);
  runtime::Task<base::Result<void>> bring_online(std::vector<TopicPartition> partitions,
                                                 ElectionStrategy strategy, bool force_unclean,
                                                 ElectionOutcomes& outcomes);
  runtime::Task<base::Result<void>> create_states(std::vector<TopicPartition> partitions);
  runtime::Task<base::Result<void>> elect(std::vector<TopicPartition> partitions,
                                          ElectionStrategy strategy, bool force_unclean,
                                          ElectionOutcomes& outcomes);
  // One round over `remaining`, which keeps those that met another version.
  runtime::Task<base::Result<void>> elect_once(std::vector<TopicPartition>& remaining,
                                               ElectionStrategy strategy, bool force_unclean,
                                               ElectionOutcomes& outcomes);
  runtime::Task<base::Result<std::vector<Candidate>>> read_candidates(
      std::vector<TopicPartition> partitions, ElectionOutcomes& outcomes);
  // Topics whose offline election may be unclean; failed reads end in `outcomes`.
  runtime::Task<base::Result<std::set<std::string>>> unclean_topics(
      std::vector<Candidate>& candidates, ElectionStrategy strategy, bool force_unclean,
      ElectionOutcomes& outcomes);
  void fail(const TopicPartition& partition, ElectionOutcome::Kind kind, std::string_view reason,
            ElectionOutcomes& outcomes) const;

  Environment& env_;
};

}  // namespace controller
