// Purpose: what waits for an offset to be reached, ordered by it: whoever is due is found without
// looking at the others, and a wait that was given up is taken out. The owner's lock guards it.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "base/types.h"

namespace storage {

template <class Waiter>
class OffsetWaiters {
 public:
  using Ticket = std::pair<base::Offset, std::uint64_t>;

  Ticket add(base::Offset required, Waiter waiter) {
    const Ticket ticket{required, ++last_number_};
    waiting_.emplace(ticket, std::move(waiter));
    return ticket;
  }
  void remove(const Ticket& ticket) { waiting_.erase(ticket); }
  bool empty() const { return waiting_.empty(); }
  std::size_t size() const { return waiting_.size(); }

  std::vector<Waiter> take_up_to(base::Offset reached) {
    return take(waiting_.begin(), waiting_.upper_bound({reached, UINT64_MAX}));
  }
  std::vector<Waiter> take_above(base::Offset offset) {
    return take(waiting_.upper_bound({offset, UINT64_MAX}), waiting_.end());
  }
  std::vector<Waiter> take_all() { return take(waiting_.begin(), waiting_.end()); }

 private:
  using Waiting = std::map<Ticket, Waiter>;

  std::vector<Waiter> take(typename Waiting::iterator first, typename Waiting::iterator last) {
    std::vector<Waiter> taken;
    for (auto at = first; at != last; ++at) taken.push_back(std::move(at->second));
    waiting_.erase(first, last);
    return taken;
  }

  Waiting waiting_;
  std::uint64_t last_number_ = 0;
};

}  // namespace storage
