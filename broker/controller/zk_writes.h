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
  struct Work;  // the operations and what is known of them
  struct Range {
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  std::vector<Range> split(const std::vector<zkclient::Op>& ops) const;
  std::vector<zkclient::Op> fenced(const std::vector<zkclient::Op>& ops, Range range) const;
  // Takes a multi's answer; false: its operations have to be sent one by one.
  base::Result<bool> take_multi(Work& work, Range range,
                                const base::Result<zkclient::MultiResult>& answer) const;
  runtime::Task<base::Result<void>> write_singly(Work& work, Range range);
  // Sends those that are undecided once; answers whether any still is.
  runtime::Task<base::Result<bool>> singly_once(Work& work, Range range);
  // After a repetition: was it the first attempt that made the znode as it is?
  runtime::Task<base::Result<void>> settle_repeated(Work& work, Range range);

  SessionSlot& session_;
  base::ZkVersion fence_{0};
};

}  // namespace controller
