#include "broker/controller/alter_partition.h"

#include <algorithm>

#include "base/log.h"

namespace controller {

namespace {

using protocol::AlterPartitionRequest;
using protocol::AlterPartitionResponse;
using protocol::ErrorCode;

ProposalVerdict refuse(ErrorCode error) { return {ProposalVerdict::Kind::refuse, error}; }

AlterPartitionResponse top_level(ErrorCode error) {
  AlterPartitionResponse response;
  response.error_code = static_cast<std::int16_t>(error);
  return response;
}

IsrProposal proposal_of(const AlterPartitionRequest& request,
                        const AlterPartitionRequest::TopicData::PartitionData& partition,
                        std::int16_t version) {
  IsrProposal proposal{.leader = request.broker_id,
                       .leader_epoch = partition.leader_epoch,
                       .partition_epoch = partition.partition_epoch,
                       .isr = {},
                       .recovering = partition.leader_recovery_state == 1};
  if (version >= 3) {
    for (const auto& member : partition.new_isr_with_epochs) {
      proposal.isr.push_back(member.broker_id);
    }
  } else {
    proposal.isr = partition.new_isr;
  }
  return proposal;
}

// The order of topics is that of the request.
void add_partition(AlterPartitionResponse& response, const AlterPartitionRequest::TopicData& topic,
                   AlterPartitionResponse::TopicData::PartitionData partition) {
  if (response.topics.empty() || response.topics.back().topic_id != topic.topic_id ||
      response.topics.back().topic_name != topic.topic_name) {
    auto& entry = response.topics.emplace_back();
    entry.topic_name = topic.topic_name;
    entry.topic_id = topic.topic_id;
  }
  response.topics.back().partitions.push_back(std::move(partition));
}

}  // namespace

ProposalVerdict judge_isr_proposal(const ControllerContext& context,
                                   const TopicPartition& partition, const IsrProposal& proposal,
                                   std::int16_t request_version) {
  const Leadership* known = context.leadership_of(partition);
  if (known == nullptr) return refuse(ErrorCode::kUnknownTopicOrPartition);
  const cluster::PartitionState& state = known->state;
  // A leader that knows more than we do has heard of it from a newer controller.
  if (proposal.partition_epoch > known->partition_epoch ||
      proposal.leader_epoch > state.leader_epoch) {
    return refuse(ErrorCode::kNotController);
  }
  if (proposal.leader_epoch < state.leader_epoch) return refuse(ErrorCode::kFencedLeaderEpoch);
  // Before the partition epoch is looked at, so that a repeated request gets the same answer.
  if (proposal.leader == state.leader && proposal.isr == state.isr &&
      proposal.recovering == state.recovering) {
    return {ProposalVerdict::Kind::already_so, ErrorCode::kNone};
  }
  if (proposal.partition_epoch < known->partition_epoch) {
    return refuse(ErrorCode::kInvalidUpdateVersion);
  }
  if (proposal.isr.empty()) return refuse(ErrorCode::kInvalidRequest);
  if (proposal.recovering && (proposal.isr.size() > 1 || !state.recovering)) {
    return refuse(ErrorCode::kInvalidRequest);
  }
  const bool has_ineligible =
      std::ranges::any_of(proposal.isr, [&](std::int32_t id) { return !context.is_live(id); });
  if (has_ineligible) {
    return refuse(request_version > 1 ? ErrorCode::kIneligibleReplica
                                      : ErrorCode::kOperationNotAttempted);
  }
  // A KRaft controller refuses these; one with ZooKeeper would write them down.
  const BrokerIds& replicas = context.replicas_of(partition);
  BrokerIds members = proposal.isr;
  std::ranges::sort(members);
  const bool are_distinct = std::ranges::adjacent_find(members) == members.end();
  const bool are_assigned =
      std::ranges::all_of(members, [&](std::int32_t id) { return contains(replicas, id); });
  if (!are_distinct || !are_assigned || proposal.leader != state.leader ||
      !contains(proposal.isr, state.leader)) {
    return refuse(ErrorCode::kInvalidRequest);
  }
  return {ProposalVerdict::Kind::accept, ErrorCode::kNone};
}

runtime::Task<base::Result<AlterPartitionResponse>> IsrProposals::alter_partition(
    AlterPartitionRequest request, std::int16_t version) {
  const LiveBroker* sender = env_.context.find_broker(request.broker_id);
  if (sender == nullptr || sender->epoch != request.broker_epoch) {
    LOG_INFO("AlterPartition of broker {} refused: stale broker epoch {}", request.broker_id,
             request.broker_epoch);
    co_return top_level(ErrorCode::kStaleBrokerEpoch);
  }
  std::vector<Answer> answers;
  std::vector<std::size_t> accepted;  // into answers
  std::vector<StateWrite> writes;
  for (const auto& topic : request.topics) {
    const std::string* name =
        version > 1 ? env_.context.topic_name(topic.topic_id) : &topic.topic_name;
    for (const auto& partition : topic.partitions) {
      if (name == nullptr) {
        answers.push_back({{"", partition.partition_index}, ErrorCode::kUnknownTopicId, {}});
        continue;
      }
      Answer& answer = answers.emplace_back();
      answer.partition = {*name, partition.partition_index};
      const IsrProposal proposal = proposal_of(request, partition, version);
      const ProposalVerdict verdict =
          judge_isr_proposal(env_.context, answer.partition, proposal, version);
      answer.error = verdict.error;
      if (verdict.kind == ProposalVerdict::Kind::already_so) {
        answer.leadership = *env_.context.leadership_of(answer.partition);
      } else if (verdict.kind == ProposalVerdict::Kind::accept) {
        accepted.push_back(answers.size() - 1);
        writes.push_back({answer.partition,
                          {.leader = proposal.leader,
                           .leader_epoch = proposal.leader_epoch,
                           .isr = proposal.isr,
                           .controller_epoch = env_.context.epoch,
                           .recovering = proposal.recovering},
                          proposal.partition_epoch});
      } else {
        LOG_INFO("partition {} keeps its ISR: proposal of broker {} refused error_code={}",
                 answer.partition, request.broker_id, static_cast<int>(verdict.error));
      }
    }
  }
  CO_TRY(co_await write_accepted(answers, std::move(accepted), std::move(writes)));
  std::vector<TopicPartition> named;
  for (const Answer& answer : answers) {
    if (!answer.partition.topic.empty()) named.push_back(answer.partition);
  }
  env_.send_update_metadata(env_.context.live_or_shutting_down_ids(), named);

  AlterPartitionResponse response;
  auto answer = answers.begin();
  for (const auto& topic : request.topics) {
    for (std::size_t i = 0; i < topic.partitions.size(); ++i, ++answer) {
      AlterPartitionResponse::TopicData::PartitionData data;
      data.partition_index = answer->partition.partition;
      data.error_code = static_cast<std::int16_t>(answer->error);
      if (answer->leadership) {
        data.leader_id = answer->leadership->state.leader;
        data.leader_epoch = answer->leadership->state.leader_epoch;
        data.isr = answer->leadership->state.isr;
        data.leader_recovery_state = answer->leadership->state.recovering ? 1 : 0;
        data.partition_epoch = answer->leadership->partition_epoch;
      }
      add_partition(response, topic, std::move(data));
    }
  }
  co_return response;
}

runtime::Task<base::Result<void>> IsrProposals::write_accepted(std::vector<Answer>& answers,
                                                               std::vector<std::size_t> accepted,
                                                               std::vector<StateWrite> writes) {
  if (writes.empty()) co_return base::Result<void>();
  CO_TRY_ASSIGN(const std::vector<StateWriteResult> results,
                co_await env_.store.update_states(writes));
  for (std::size_t i = 0; i < writes.size(); ++i) {
    Answer& answer = answers[accepted[i]];
    switch (results[i].outcome) {
      case StateWriteResult::Outcome::written: {
        LOG_INFO("partition {} has a new ISR isr={} leader_epoch={} partition_epoch={}",
                 answer.partition, to_string(writes[i].state.isr), writes[i].state.leader_epoch,
                 results[i].partition_epoch);
        answer.leadership = Leadership{std::move(writes[i].state), results[i].partition_epoch};
        PartitionEntry* entry = env_.context.find(answer.partition);
        if (entry != nullptr) entry->leadership = answer.leadership;
        break;
      }
      case StateWriteResult::Outcome::conflict:
        answer.error = ErrorCode::kInvalidUpdateVersion;
        break;
      case StateWriteResult::Outcome::failed:
        LOG_ERROR("partition {} keeps its ISR: {}", answer.partition, results[i].error.to_string());
        answer.error = ErrorCode::kUnknownServerError;
        break;
    }
  }
  co_return base::Result<void>();
}

runtime::Task<base::Result<void>> IsrProposals::on_notifications() {
  CO_TRY_ASSIGN(Notifications changes, co_await env_.store.read_isr_changes());
  if (changes.children.empty()) co_return base::Result<void>();
  std::vector<TopicPartition> known;
  for (TopicPartition& partition : changes.partitions) {
    if (env_.context.find(partition) != nullptr) known.push_back(std::move(partition));
  }
  std::ranges::sort(known);
  known.erase(std::ranges::unique(known).begin(), known.end());
  CO_TRY_ASSIGN(std::vector<StateRead> reads, co_await env_.store.read_states(known));
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (reads[i] && *reads[i]) env_.context.find(known[i])->leadership = std::move(**reads[i]);
  }
  if (!known.empty()) env_.send_update_metadata(env_.context.live_or_shutting_down_ids(), known);
  co_return co_await env_.store.remove_isr_changes(std::move(changes.children));
}

}  // namespace controller
