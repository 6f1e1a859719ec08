// Goal: a fenced write whose answer is lost is told as what it came to: written by the attempt that
// was lost, or refused because somebody else had been there.
#include "broker/controller/zk_writes.h"

#include <doctest/doctest.h>

#include "broker/cluster/znode_paths.h"
#include "broker/controller/controller_error.h"
#include "test/sim/controller/sim_cluster.h"

namespace controller_sim {
namespace {

using controller::FencedWriter;
using zkclient::Op;
using zkclient::ZkError;

struct WriterFixture : SimCluster {
  WriterFixture() : SimCluster(1, /*seed=*/1, /*servers=*/1) {
    REQUIRE(wait_for([&] { return has_converged(); }));
    slot.attach(*broker(1).session.client());
    writer.set_fence(tree().find(std::string(cluster::paths::kControllerEpoch))->stat().version);
  }
  static Op create(std::string path, std::string data) {
    return Op::create(std::move(path), std::move(data), zkclient::CreateMode::persistent,
                      zkclient::open_acl_unsafe());
  }
  // The server answers all writes but the n-th, which takes effect all the same.
  std::vector<ZkError> write(std::vector<Op> ops, int lost_answer) {
    servers.front()->writes_until_lost_reply = lost_answer;
    const auto outcomes = world.block_on(broker(1).loop, writer.write(std::move(ops)));
    servers.front()->writes_until_lost_reply.reset();
    REQUIRE(outcomes);
    std::vector<ZkError> errors;
    for (const auto& outcome : *outcomes) errors.push_back(outcome.error);
    return errors;
  }
  controller::SessionSlot slot;
  FencedWriter writer{slot};
};

TEST_CASE_FIXTURE(WriterFixture, "a write that took effect counts, though its answer was lost") {
  put("/there", "old");
  for (int lost = 1; lost <= 6; ++lost) {
    CAPTURE(lost);
    const std::string name = "/made-" + std::to_string(lost);
    const base::ZkVersion version = tree().find("/there")->stat().version;
    std::vector<Op> ops;
    ops.push_back(create(name, "mine"));
    ops.push_back(create(name + "/child", "mine"));
    ops.push_back(Op::set("/there", "new " + std::to_string(lost), version));
    CHECK(write(std::move(ops), lost) == std::vector<ZkError>(3, ZkError::ok));
    CHECK(*tree().find(name + "/child")->data == "mine");
    CHECK(tree().find("/there")->stat().version == version + 1);
  }
}

TEST_CASE_FIXTURE(WriterFixture, "what somebody else wrote is no success of ours") {
  put("/there", "theirs");
  put("/there", "theirs again");
  for (int lost = 1; lost <= 6; ++lost) {
    CAPTURE(lost);
    const std::string name = "/beside-" + std::to_string(lost);
    std::vector<Op> ops;
    ops.push_back(create("/there", "mine"));
    ops.push_back(Op::set("/there", "mine", base::ZkVersion(0)));
    ops.push_back(create(name, "mine"));
    CHECK(write(std::move(ops), lost) ==
          std::vector<ZkError>{ZkError::node_exists, ZkError::bad_version, ZkError::ok});
    CHECK(*tree().find("/there")->data == "theirs again");
    CHECK(tree().find(name) != nullptr);
  }
}

TEST_CASE_FIXTURE(WriterFixture, "after another election nothing is written") {
  put(std::string(cluster::paths::kControllerEpoch), "7");
  std::vector<Op> ops;
  ops.push_back(create("/late", "mine"));
  const auto outcomes = world.block_on(broker(1).loop, writer.write(std::move(ops)));
  REQUIRE(!outcomes);
  CHECK(outcomes.error().is(controller::ControllerErrc::moved));
  CHECK(tree().find("/late") == nullptr);
}

}  // namespace
}  // namespace controller_sim
