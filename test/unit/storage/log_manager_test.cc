// Goal: directories, identity, checkpoints, deletion and the clean shutdown marker as Kafka's.
#include <doctest/doctest.h>

#include <semaphore>
#include <thread>

#include "runtime/sim/sim_file_system.h"
#include "storage/compaction/log_cleaner.h"
#include "storage/log_manager.h"
#include "test/unit/storage/log_manager_fixture.h"

using base::Offset;
using base::TopicPartition;
using storage::LogManager;
using storage_test::CountingRandom;
using storage_test::make_batch;
using storage_test::StillClock;
using Fixture = storage_test::LogManagerFixture;

TEST_CASE("logs survive a clean stop with checkpoints and marker in Kafka's formats") {
  Fixture fixture;
  REQUIRE(fixture.start().has_value());
  const auto id = base::Uuid::parse("AAAAAAAAAAAAAAAAAAAAAQ");
  const TopicPartition tp{"to-pic", 3};
  REQUIRE(fixture.manager->get_or_create(tp, id, 5000).has_value());
  fixture.append(tp, 7);
  fixture.manager->find(tp)->set_high_watermark(Offset(6));
  fixture.stop();
  CHECK_EQ(fixture.text("recovery-point-offset-checkpoint"), "0\n1\nto-pic 3 7\n");
  CHECK_EQ(fixture.text("replication-offset-checkpoint"), "0\n1\nto-pic 3 6\n");
  CHECK_EQ(fixture.text("log-start-offset-checkpoint"), "0\n0\n");
  CHECK_EQ(fixture.text(".kafka_cleanshutdown"), "{\"version\":0,\"brokerEpoch\":-1}");
  CHECK_EQ(fixture.text("to-pic-3/partition.metadata"),
           "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ");
  CHECK_EQ(fixture.text("meta.properties"),
           "#\n#Tue Nov 14 22:13:20 UTC 2023\ncluster.id=qCqvWVu9Q6OJ_udtfKYegA\nversion=0\n"
           "broker.id=1\n");

  REQUIRE(fixture.start().has_value());
  CHECK(!fixture.files->exists(fixture.dir() + "/.kafka_cleanshutdown"));
  const auto log = fixture.manager->find(tp);
  REQUIRE(log != nullptr);
  CHECK_EQ(log->log_end_offset().value(), 7);
  CHECK_EQ(log->high_watermark().value(), 6);
  CHECK_EQ(log->topic_id(), id);
  CHECK(log->assign_topic_id(*base::Uuid::parse("AAAAAAAAAAAAAAAAAAAAAg"))
            .error()
            .is(storage::LogError::inconsistent_topic_id));
}

TEST_CASE("what belongs to another broker or cluster is refused with a remedy") {
  Fixture fixture;
  REQUIRE(fixture.start().has_value());
  fixture.stop();
  fixture.manager =
      LogManager::open(*fixture.files, *std::make_unique<CountingRandom>(), fixture.options())
          .value();
  CHECK_EQ(fixture.manager->stored_broker_id(), base::BrokerId(1));
  const auto other = fixture.manager->check_identity(base::BrokerId(2), "x", 0);
  REQUIRE(!other.has_value());
  CHECK(other.error().to_string().find("belong to broker 1") != std::string::npos);
  CHECK(!fixture.manager->check_identity(base::BrokerId(1), "x", 0).has_value());
}

TEST_CASE("a second broker on the directory, and a stranger with logs, refuse the start") {
  Fixture fixture;
  REQUIRE(fixture.start().has_value());
  CountingRandom random;
  CHECK(LogManager::open(*fixture.files, random, fixture.options())
            .error()
            .is(base::Errc::unavailable));
  fixture.stop();
  REQUIRE(fixture.files->create_directory(fixture.dir() + "/lost+found").has_value());
  REQUIRE(fixture.files->create_directory(fixture.dir() + "/backup").has_value());
  REQUIRE(fixture.start().has_value());
  CHECK(fixture.manager->all().empty());
  fixture.stop();
  REQUIRE(
      fixture.files->write_file_atomically(fixture.dir() + "/backup/00000000000000000000.log", {})
          .has_value());
  const auto started = fixture.start();
  REQUIRE(!started.has_value());
  CHECK(started.error().to_string().find("backup") != std::string::npos);
  CHECK(started.error().to_string().find("delete") == std::string::npos);
}

