#include "zkclient/server_list.h"

#include <algorithm>

#include "base/check.h"

namespace zkclient {

ServerList::ServerList(std::vector<ServerName> servers, runtime::Random& random)
    : servers_(std::move(servers)), random_(random) {
  for (std::size_t i = servers_.size(); i > 1; --i) {
    std::swap(servers_[i - 1], servers_[random_.below(i)]);
  }
}

ServerList::Attempt ServerList::next() {
  VERIFY(!servers_.empty());
  const std::size_t round = std::min<std::size_t>(failures_ / servers_.size(), 10);
  const bool round_starts = failures_ % servers_.size() == 0;
  ++failures_;

  Attempt attempt;
  attempt.server = servers_[next_];
  next_ = (next_ + 1) % servers_.size();
  attempt.answer_timeout_ms = std::min(kAnswerTimeoutMs << round, kAnswerTimeoutMaxMs);
  if (round > 0 && round_starts) {
    const std::int64_t pause_ms = std::min(kPauseMs << (round - 1), kPauseMaxMs);
    // Half of it by chance: brokers that lost the same server come back apart.
    attempt.pause_ms = pause_ms / 2 + static_cast<std::int64_t>(
                                          random_.below(static_cast<std::uint64_t>(pause_ms / 2)));
  }
  return attempt;
}

void ServerList::connection_ended(std::int64_t lived_ms) {
  if (lived_ms >= kStableMs) failures_ = 0;
}

}  // namespace zkclient
