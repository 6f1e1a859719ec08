#include "protocol/gen/list_groups.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "broker/api/group_admin.h"

namespace api {
namespace {

constexpr std::string_view kGroupType = "classic";  // the only one without KIP-848

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

std::set<std::string> lower_cased(const std::vector<std::string>& texts) {
  std::set<std::string> lower;
  for (const std::string& text : texts) lower.insert(lower_case(text));
  return lower;
}

}  // namespace

runtime::Task<network::Reply> ListGroupsApi::handle(network::RequestContext& context,
                                                    std::int16_t) {
  const auto request = decode_request<protocol::ListGroupsRequest>(context);
  if (!request) co_return network::close_reply();
  const auto states = lower_cased(request->states_filter);
  const auto types = lower_cased(request->types_filter);
  const auto answer = co_await coordinator_.list(context.cancel);
  protocol::ListGroupsResponse response;
  // Before the controller's first word nobody has said which groups are here.
  const bool is_told = coordinator_.knows_cluster();
  response.error_code =
      protocol::to_wire(is_told ? answer.error : protocol::ErrorCode::kCoordinatorLoadInProgress);
  for (const groups::ListedGroup& listed : answer.groups) {
    const std::string_view state = name_of(listed.state);
    if (!states.empty() && !states.contains(lower_case(state))) continue;
    if (!types.empty() && !types.contains(std::string(kGroupType))) continue;
    auto& group = response.groups.emplace_back();
    group.group_id = listed.id;
    group.protocol_type = listed.protocol_type;
    group.group_state = state;
    group.group_type = kGroupType;
  }
  co_return network::reply(context, response);
}

}  // namespace api
