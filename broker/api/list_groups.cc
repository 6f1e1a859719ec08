#include "protocol/gen/list_groups.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "broker/api/group_admin.h"
#include "runtime/turn_budget.h"

namespace api {
namespace {

constexpr std::string_view kGroupType = "classic";  // the only one without KIP-848

bool are_equal(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// A filter of the request: which of the few names there are it lets through. An empty one lets
// through all.
class Filter {
 public:
  explicit Filter(const std::vector<std::string>& wanted) : wanted_(wanted) {}

  bool passes(std::string_view name) {
    if (wanted_.empty()) return true;
    const auto known = known_.find(name);
    if (known != known_.end()) return known->second;
    const bool passes = std::ranges::any_of(
        wanted_, [&](const std::string& text) { return are_equal(text, name); });
    known_.emplace(name, passes);
    return passes;
  }

 private:
  const std::vector<std::string>& wanted_;
  std::map<std::string_view, bool> known_;
};

}  // namespace

runtime::Task<network::Reply> ListGroupsApi::handle(network::RequestContext& context,
                                                    std::int16_t) {
  const auto request = decode_request<protocol::ListGroupsRequest>(context);
  if (!request) co_return network::close_reply();
  Filter states(request->states_filter);
  Filter types(request->types_filter);
  const auto answer = co_await coordinator_.list(context.cancel);
  protocol::ListGroupsResponse response;
  // Before the controller's first word nobody has said which groups are here.
  const bool is_told = coordinator_.knows_cluster();
  response.error_code =
      protocol::to_wire(is_told ? answer.error : protocol::ErrorCode::kCoordinatorLoadInProgress);
  runtime::TurnBudget turn;
  for (const groups::ListedGroup& listed : answer.groups) {
    if (turn.is_spent()) co_await turn.yield();
    const std::string_view state = name_of(listed.state);
    if (!states.passes(state) || !types.passes(kGroupType)) continue;
    auto& group = response.groups.emplace_back();
    group.group_id = listed.id;
    group.protocol_type = listed.protocol_type;
    group.group_state = state;
    group.group_type = kGroupType;
  }
  co_return network::reply(context, response);
}

}  // namespace api
