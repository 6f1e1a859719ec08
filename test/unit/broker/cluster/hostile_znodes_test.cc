// Goal: znodes written by hand, by other tools or by nobody we know do no harm. Method: the
// fuzzer's property on golden texts and on every cut and many a damage of them.
#include <doctest/doctest.h>

#include <string>

#include "test/fuzz/cluster/any_znode.h"

using cluster::check_any_znode;

TEST_CASE("golden texts, cut and damaged") {
  const std::string texts[] = {
      R"({"features":{"f":{"min_version":1,"max_version":2}},"listener_security_protocol_map":)"
      R"({"A":"SSL"},"endpoints":["A://[::1]:9092"],"rack":"r","jmx_port":-1,"port":-1,)"
      R"("host":null,"version":5,"timestamp":"17"})",
      R"({"partitions":{"0":[1,2]},"topic_id":"qCqvWVu9Q6OJ_udtfKYegA",)"
      R"("adding_replicas":{"0":[2]},)"
      R"("removing_replicas":{},"version":3})",
      R"({"controller_epoch":5,"leader":1,"version":1,"leader_epoch":7,"isr":[1,2]})",
      R"({"version":2,"brokerid":1,"timestamp":"17","kraftControllerEpoch":-1})",
      R"({"version":1,"config":{"a":"1"}})",
      R"({"version":2,"entity_path":"topics/t"})",
      R"({"version":1,"partitions":[{"topic":"t","partition":0,"replicas":[1]}]})",
      R"({"version":1,"broker":1,"block_start":"0","block_end":"999"})",
      R"({"features":{"f":{"min_version_level":1,"max_version_level":2}},"version":1,"status":1})",
  };
  for (const std::string& text : texts) {
    for (std::size_t at = 0; at <= text.size(); ++at) {
      check_any_znode(text.substr(0, at));
      if (at == text.size()) continue;
      for (const char byte : {'"', '[', '9', '\xff'}) {
        std::string damaged = text;
        damaged[at] = byte;
        check_any_znode(damaged);
      }
    }
  }
}

TEST_CASE("depth and size") {
  check_any_znode(std::string(10'000, '['));
  check_any_znode(R"({"partitions":)" + std::string(10'000, '{'));
  check_any_znode(R"({"isr":[)" + std::string(10'000, '1') + "]}");
  check_any_znode(R"({"version":1e400,"brokerid":18446744073709551615})");
}
