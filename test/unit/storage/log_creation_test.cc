// Goal: a log has the settings that its topic has when it is there, whatever happens while it is
// made. Method: the settings change in the middle of the work on its files.
#include <doctest/doctest.h>

#include "test/unit/storage/log_manager_fixture.h"

using base::TopicPartition;
using storage_test::LogManagerFixture;

namespace {

std::shared_ptr<const storage::LogConfig> with_retention(std::int64_t retention_ms) {
  storage::LogConfig config;
  config.retention_ms = retention_ms;
  return std::make_shared<const storage::LogConfig>(config);
}

}  // namespace

// The change finds no log to tell, and the log was begun with the old settings.
TEST_CASE("settings that change while a log is made are its settings") {
  storage_test::StillClock clock;
  auto files = std::make_unique<runtime::SimFileSystem>(clock);
  runtime::SimFileSystem& disk = *files;
  LogManagerFixture fixture;
  fixture.use(std::move(files));
  auto current = with_retention(1000);
  fixture.options().config_of = [&current](const std::string&) { return current; };
  REQUIRE(fixture.start().has_value());
  int changes = 0;
  disk.set_pause_hook([&](runtime::SimFileOperation operation, const std::string& path) {
    if (operation != runtime::SimFileOperation::open || !path.ends_with(".log")) return;
    if (++changes > 1) return;
    current = with_retention(2000);
    fixture.manager->update_config("t", current);
  });
  auto log = fixture.manager->get_or_create(TopicPartition{"t", 0}, std::nullopt, 5000);
  disk.set_pause_hook({});
  REQUIRE(log.has_value());
  REQUIRE(changes > 0);
  CHECK_EQ((*log)->config()->retention_ms, 2000);
  log = base::fail(base::Errc::closed);  // before its manager
  fixture.stop();
}
