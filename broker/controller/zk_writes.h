// Purpose: writes to ZooKeeper that only the controller may make, many at once.
//
// Each write carries a check of /controller_epoch: if another controller has been elected, nothing
// is written and ControllerErrc::moved says so. Every operation has its own outcome, as if it had
// been sent alone; together they go in multis of up to 500, two in flight, because that is ten
// times as fast (10,000 states in half a second). When an operation of a multi fails, the multi's
// operations are sent one by one.
//
// Operations take effect in the order given, so an operation may depend on one before it.
//
// A lost connection leaves outcomes unknown. Such operations are sent again, and an answer that
// says "exists" or "other version" is checked: if the znode holds what we wrote, the first attempt
// had taken effect and counts.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "broker/controller/session_slot.h"
#include "runtime/task.h"

namespace controller {

class FencedWriter {
 public:
  struct Outcome {
    zkclient::ZkError error = zkclient::ZkError::ok;
    zkclient::Stat stat;  // of a set that succeeded
  };
  static constexpr std::size_t kOperationsMax = 500;
  static constexpr std::size_t kMultiBytesMax = 800'000;  // servers take 1,048,575 by default

  explicit FencedWriter(SessionSlot& session) : session_(session) {}

  // dataVersion of /controller_epoch after our election.
  void set_fence(base::ZkVersion epoch_zk_version) { fence_ = epoch_zk_version; }

  // One outcome per operation. Errors: ControllerErrc::moved, the session's end, Errc::internal
  // when /controller_epoch is gone.
  runtime::Task<base::Result<std::vector<Outcome>>> write(std::vector<zkclient::Op> ops);
  // The same for operations that all have to succeed, but for `tolerated`.
  runtime::Task<base::Result<void>> write_all(std::vector<zkclient::Op> ops,
                                              zkclient::ZkError tolerated = zkclient::ZkError::ok);

 private:
  // Where an operation stands. Only forwards, but that a lost answer makes it `in_doubt` from
  // `unsent` and a later error that it may have caused itself makes it `to_check`.
  enum class Progress {
    unsent,    // nothing sent that may have taken effect
    in_doubt,  // an answer was lost: it may have taken effect
    to_check,  // sent again, with an answer that the first attempt's success would explain
    done,      // `outcome` is its outcome
  };
  struct Operation {
    zkclient::Op op;
    Progress progress = Progress::unsent;
    Outcome outcome;

    bool is_open() const { return progress == Progress::unsent || progress == Progress::in_doubt; }
    void lose_answer() { progress = Progress::in_doubt; }
    void take_answer(Outcome answer);
    // What its znode holds now decides. nullopt: there is none.
    void check(const std::optional<zkclient::NodeData>& node);
  };
  using Operations = std::span<Operation>;

  static std::vector<Operations> split(Operations all);
  std::vector<zkclient::Op> fenced(Operations operations) const;
  // The answer to a multi of all `operations`. What is open afterwards has to be sent alone.
  static base::Result<void> take_multi(Operations operations,
                                       const base::Result<zkclient::MultiResult>& answer);
  // Until none is open; then checks those that need it.
  runtime::Task<base::Result<void>> write_singly(Operations operations);
  // Sends those that are open once.
  runtime::Task<base::Result<void>> singly_once(Operations operations);
  runtime::Task<base::Result<void>> check_repeated(Operations operations);

  SessionSlot& session_;
  base::ZkVersion fence_{0};
};

}  // namespace controller
