// Purpose: ListGroups (16), DescribeGroups (15), DeleteGroups (42): groups as operators see them.
#pragma once

#include "broker/api/api_handler.h"
#include "broker/groups/group_coordinator.h"

namespace api {

class ListGroupsApi final : public ApiHandler {
 public:
  explicit ListGroupsApi(groups::GroupCoordinator& coordinator) : coordinator_(coordinator) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  groups::GroupCoordinator& coordinator_;
};

class DescribeGroupsApi final : public ApiHandler {
 public:
  explicit DescribeGroupsApi(groups::GroupCoordinator& coordinator) : coordinator_(coordinator) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  groups::GroupCoordinator& coordinator_;
};

class DeleteGroupsApi final : public ApiHandler {
 public:
  explicit DeleteGroupsApi(groups::GroupCoordinator& coordinator) : coordinator_(coordinator) {}
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override;

 private:
  groups::GroupCoordinator& coordinator_;
};

}  // namespace api
