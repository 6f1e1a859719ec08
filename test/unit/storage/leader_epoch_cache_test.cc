// Goal: the borders of leader epochs, on which truncation by epoch (KIP-101, KIP-320) stands.
#include "storage/leader_epoch_cache.h"

#include <doctest/doctest.h>

#include "runtime/posix/file_system.h"

using base::LeaderEpoch;
using base::Offset;
using storage::EpochEndOffset;
using storage::EpochEntry;
using storage::LeaderEpochCache;

namespace {

// Nothing of it is saved.
struct Scene {
  Scene() {
    cache.assign(LeaderEpoch(1), Offset(0));
    cache.assign(LeaderEpoch(4), Offset(10));
    cache.assign(LeaderEpoch(6), Offset(20));
  }
  std::unique_ptr<runtime::FileSystem> files = runtime::make_posix_file_system();
  LeaderEpochCache cache{*files, "unused"};
};

}  // namespace

TEST_CASE("where an epoch ends") {
  Scene scene;
  const auto end_of = [&](std::int32_t epoch) {
    return scene.cache.end_offset_for(LeaderEpoch(epoch), Offset(30));
  };
  CHECK_EQ(end_of(0), EpochEndOffset{LeaderEpoch(0), Offset(0)});
  CHECK_EQ(end_of(1), EpochEndOffset{LeaderEpoch(1), Offset(10)});
  CHECK_EQ(end_of(3), EpochEndOffset{LeaderEpoch(1), Offset(10)});
  CHECK_EQ(end_of(4), EpochEndOffset{LeaderEpoch(4), Offset(20)});
  CHECK_EQ(end_of(6), EpochEndOffset{LeaderEpoch(6), Offset(30)});
  CHECK_EQ(end_of(7), EpochEndOffset{});  // above all that is known
}

TEST_CASE("the epoch of a record at the border is the new one") {
  Scene scene;
  CHECK_EQ(scene.cache.epoch_for(Offset(9)), LeaderEpoch(1));
  CHECK_EQ(scene.cache.epoch_for(Offset(10)), LeaderEpoch(4));
  CHECK_EQ(scene.cache.epoch_for(Offset(25)), LeaderEpoch(6));
}

TEST_CASE("a cut at the first record of an epoch takes the epoch away") {
  Scene scene;
  scene.cache.truncate_from_end(Offset(20));
  CHECK_EQ(scene.cache.latest_entry(), EpochEntry{LeaderEpoch(4), Offset(10)});
  scene.cache.truncate_from_end(Offset(11));
  CHECK_EQ(scene.cache.latest_entry(), EpochEntry{LeaderEpoch(4), Offset(10)});
}

TEST_CASE("the same epoch again changes nothing, unless it begins earlier") {
  Scene scene;
  scene.cache.assign(LeaderEpoch(6), Offset(22));
  CHECK_EQ(scene.cache.latest_entry(), EpochEntry{LeaderEpoch(6), Offset(20)});
  scene.cache.assign(LeaderEpoch(6), Offset(15));
  CHECK_EQ(scene.cache.latest_entry(), EpochEntry{LeaderEpoch(6), Offset(15)});
  CHECK_EQ(scene.cache.entries().size(), 3U);
}
