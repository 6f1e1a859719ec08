// Purpose: ISR changes that leaders ask for, by AlterPartition or by a notification in ZooKeeper.
// Source: KafkaController.scala (3.9): tryProcessAlterPartition, processIsrChangeNotification;
// KIP-497, KIP-841, KIP-903.
#pragma once

#include <optional>

#include "broker/controller/environment.h"
#include "protocol/error_code.h"
#include "protocol/gen/alter_partition.h"

namespace controller {

// What the controller says to one proposal before it writes anything. Pure.
struct IsrProposal {
  std::int32_t leader = -1;  // the sender
  std::int32_t leader_epoch = 0;
  std::int32_t partition_epoch = 0;
  BrokerIds isr;
  bool recovering = false;
};
struct ProposalVerdict {
  enum class Kind { accept, already_so, refuse };
  Kind kind = Kind::refuse;
  protocol::ErrorCode error = protocol::ErrorCode::kNone;  // refuse
};
// `request_version` decides how an ineligible replica is called.
ProposalVerdict judge_isr_proposal(const ControllerContext& context,
                                   const TopicPartition& partition, const IsrProposal& proposal,
                                   std::int16_t request_version);

class IsrProposals {
 public:
  explicit IsrProposals(Environment& environment) : env_(environment) {}

  // The caller is the active controller.
  runtime::Task<base::Result<protocol::AlterPartitionResponse>> alter_partition(
      protocol::AlterPartitionRequest request, std::int16_t version);
  // /isr_change_notification has children: leaders below IBP 2.7-IV2 changed ISRs themselves.
  runtime::Task<base::Result<void>> on_notifications();

 private:
  struct Answer {
    TopicPartition partition;
    protocol::ErrorCode error = protocol::ErrorCode::kNone;
    std::optional<Leadership> leadership;  // none on error
  };
  runtime::Task<base::Result<void>> write_accepted(std::vector<Answer>& answers,
                                                   std::vector<std::size_t> accepted,
                                                   std::vector<StateWrite> writes);

  Environment& env_;
};

}  // namespace controller
