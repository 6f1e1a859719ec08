#include "broker/replication/isr_changes.h"

#include <algorithm>
#include <utility>

namespace replication {
namespace {

constexpr std::int64_t kPauseMinMs = 50;  // before a change is sent again
constexpr std::int64_t kPauseMaxMs = 500;
constexpr std::int64_t kLookMs = 500;  // between two looks at what is to be looked at again
constexpr std::size_t kLaneJobMax = 256;

}  // namespace

IsrChanges::IsrChanges(runtime::Loop& control, Options options, PartitionTable& partitions,
                       IsrRoute& route, IsrStates& states)
    : options_(std::move(options)),
      partitions_(partitions),
      route_(route),
      states_(states),
      wake_(control),
      scope_(control, "isr changes") {}

void IsrChanges::start() {
  scope_.spawn(send());
  scope_.spawn(look_up());
  scope_.spawn(look_at_some());
  scope_.spawn(look_at_all());
}

void IsrChanges::cancel() {
  {
    base::LockGuard guard(inbox_mutex_);
    is_closed_ = true;
  }
  scope_.cancel();
}

runtime::Task<void> IsrChanges::close() {
  cancel();
  co_await scope_.join();
}

// --- any thread ----------------------------------------------------------------------------------

void IsrChanges::propose(IsrChange change) {
  base::LockGuard guard(inbox_mutex_);
  if (is_closed_) return;
  proposals_.push_back(std::move(change));
  if (proposals_.size() == 1) scope_.loop().post([this] { take_proposals(); });
}

void IsrChanges::look_again(std::shared_ptr<IsrOwner> owner) {
  base::LockGuard guard(inbox_mutex_);
  if (is_closed_) return;
  const IsrOwner* const key = owner.get();
  owners_.try_emplace(key, std::move(owner));
}

// --- sending -------------------------------------------------------------------------------------

void IsrChanges::take_proposals() {
  std::vector<IsrChange> proposals;
  {
    base::LockGuard guard(inbox_mutex_);
    proposals.swap(proposals_);
  }
  const std::int64_t now_ms = scope_.loop().now_ms();
  for (IsrChange& change : proposals) queue_.add(std::move(change), now_ms);
  wake_.notify_all();
}

runtime::Task<void> IsrChanges::send() {
  std::int64_t pause_ms = kPauseMinMs;
  while (!scope_.cancelled()) {
    const std::vector<IsrChange> batch = queue_.take_batch();
    if (batch.empty()) {
      if (!co_await wake_.wait(runtime::kNoTimeout, scope_.token())) co_return;
      continue;
    }
    const std::vector<IsrVerdict> verdicts = co_await route_.write(batch);
    if (scope_.cancelled()) co_return;
    hand_on(queue_.settle(batch, verdicts));
    const bool is_again = std::ranges::any_of(verdicts, [](const IsrVerdict& verdict) {
      return verdict.kind == IsrVerdict::Kind::again;
    });
    if (!is_again) {
      pause_ms = kPauseMinMs;
      continue;
    }
    if (!co_await runtime::sleep_ms(scope_.loop(), pause_ms, scope_.token())) co_return;
    pause_ms = std::min(2 * pause_ms, kPauseMaxMs);
  }
}

runtime::Task<void> IsrChanges::look_up() {
  while (co_await runtime::sleep_ms(scope_.loop(), kLookMs, scope_.token())) {
    const std::vector<IsrChange> unknown = queue_.take_unknown(scope_.loop().now_ms());
    if (unknown.empty()) continue;
    const auto states = co_await states_.read(unknown);
    if (scope_.cancelled()) co_return;
    hand_on(queue_.look_up(unknown, states));
    wake_.notify_all();
  }
}

// --- lanes ---------------------------------------------------------------------------------------

void IsrChanges::hand_on(std::vector<IsrQueue::Settled> settled) {
  const std::int64_t now_ms = scope_.loop().wall_ms();
  std::map<std::string, std::vector<IsrQueue::Settled>> jobs;
  const auto submit = [this, now_ms](const std::string& log_dir,
                                     std::vector<IsrQueue::Settled> job) {
    options_.lane(log_dir).submit([job = std::move(job), now_ms] {
      for (const IsrQueue::Settled& each : job) {
        if (each.kind == IsrVerdict::Kind::confirmed) {
          each.change.owner->on_isr_confirmed(each.change.id, each.state, now_ms);
        } else {
          each.change.owner->on_isr_not_attempted(each.change.id, now_ms);
        }
      }
    });
  };
  for (IsrQueue::Settled& each : settled) {
    const std::string& log_dir = each.change.owner->isr_log_dir();
    auto& job = jobs[log_dir];
    job.push_back(std::move(each));
    if (job.size() == kLaneJobMax) submit(log_dir, std::exchange(job, {}));
  }
  for (auto& [log_dir, job] : jobs) {
    if (!job.empty()) submit(log_dir, std::move(job));
  }
}

std::set<std::string> IsrChanges::busy_directories() const {
  std::set<std::string> busy;
  for (const auto& [log_dir, looks] : looks_) {
    if (looks->load() > 0) busy.insert(log_dir);
  }
  return busy;
}

IsrChanges::Owners IsrChanges::hand_on(Owners owners, const std::set<std::string>& busy) {
  const std::int64_t now_ms = scope_.loop().wall_ms();
  Owners left;
  std::map<std::string, Owners> jobs;
  const auto submit = [this, now_ms](const std::string& log_dir, Owners job) {
    auto& looks = looks_[log_dir];
    if (looks == nullptr) looks = std::make_shared<std::atomic<int>>(0);
    looks->fetch_add(1);
    options_.lane(log_dir).submit([job = std::move(job), now_ms, looks] {
      for (const auto& owner : job) owner->look_at_isr(now_ms);
      looks->fetch_sub(1);
    });
  };
  for (auto& owner : owners) {
    const std::string& log_dir = owner->isr_log_dir();
    if (busy.contains(log_dir)) {
      left.push_back(std::move(owner));
      continue;
    }
    auto& job = jobs[log_dir];
    job.push_back(std::move(owner));
    if (job.size() == kLaneJobMax) submit(log_dir, std::exchange(job, {}));
  }
  for (auto& [log_dir, job] : jobs) {
    if (!job.empty()) submit(log_dir, std::move(job));
  }
  return left;
}

IsrChanges::Owners IsrChanges::take_owners() {
  base::LockGuard guard(inbox_mutex_);
  Owners owners;
  for (auto& [key, owner] : std::exchange(owners_, {})) owners.push_back(std::move(owner));
  return owners;
}

runtime::Task<void> IsrChanges::look_at_some() {
  while (co_await runtime::sleep_ms(scope_.loop(), kLookMs, scope_.token())) {
    for (auto& owner : hand_on(take_owners(), busy_directories())) look_again(std::move(owner));
  }
}

// Once a period all that are led here, a shard at a turn. A directory that has not done the last
// round is left out.
runtime::Task<void> IsrChanges::look_at_all() {
  const std::int64_t period_ms = std::max<std::int64_t>(options_.lag_max_ms / 2, 1);
  while (co_await runtime::sleep_ms(scope_.loop(), period_ms, scope_.token())) {
    const std::set<std::string> busy = busy_directories();
    for (std::size_t shard = 0; shard < PartitionTable::kShards; ++shard) {
      Owners owners;
      for (auto& partition : partitions_.of_shard(shard)) {
        if (partition->role().role == Role::leader) owners.push_back(std::move(partition));
      }
      (void)hand_on(std::move(owners), busy);
      co_await runtime::yield(scope_.loop());
      if (scope_.cancelled()) co_return;
    }
  }
}

}  // namespace replication
