// Goal: the fuzzer's target holds on mutations of real replies, in every run of the unit tests.
#include <doctest/doctest.h>

#include "runtime/sim/sim_world.h"
#include "test/fuzz/zkclient/any_reply.h"
#include "test/unit/zkclient/hex.h"

namespace zkclient {
namespace {

// Of messages_test.cc: connect response, event, multi, multi that failed, ACL.
constexpr std::string_view kReplies[] = {
    "00000000000046500100000000000001000000100102030405060708090a0b0c0d0e0f1000",
    "000000030000000300000009"
    "2f6368726f6f742f61",
    "0000000d0000000000000000010000000000000000022f61000000020000000000ffffffff01ffffffff",
    "ffffffff000000000000000000ffffffff00ffffff99ffffff99ffffffff00fffffffefffffffeffffffff01fffff"
    "fff",
    "000000010000001f00000005776f726c6400000006616e796f6e65",
};

TEST_CASE("mutated replies") {
  runtime::SimRandom random(20240301);
  for (int run = 0; run < 50'000; ++run) {
    std::string bytes = static_cast<char>(random.below(256)) +
                        from_hex(kReplies[random.below(std::size(kReplies))]);
    for (std::uint64_t i = random.below(4); i > 0; --i) {
      bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
    }
    bytes.resize(1 + random.below(bytes.size()));
    check_any_reply(base::as_bytes(bytes));
  }
}

}  // namespace
}  // namespace zkclient
