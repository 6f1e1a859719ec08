// Purpose: who becomes leader: the strategies as pure functions of what the controller knows and
// what the state znode says. Source: Election.scala, PartitionLeaderElectionAlgorithms (3.9).
//
//   strategy             candidates          new leader                        new ISR
//   offline              assignment          first live in ISR; else, if       ISR ∩ live; unclean:
//                                            unclean is allowed, first live    the leader alone
//   reassign             target replicas     first live in ISR                 unchanged
//   preferred            assignment[0]       it, if live and in ISR            unchanged
//   controlled_shutdown  assignment          first live or shutting down, in   ISR minus shutting
//                                            ISR, not itself shutting down     down brokers
//
// Each adds one to the leader epoch, whether or not the leader changes.
#pragma once

#include <optional>
#include <string_view>

#include "broker/controller/controller_context.h"

namespace controller {

enum class ElectionStrategy : std::uint8_t { offline, reassign, preferred, controlled_shutdown };
std::string_view to_string(ElectionStrategy strategy);

struct ElectionRules {
  ElectionStrategy strategy = ElectionStrategy::offline;
  // Offline strategy: take a live replica outside the ISR if nothing else is left.
  bool unclean_allowed = false;
  // IBP 3.2 on: an unclean leader starts as recovering.
  bool recovery_state_supported = true;
};

struct ElectionResult {
  std::optional<cluster::PartitionState> state;  // nullopt: no eligible leader
  BrokerIds recipients;                          // of the LeaderAndIsr that tells it
};

// `current` is what the state znode holds now. The new state's controller epoch is the context's.
ElectionResult elect_leader(const ControllerContext& context, const TopicPartition& partition,
                            const cluster::PartitionState& current, const ElectionRules& rules);

// Of a partition without state znode: the first live replica leads, all live ones are in sync.
// nullopt: none is live.
std::optional<cluster::PartitionState> initial_state(const ControllerContext& context,
                                                     const TopicPartition& partition);

// Whether an offline election would have to be unclean: no member of the ISR is online.
bool has_no_live_isr(const ControllerContext& context, const TopicPartition& partition,
                     const cluster::PartitionState& current);

// The ISR without a replica that goes offline; the leader becomes none if it was that replica. The
// last member of an ISR stays in it, so that the partition's data keeps an owner.
cluster::PartitionState without_replica(const ControllerContext& context,
                                        const cluster::PartitionState& current,
                                        std::int32_t broker);

}  // namespace controller
