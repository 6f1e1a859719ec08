// Purpose: JoinGroup (11), SyncGroup (14), Heartbeat (12), LeaveGroup (13): the life of a member.
//
// A JoinGroup may wait for minutes. When its connection ends meanwhile, the waiting ends and the
// member stays until its session times out.
#pragma once

#include "broker/api/api_handler.h"
#include "broker/groups/group_coordinator.h"

namespace api {

class JoinGroupApi final : public ApiHandler {
 public:
  explicit JoinGroupApi(groups::GroupCoordinator& coordinator) : coordinator_(coordinator) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  groups::GroupCoordinator& coordinator_;
};

class SyncGroupApi final : public ApiHandler {
 public:
  explicit SyncGroupApi(groups::GroupCoordinator& coordinator) : coordinator_(coordinator) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  groups::GroupCoordinator& coordinator_;
};

class HeartbeatApi final : public ApiHandler {
 public:
  explicit HeartbeatApi(groups::GroupCoordinator& coordinator) : coordinator_(coordinator) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  groups::GroupCoordinator& coordinator_;
};

class LeaveGroupApi final : public ApiHandler {
 public:
  explicit LeaveGroupApi(groups::GroupCoordinator& coordinator) : coordinator_(coordinator) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  groups::GroupCoordinator& coordinator_;
};

// Whether the cluster can have static members: an older broker would load them as dynamic ones.
inline bool allows_static_members(const groups::GroupCoordinator& coordinator) {
  return coordinator.settings().ibp >= config::InterBrokerProtocol::v2_3_iv0;
}

}  // namespace api
