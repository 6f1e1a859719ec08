// Goal: a killed broker's session is taken over by its successor and by nobody else. Method: the
// decision as a table; the file in a temporary directory, also copied
// and damaged.
#include <doctest/doctest.h>

#include "broker/cluster/reclaim.h"
#include "broker/cluster/session_store.h"
#include "runtime/posix/file_system.h"
#include "test/unit/broker/cluster/temporary_directory.h"

using namespace cluster;

namespace {

StoredSession sample() {
  return {0x1234, std::string("0123456789abcde\0", 16), "boot-1", "PLAINTEXT://h1:9092", 18000, 7};
}

BrokerInfo broker_at(const std::string& host, std::int32_t port) {
  BrokerInfo broker;
  broker.id = 1;
  broker.endpoints = {{"PLAINTEXT", config::SecurityProtocol::plaintext, host, port}};
  return broker;
}

}  // namespace

TEST_CASE("the text comes back, for the directory it was written for") {
  const std::string text = encode_stored_session(sample(), 3, 9);
  REQUIRE(decode_stored_session(text, 3, 9).has_value());
  CHECK(*decode_stored_session(text, 3, 9) == sample());
  CHECK(decode_stored_session(text, 3, 8).error().is(base::Errc::invalid_argument));
  CHECK(decode_stored_session(text, 4, 9).error().is(base::Errc::invalid_argument));
}

TEST_CASE("damaged text is refused") {
  const std::string text = encode_stored_session(sample(), 3, 9);
  CHECK(!decode_stored_session("", 3, 9).has_value());
  for (const char* key : {"version", "session.id", "session.password", "sequence",
                          "session.timeout.ms", "directory.device"}) {
    std::string damaged = text;
    damaged.replace(damaged.find(std::string("\n") + key) + 1, 1, "x");
    CAPTURE(key);
    CHECK(!decode_stored_session(damaged, 3, 9).has_value());
  }
  for (std::size_t cut = 0; cut < text.size(); cut += 7) {
    const auto shortened = decode_stored_session(text.substr(0, cut), 3, 9);
    if (shortened) CHECK(shortened->session_id == sample().session_id);
  }
}

TEST_CASE("files: the newest valid one wins, a copied directory is ignored") {
  const TemporaryDirectory root;
  const auto file_system = runtime::make_posix_file_system();
  runtime::FileSystem& files = *file_system;
  const std::string a = root.path() + "/a";
  const std::string b = root.path() + "/b";
  REQUIRE(files.create_directory(a).has_value());
  REQUIRE(files.create_directory(b).has_value());
  CHECK(!load_stored_session(files, {a, b}));

  StoredSession older = sample();
  StoredSession newer = sample();
  newer.sequence = 8;
  newer.session_id = 0x99;
  REQUIRE(save_stored_session(files, {a}, newer).has_value());
  REQUIRE(save_stored_session(files, {b, root.path() + "/missing"}, older).has_value());
  CHECK(load_stored_session(files, {b, a}) == newer);
  CHECK(!save_stored_session(files, {root.path() + "/missing"}, older).has_value());

  const std::string name = "/" + std::string(kSessionFileName);
  const auto text = files.read_file(a + name, 1 << 16);
  REQUIRE(text.has_value());
  REQUIRE(files.write_file_atomically(b + name, base::as_bytes(*text)).has_value());
  CHECK(!load_stored_session(files, {b}));

  remove_stored_session(files, {a, b});
  CHECK(!load_stored_session(files, {a, b}));
  remove_stored_session(files, {a, b});
}

TEST_CASE("what to do with a node that is there") {
  const BrokerInfo own = broker_at("h1", 9092);
  const RegisteredNode ours{0x1234, own};
  const RegisteredNode same_place{0x77, own};
  const RegisteredNode elsewhere{0x77, broker_at("h2", 9092)};
  const RegisteredNode unreadable{0x77, std::nullopt};

  CHECK(decide_reclaim(ours, own, sample(), "boot-1") == ReclaimAction::take_over);
  CHECK(decide_reclaim(ours, broker_at("h1", 1), sample(), "boot-1") == ReclaimAction::take_over);
  CHECK(decide_reclaim(ours, own, sample(), "boot-2") == ReclaimAction::wait);
  CHECK(decide_reclaim(ours, own, sample(), "") == ReclaimAction::wait);
  CHECK(decide_reclaim(same_place, own, sample(), "boot-1") == ReclaimAction::wait);
  CHECK(decide_reclaim(same_place, own, std::nullopt, "boot-1") == ReclaimAction::wait);
  CHECK(decide_reclaim(elsewhere, own, sample(), "boot-1") == ReclaimAction::fail);
  CHECK(decide_reclaim(unreadable, own, std::nullopt, "boot-1") == ReclaimAction::fail);

  CHECK(reclaim_wait_ms(6000, sample()) == 28000);
  CHECK(reclaim_wait_ms(30000, sample()) == 40000);
  CHECK(reclaim_wait_ms(6000, std::nullopt) == 16000);
}
