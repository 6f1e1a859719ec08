// Goal: files at the top of a directory that are cut, filled with NULs or rubbish keep no log from
// being served, and what a start that failed knows nothing of is left alone.
// Method: each file with each damage, after a clean stop and without one.
#include <doctest/doctest.h>

#include "test/unit/storage/log_manager_fixture.h"

using base::Offset;
using storage_test::make_batch;
using Fixture = storage_test::LogManagerFixture;

namespace {

// As a cut write, a power failure, and nobody leave a file.
std::vector<std::string> damages(const std::string& text) {
  return {text.substr(0, text.size() / 2), std::string(text.size(), '\0'), "0\n3\nt 0 5\n",
          "0\n1\nt 0 99999999999999999999\n", "\x01\xff junk\n"};
}

}  // namespace

TEST_CASE("a damaged checkpoint counts as missing, and is written anew") {
  for (const std::string name : {"recovery-point-offset-checkpoint", "cleaner-offset-checkpoint",
                                 "replication-offset-checkpoint", "log-start-offset-checkpoint"}) {
    for (const bool is_clean : {true, false}) {
      for (const std::string& damaged : damages("0\n1\nt 0 20\n")) {
        CAPTURE(name);
        CAPTURE(damaged);
        Fixture fixture;
        REQUIRE(fixture.start().has_value());
        REQUIRE(fixture.manager->get_or_create({"t", 0}, std::nullopt, 5000, true).has_value());
        for (int i = 0; i < 4; ++i) fixture.append({"t", 0}, 5);
        fixture.manager->find({"t", 0})->set_high_watermark(Offset(20));
        fixture.stop();
        const auto put = [&](const std::string& file, const std::string& text) {
          REQUIRE(
              fixture.files->write_file_atomically(fixture.dir() + "/" + file, base::as_bytes(text))
                  .has_value());
        };
        put(name, damaged);
        if (!is_clean) {
          REQUIRE(fixture.files->remove_file(fixture.dir() + "/.kafka_cleanshutdown").has_value());
        }
        REQUIRE(fixture.start().has_value());
        CHECK(fixture.failed.empty());
        auto log = fixture.manager->find({"t", 0});
        REQUIRE(log != nullptr);
        CHECK(log->log_end_offset() == Offset(20));
        const bool is_mark = name == "replication-offset-checkpoint";
        CHECK(log->high_watermark() == Offset(is_mark ? 0 : 20));
        log.reset();
        fixture.stop();
        if (is_mark) CHECK(fixture.text(name) == "0\n1\nt 0 0\n");
      }
    }
  }
}

TEST_CASE("damaged files of a partition: epochs come from the batches, no topic id is guessed") {
  const auto id = base::Uuid::parse("AAAAAAAAAAAAAAAAAAAAAQ");
  const std::string kEpochs = "0\n2\n3 0\n5 5\n";
  for (const bool is_clean : {true, false}) {
    auto all = damages(kEpochs);
    all.push_back("");
    for (const std::string& damaged : all) {
      CAPTURE(damaged);
      Fixture fixture;
      REQUIRE(fixture.start().has_value());
      auto log = *fixture.manager->get_or_create({"t", 0}, id, 5000, true);
      for (const int epoch : {3, 5, 5}) {
        base::Buffer batch = make_batch(5);
        storage::AppendRequest request;
        request.records = batch.mutable_bytes();
        request.leader_epoch = base::LeaderEpoch(epoch);
        request.now_ms = 5000;
        REQUIRE(log->append(request).has_value());
      }
      log.reset();
      fixture.stop();
      REQUIRE(fixture.text("t-0/leader-epoch-checkpoint") == kEpochs);
      for (const char* file : {"/t-0/leader-epoch-checkpoint", "/t-0/partition.metadata"}) {
        REQUIRE(fixture.files->write_file_atomically(fixture.dir() + file, base::as_bytes(damaged))
                    .has_value());
      }
      if (!is_clean) {
        REQUIRE(fixture.files->remove_file(fixture.dir() + "/.kafka_cleanshutdown").has_value());
      }
      REQUIRE(fixture.start().has_value());
      CHECK(fixture.failed.empty());
      auto again = fixture.manager->find({"t", 0});
      REQUIRE(again != nullptr);
      CHECK(!again->topic_id());
      CHECK(again->end_offset_for_epoch(base::LeaderEpoch(3)).end_offset == Offset(5));
      CHECK(again->end_offset_for_epoch(base::LeaderEpoch(5)).end_offset == Offset(15));
      CHECK(again->assign_topic_id(*id).has_value());
      again.reset();
      fixture.stop();
      CHECK(fixture.text("t-0/leader-epoch-checkpoint") == kEpochs);
      CHECK(fixture.text("t-0/partition.metadata") ==
            "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ");
    }
  }
}

TEST_CASE("meta.properties without ids is written anew") {
  for (const std::string& text :
       {std::string(), std::string(60, '\0'), std::string("#\n#Tue\nversion=0\n"),
        std::string("broker.id=\ncluster.id=\nversion=0\n"), std::string("broker.id=x1\n")}) {
    CAPTURE(text);
    Fixture fixture;
    REQUIRE(fixture.start().has_value());
    const std::string whole = fixture.text("meta.properties");
    fixture.stop();
    REQUIRE(fixture.files
                ->write_file_atomically(fixture.dir() + "/meta.properties", base::as_bytes(text))
                .has_value());
    REQUIRE(fixture.start().has_value());
    CHECK(fixture.text("meta.properties") == whole);
  }
}

TEST_CASE("a stop before the logs are loaded leaves what the directories say") {
  Fixture fixture;
  REQUIRE(fixture.start().has_value());
  REQUIRE(fixture.manager->get_or_create({"t", 0}, std::nullopt, 5000, true).has_value());
  fixture.append({"t", 0}, 5);
  fixture.stop();
  const std::string recovery = fixture.text("recovery-point-offset-checkpoint");
  REQUIRE(recovery == "0\n1\nt 0 5\n");

  REQUIRE(fixture.open().has_value());
  fixture.stop();
  CHECK(fixture.text("recovery-point-offset-checkpoint") == recovery);
  CHECK(fixture.files->exists(fixture.dir() + "/.kafka_cleanshutdown"));

  REQUIRE(fixture.open().has_value());
  fixture.manager->cancel_load();
  const auto loaded =
      fixture.manager->load(Fixture::inline_executor(), [] { return std::int64_t{5000}; });
  REQUIRE(!loaded);
  CHECK(loaded.error().is(base::Errc::cancelled));
  CHECK(fixture.failed.empty());
  fixture.stop();
  CHECK(fixture.text("recovery-point-offset-checkpoint") == recovery);
  CHECK(!fixture.files->exists(fixture.dir() + "/.kafka_cleanshutdown"));
}