TEST_CASE("new logs go to the directory with the fewest; a partition in two refuses the start") {
  Fixture fixture(2);
  REQUIRE(fixture.start().has_value());
  for (int i = 0; i < 4; ++i) {
    REQUIRE(fixture.manager->get_or_create({"t", i}, std::nullopt, 0).has_value());
  }
  int in_first = 0;
  for (const auto& log : fixture.manager->all()) in_first += log->log_dir() == fixture.dir(0);
  CHECK_EQ(in_first, 2);
  fixture.stop();
  REQUIRE(fixture.files->create_directories(fixture.dir(0) + "/t-0").has_value());
  REQUIRE(fixture.files->create_directories(fixture.dir(1) + "/t-0").has_value());
  const auto started = fixture.start();
  REQUIRE(!started.has_value());
  CHECK(started.error().to_string().find("t-0 exists twice") != std::string::npos);
}

TEST_CASE("deletion hides the log at once and removes the files after the delay") {
  Fixture fixture;
  REQUIRE(fixture.start().has_value());
  const TopicPartition tp{"gone", 0};
  REQUIRE(fixture.manager->get_or_create(tp, std::nullopt, 0).has_value());
  fixture.append(tp, 3);
  const auto log = fixture.manager->find(tp);
  const auto plan = log->plan_read({Offset(0), Offset(3), 1000}).value();
  REQUIRE(fixture.manager->remove({tp}).has_value());
  CHECK(fixture.manager->find(tp) == nullptr);
  CHECK(log->plan_read({Offset(0), Offset(3), 1000}).error().is(storage::LogError::storage_error));
  CHECK(!fixture.files->exists(fixture.dir() + "/gone-0"));
  CHECK(fixture.files->exists(log->directory()));
  fixture.manager->remove_due_files(fixture.dir(), 10'000);
  fixture.manager->remove_due_files(fixture.dir(), 69'999);
  CHECK(fixture.files->exists(log->directory()));
  fixture.manager->remove_due_files(fixture.dir(), 70'000);
  CHECK(!fixture.files->exists(log->directory()));
  // A fetch on its way still has its bytes.
  std::vector<std::byte> bytes(plan.slices[0].size_bytes);
  CHECK_EQ(plan.slices[0].file->pread(bytes, 0).value(), bytes.size());
  REQUIRE(fixture.manager->get_or_create(tp, std::nullopt, 0).has_value());
  CHECK_EQ(fixture.manager->find(tp)->log_end_offset().value(), 0);
}

// A recovery point or log start of the former log would cut records off the new one after a crash.
TEST_CASE("what checkpoints say of a deleted log is gone before another one has its name") {
  Fixture fixture;
  REQUIRE(fixture.start().has_value());
  const TopicPartition tp{"again", 0};
  const auto has = [&](const char* checkpoint) {
    return fixture.text(checkpoint).find("again 0 ") != std::string::npos;
  };
  const auto make_old = [&] {
    REQUIRE(fixture.manager->get_or_create(tp, std::nullopt, 0).has_value());
    fixture.append(tp, 3);
    fixture.append(tp, 3);
    const auto log = fixture.manager->find(tp);
    REQUIRE(log->flusher().flush(5000).has_value());
    log->set_high_watermark(Offset(6));
    REQUIRE(log->advance_log_start_offset(Offset(4)).has_value());
    REQUIRE(fixture.manager->checkpoint_recovery_points(fixture.dir()).has_value());
    REQUIRE(fixture.manager->checkpoint_log_start_offsets(fixture.dir()).has_value());
    REQUIRE(fixture.manager->checkpoint_high_watermarks(fixture.dir()).has_value());
  };
  const auto check_named = [&](bool is_named) {
    for (const char* name : {"recovery-point-offset-checkpoint", "log-start-offset-checkpoint",
                             "replication-offset-checkpoint"}) {
      CAPTURE(name);
      CHECK(has(name) == is_named);
    }
  };
  make_old();
  check_named(true);
  REQUIRE(fixture.manager->remove({tp}).has_value());
  check_named(true);  // one file for each deletion would cost as much as there are logs
  REQUIRE(fixture.manager->get_or_create(tp, std::nullopt, 0).has_value());
  CHECK(!has("log-start-offset-checkpoint"));
  CHECK(fixture.text("recovery-point-offset-checkpoint").find("again 0 6") == std::string::npos);
  CHECK(fixture.text("replication-offset-checkpoint").find("again 0 6") == std::string::npos);

  // The same with a crash between the deletion and the new log.
  REQUIRE(fixture.manager->remove({tp}).has_value());
  make_old();
  REQUIRE(fixture.manager->remove({tp}).has_value());
  fixture.manager.reset();
  REQUIRE(fixture.start().has_value());
  REQUIRE(fixture.manager->get_or_create(tp, std::nullopt, 0).has_value());
  CHECK(!has("log-start-offset-checkpoint"));
  CHECK(fixture.text("replication-offset-checkpoint").find("again 0 6") == std::string::npos);
  fixture.stop();
}

TEST_CASE("deletions leave a bounded number of entries in the checkpoints") {
  StillClock clock;
  Fixture fixture;
  fixture.use(std::make_unique<runtime::SimFileSystem>(clock));
  REQUIRE(fixture.start().has_value());
  std::vector<TopicPartition> all;
  for (int i = 0; i < 1'002; ++i) all.push_back({"t", i});
  for (const TopicPartition& tp : all) {
    REQUIRE(fixture.manager->get_or_create(tp, std::nullopt, 0).has_value());
  }
  const auto lines = [&] {
    return std::ranges::count(fixture.text("recovery-point-offset-checkpoint"), '\n');
  };
  REQUIRE(fixture.manager->checkpoint_recovery_points(fixture.dir()).has_value());
  REQUIRE(lines() == 1'004);
  for (int i = 0; i < 1'000; ++i) REQUIRE(fixture.manager->remove({all[i]}).has_value());
  CHECK(lines() == 1'004);
  REQUIRE(fixture.manager->remove({all[1'000]}).has_value());
  CHECK(lines() == 3);
  fixture.stop();
}

TEST_CASE("the filthiest log is compacted first; how far each has come survives a restart") {
  Fixture fixture;
  storage::LogConfig config;
  config.cleanup_compact = true;
  config.segment_bytes = 400;
  fixture.options().config_of = [&](const std::string& topic) {
    auto own = std::make_shared<storage::LogConfig>(config);
    own->cleanup_compact = topic != "deleted";
    return own;
  };
  REQUIRE(fixture.start().has_value());
  for (const char* topic : {"deleted", "small", "large"}) {
    REQUIRE(fixture.manager->get_or_create({topic, 0}, {}, 5000).has_value());
    for (int i = 0; i < (*topic == 's' ? 12 : 60); ++i) fixture.append({topic, 0}, 2);
    const auto log = fixture.manager->find({topic, 0});
    log->set_high_watermark(log->log_end_offset());
  }
  auto large = fixture.manager->find({"large", 0});
  auto small = fixture.manager->find({"small", 0});
  storage::LogCleaner cleaner(*fixture.manager, {});
  CHECK(cleaner.clean_filthiest(6000));
  CHECK(cleaner.clean_filthiest(6000));
  CHECK(!cleaner.clean_filthiest(6000));
  CHECK(large->size_bytes() < 1000);
  CHECK(!fixture.manager->find({"deleted", 0})->cleaned_up_to());
  const Offset cleaned = large->cleaned_up_to().value();
  CHECK_EQ(fixture.text("cleaner-offset-checkpoint"),
           "0\n2\nlarge 0 " + std::to_string(cleaned.value()) + "\nsmall 0 " +
               std::to_string(small->cleaned_up_to()->value()) + "\n");
  large.reset();  // no log outlives its manager
  small.reset();
  fixture.stop();
  REQUIRE(fixture.start().has_value());
  CHECK_EQ(fixture.manager->find({"large", 0})->cleaned_up_to(), cleaned);
  REQUIRE(fixture.manager->remove({{"large", 0}}).has_value());
  REQUIRE(fixture.manager->checkpoint_recovery_points(fixture.dir()).has_value());
  CHECK(fixture.text("cleaner-offset-checkpoint").find("large") == std::string::npos);
  fixture.stop();
}

TEST_CASE("a log that cannot be compacted is left alone, the others are not") {
  Fixture fixture;
  storage::LogConfig config;
  config.cleanup_compact = true;
  config.segment_bytes = 400;
  fixture.options().config_of = [&](const std::string&) {
    return std::make_shared<const storage::LogConfig>(config);
  };
  REQUIRE(fixture.start().has_value());
  for (const char* topic : {"bad", "good"}) {
    const auto log = fixture.manager->get_or_create({topic, 0}, {}, 5000).value();
    for (int i = 0; i < 20; ++i) fixture.append({topic, 0}, 2);
    log->set_high_watermark(log->log_end_offset());
  }
  const auto file =
      fixture.files
          ->open(fixture.dir() + "/bad-0/00000000000000000000.log", runtime::OpenMode::read_write)
          .value();
  REQUIRE(file->pwrite(base::as_bytes("!"), 65).has_value());
  storage::LogCleaner cleaner(*fixture.manager, {});
  for (int i = 0; i < 3; ++i) (void)cleaner.clean_filthiest(6000);
  CHECK(fixture.manager->find({"good", 0})->cleaned_up_to().has_value());
  CHECK(!fixture.manager->find({"bad", 0})->cleaned_up_to());
  CHECK(fixture.failed.empty());
  fixture.stop();
}

TEST_CASE("a clean stop syncs what is dirty, at once where that is much, and nothing else") {
  using Operation = runtime::SimFileOperation;
  for (const int topics : {10, 200}) {
    CAPTURE(topics);
    StillClock clock;
    Fixture fixture;
    auto owned = std::make_unique<runtime::SimFileSystem>(clock);
    runtime::SimFileSystem& disk = *owned;
    fixture.use(std::move(owned));
    std::map<Operation, int> calls;
    const auto count_calls = [&] {
      disk.set_fault_hook([&](Operation operation, const std::string&) {
        ++calls[operation];
        return runtime::SimFileFault{};
      });
    };
    REQUIRE(fixture.start().has_value());
    for (int i = 0; i < topics; ++i) {
      REQUIRE(fixture.manager->get_or_create({"t" + std::to_string(i), 0}, {}, 5000).has_value());
      fixture.append({"t" + std::to_string(i), 0}, 3);
    }
    for (int stop = 0; stop < 3; ++stop) {
      CAPTURE(stop);
      calls.clear();
      count_calls();
      fixture.stop();
      disk.set_fault_hook({});
      const bool is_all_dirty = stop != 1;
      CHECK_EQ(calls[Operation::sync_file_system], is_all_dirty && topics > 100 ? 2 : 0);
      // Checkpoints and the marker are always written; of logs only those with something new.
      const int of_logs = calls[Operation::sync] - 4;
      if (topics < 100) CHECK_EQ(of_logs > 0, is_all_dirty);
      if (topics > 100) CHECK_EQ(of_logs, 0);
      if (!is_all_dirty) CHECK_EQ(calls[Operation::open], 4);
      disk.crash(runtime::CrashKind::power_loss);
      REQUIRE(fixture.start().has_value());
      for (int i = 0; i < topics; ++i) {
        const auto log = fixture.manager->find({"t" + std::to_string(i), 0});
        CHECK_EQ(log->log_end_offset().value(), stop == 2 ? 6 : 3);
        CHECK_EQ(log->recovery_point(), log->log_end_offset());
        CHECK_EQ(log->latest_epoch(), base::LeaderEpoch(0));
        if (stop == 1) fixture.append({"t" + std::to_string(i), 0}, 3);
      }
    }
  }
}

TEST_CASE("no clean shutdown marker if the file system could not be synced, and no lost logs") {
  StillClock clock;
  Fixture fixture;
  auto owned = std::make_unique<runtime::SimFileSystem>(clock);
  runtime::SimFileSystem& disk = *owned;
  fixture.use(std::move(owned));
  REQUIRE(fixture.start().has_value());
  for (int i = 0; i < 100; ++i) {
    REQUIRE(fixture.manager->get_or_create({"t" + std::to_string(i), 0}, {}, 5000).has_value());
    fixture.append({"t" + std::to_string(i), 0}, 3);
  }
  disk.set_fault_hook([&](runtime::SimFileOperation operation, const std::string& path) {
    runtime::SimFileFault fault;
    if (operation == runtime::SimFileOperation::sync_file_system) fault.errno_value = EIO;
    if (operation == runtime::SimFileOperation::sync &&
        path.find("t7-0/0000") != std::string::npos) {
      fault.errno_value = EIO;
    }
    return fault;
  });
  fixture.stop();
  disk.set_fault_hook({});
  CHECK(!fixture.files->exists(fixture.dir() + "/.kafka_cleanshutdown"));
}

TEST_CASE("a topic that is deleted while its log is flushed is no failure of the disk") {
  Fixture fixture;
  StillClock clock;
  auto sim = std::make_unique<runtime::SimFileSystem>(clock);
  runtime::SimFileSystem& files = *sim;
  fixture.use(std::move(sim));
  REQUIRE(fixture.start().has_value());
  const TopicPartition tp{"t", 0};
  const auto id = base::Uuid::parse("AAAAAAAAAAAAAAAAAAAAAQ");
  auto log = fixture.manager->get_or_create(tp, id, 5000).value();
  fixture.append(tp, 1);
  REQUIRE(log->roll(0).has_value());
  bool was_usable_at_rename = true;
  files.set_pause_hook(
      [&, is_first = true](runtime::SimFileOperation operation, const std::string& path) mutable {
        if (operation == runtime::SimFileOperation::rename && path.ends_with("/t-0")) {
          was_usable_at_rename = log->is_usable();
        }
        if (operation != runtime::SimFileOperation::sync || !std::exchange(is_first, false)) return;
        REQUIRE(fixture.manager->remove({tp}).has_value());
      });
  CHECK(log->flusher().flush(0).error().is(storage::LogError::storage_error));
  // Whoever meets a missing file must be able to see why.
  CHECK(!was_usable_at_rename);
  CHECK(fixture.manager->offline_directories().empty());
  log.reset();
  fixture.stop();
  CHECK(fixture.failed.empty());
}

TEST_CASE("a deletion that has no room for the new name can be tried again") {
  Fixture fixture;
  StillClock clock;
  auto sim = std::make_unique<runtime::SimFileSystem>(clock);
  runtime::SimFileSystem& files = *sim;
  fixture.use(std::move(sim));
  REQUIRE(fixture.start().has_value());
  const TopicPartition tp{"t", 0};
  REQUIRE(fixture.manager->get_or_create(tp, std::nullopt, 5000).has_value());
  files.set_fault_hook([](runtime::SimFileOperation operation, const std::string&) {
    return runtime::SimFileFault{operation == runtime::SimFileOperation::rename ? ENOSPC : 0};
  });
  CHECK(!fixture.manager->remove({tp}).has_value());
  files.set_fault_hook({});
  fixture.append(tp, 1);
  CHECK(fixture.manager->remove({tp}).has_value());
  CHECK(fixture.manager->find(tp) == nullptr);
  fixture.stop();
  CHECK(fixture.failed.empty());
}

TEST_CASE("a start without descriptors is refused, and takes no directory offline") {
  Fixture fixture;
  StillClock clock;
  auto sim = std::make_unique<runtime::SimFileSystem>(clock);
  runtime::SimFileSystem& files = *sim;
  fixture.use(std::move(sim));
  REQUIRE(fixture.start().has_value());
  REQUIRE(fixture.manager->get_or_create({"t", 0}, std::nullopt, 5000).has_value());
  fixture.append({"t", 0}, 1);
  fixture.stop();
  files.set_fault_hook([](runtime::SimFileOperation operation, const std::string& path) {
    const bool hits = operation == runtime::SimFileOperation::open && path.ends_with(".log");
    return runtime::SimFileFault{hits ? EMFILE : 0};
  });
  files.crash(runtime::CrashKind::process_killed);
  REQUIRE(files.remove_file(fixture.dir() + "/.kafka_cleanshutdown").has_value());
  CHECK(fixture.start().error().is(std::errc::too_many_files_open));
  CHECK(fixture.failed.empty());
}

TEST_CASE("a directory that hangs holds up neither upkeep nor new logs of another one") {
  Fixture fixture(2);
  StillClock clock;
  auto sim = std::make_unique<runtime::SimFileSystem>(clock);
  runtime::SimFileSystem& files = *sim;
  fixture.use(std::move(sim));
  REQUIRE(fixture.start().has_value());
  LogManager& manager = *fixture.manager;
  const std::string hung = fixture.dir(0) + "/";
  for (const int partition : {0, 1}) {
    REQUIRE(manager.get_or_create({"t", partition}, std::nullopt, 5000).has_value());
    fixture.append({"t", partition}, 1);
  }
  std::counting_semaphore<> at_the_disk{0};
  std::counting_semaphore<> goes_on{0};
  files.set_pause_hook([&](runtime::SimFileOperation operation, const std::string& path) {
    const bool hangs = operation == runtime::SimFileOperation::sync ||
                       operation == runtime::SimFileOperation::create_directory;
    if (!hangs || !path.starts_with(hung)) return;
    at_the_disk.release();
    goes_on.acquire();
  });
  REQUIRE_EQ(manager.reserve_place({"new", 0}), fixture.dir(0));
  std::thread flusher([&] { manager.flush_due_logs(fixture.dir(0), 100'000); });
  std::thread maker([&] {
    CHECK(manager.get_or_create_in(fixture.dir(0), {"new", 0}, std::nullopt, 5000).has_value());
  });
  at_the_disk.acquire();
  at_the_disk.acquire();
  const std::string healthy = fixture.dir(1);
  manager.flush_due_logs(healthy, 100'000);
  CHECK_EQ(manager.find({"t", 1})->durable_offset(), Offset(1));
  CHECK(manager.checkpoint_recovery_points(healthy).has_value());
  manager.apply_retention(healthy, 100'000);
  manager.remove_due_files(healthy, 100'000);
  CHECK(manager.get_or_create({"new", 1}, std::nullopt, 5000).has_value());
  CHECK_EQ(manager.find({"t", 0})->durable_offset(), Offset(0));
  files.set_pause_hook({});
  goes_on.release(2);
  flusher.join();
  maker.join();
  manager.release_place({"new", 0});
  fixture.stop();
}

TEST_CASE("what concerns a topic reaches its logs alone") {
  Fixture fixture(2);
  REQUIRE(fixture.start());
  const auto create = [&](const std::string& topic, std::int32_t number) {
    auto log = fixture.manager->get_or_create({topic, number}, std::nullopt, 5000);
    REQUIRE(log.has_value());
    return *log;
  };
  auto a0 = create("a", 0);
  auto a1 = create("a", 1);
  auto b0 = create("b", 0);
  // The emptiest directory each time.
  CHECK(a0->log_dir() != a1->log_dir());
  auto topics = fixture.manager->topics();
  std::ranges::sort(topics);
  CHECK(topics == std::vector<std::string>{"a", "b"});
  const auto config = std::make_shared<const storage::LogConfig>();
  fixture.manager->update_config("a", config);
  CHECK(a0->config() == config);
  CHECK(a1->config() == config);
  CHECK(b0->config() != config);
  REQUIRE(fixture.manager->remove({{"a", 0}, {"a", 1}}));
  CHECK(!fixture.manager->has_topic("a"));
  CHECK(fixture.manager->has_topic("b"));
  auto c0 = create("c", 0);
  CHECK(c0->log_dir() != b0->log_dir());
  a0 = a1 = b0 = c0 = nullptr;  // none outlives its manager
  fixture.stop();
}

TEST_CASE("a name that is too long for the file system is no fault of the disk") {
  Fixture fixture;
  REQUIRE(fixture.start().has_value());
  const std::string topic(249, 'x');
  CHECK(!fixture.manager->get_or_create({topic, 100'000}, std::nullopt, 5000).has_value());
  CHECK(fixture.failed.empty());
  CHECK_EQ(fixture.manager->live_directories().size(), 1);
  fixture.stop();
}
