#include "zkclient/watches.h"

#include <doctest/doctest.h>

#include <set>

namespace zkclient {
namespace {

using Type = WatchEvent::Type;

TEST_CASE("an event uses up what it fires, and nothing else") {
  Watches watches;
  watches.add(WatchKind::data, "/a");
  watches.add(WatchKind::children, "/a");
  watches.add(WatchKind::exist, "/b");
  CHECK(!watches.fire({Type::data_changed, "/other"}));
  CHECK(watches.fire({Type::data_changed, "/a"}));
  CHECK(!watches.fire({Type::data_changed, "/a"}));
  CHECK(watches.fire({Type::children_changed, "/a"}));
  CHECK(watches.fire({Type::created, "/b"}));
  CHECK(watches.count() == 0);
}

// Both a data and a child watch: the server may tell the deletion twice after SetWatches.
TEST_CASE("a deletion is delivered once") {
  Watches watches;
  watches.add(WatchKind::data, "/a");
  watches.add(WatchKind::children, "/a");
  CHECK(watches.fire({Type::deleted, "/a"}));
  CHECK(!watches.fire({Type::deleted, "/a"}));
}

struct Armed {
  std::set<std::string> data, exist, children;
};

void decode_into(base::Bytes frame, std::int64_t expected_zxid, Armed& armed) {
  JuteReader reader(frame.subspan(kLengthBytes));
  CHECK(reader.get_int().value() == kSetWatchesXid);
  CHECK(reader.get_int().value() == static_cast<std::int32_t>(OpCode::set_watches));
  CHECK(reader.get_long().value() == expected_zxid);
  for (auto* set : {&armed.data, &armed.exist, &armed.children}) {
    for (auto& path : reader.get_strings().value()) CHECK(set->insert(path).second);
  }
  CHECK(reader.at_end());
}

TEST_CASE("SetWatches is split below the limit and loses nothing") {
  Watches watches;
  Armed expected;
  for (int i = 0; i < 10'000; ++i) {
    const std::string path = "/brokers/topics/topic-" + std::to_string(i);
    const auto kind = static_cast<WatchKind>(i % 3);
    watches.add(kind, path);
    (kind == WatchKind::data    ? expected.data
     : kind == WatchKind::exist ? expected.exist
                                : expected.children)
        .insert(path);
  }
  constexpr std::size_t kLimit = 128 * 1024;
  const auto frames = watches.encode(42, kLimit);
  CHECK(frames.size() == 3);
  Armed armed;
  for (const base::Buffer& frame : frames) {
    CHECK(frame.size() - kLengthBytes <= kLimit);
    decode_into(frame.bytes(), 42, armed);
  }
  CHECK(armed.data == expected.data);
  CHECK(armed.exist == expected.exist);
  CHECK(armed.children == expected.children);
}

TEST_CASE("no watches, no frame; one path beyond the limit, a frame of its own") {
  Watches watches;
  CHECK(watches.encode(1, 1000).empty());
  watches.add(WatchKind::data, "/a");
  watches.add(WatchKind::data, "/" + std::string(2000, 'x'));
  watches.add(WatchKind::data, "/z");
  CHECK(watches.encode(1, 1000).size() == 3);
}

}  // namespace
}  // namespace zkclient
