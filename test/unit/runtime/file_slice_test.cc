// Goal: parts of files reach the peer between buffers, whole and in order; a slice that can no
// longer be sent as planned fails the connection instead of sending other bytes.
#include <doctest/doctest.h>
#include <stdlib.h>

#include "test/unit/runtime/both_loops.h"
#include "test/unit/runtime/failed_with.h"

using base::Errc;
using runtime::FileSlice;
using runtime::Loop;
using runtime::OpenMode;
using runtime::OutputList;
using runtime::Task;
using namespace runtime_test;

namespace {

std::string letters(std::size_t size_bytes) {
  std::string text(size_bytes, ' ');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('A' + i % 59);
  return text;
}

// An unlinked file: real on the socket loop, simulated on the other.
std::shared_ptr<runtime::File> make_file(runtime::FileSystem& files, const std::string& directory,
                                         const std::string& content) {
  const std::string path = directory + "/slice";
  auto file = files.open(path, OpenMode::create_new).value();
  REQUIRE(file->pwrite(base::as_bytes(content), 0).has_value());
  REQUIRE(files.remove_file(path).has_value());
  return file;
}

struct Files {
  std::unique_ptr<runtime::FileSystem> posix = runtime::make_posix_file_system();
  runtime::SimClock clock;
  runtime::SimFileSystem sim{clock};

  std::shared_ptr<runtime::File> real(const std::string& content) {
    std::string directory = "/tmp/barnabas-slice-XXXXXX";
    REQUIRE(::mkdtemp(directory.data()) != nullptr);
    auto file = make_file(*posix, directory, content);
    REQUIRE(posix->remove_directory(directory).has_value());
    return file;
  }
  std::shared_ptr<runtime::File> simulated(const std::string& content) {
    return make_file(sim, "", content);
  }
};

FileSlice slice_of(std::shared_ptr<runtime::File> file, std::int64_t position,
                   std::size_t size_bytes) {
  FileSlice slice;
  slice.file = std::move(file);
  slice.position = position;
  slice.size_bytes = size_bytes;
  return slice;
}

Task<void> write_slowly(runtime::Stream* stream, OutputList output) {
  CHECK((co_await runtime::write_all(*stream, std::move(output), 10'000)).has_value());
}

Task<void> mixed(Loop* loop, std::shared_ptr<runtime::File> file, std::string content) {
  Connected pair = co_await connect_pair(*loop);
  OutputList output;
  std::string expected;
  for (std::size_t i = 0; i < 20; ++i) {
    const std::string header = "header " + std::to_string(i) + ";";
    const std::size_t size_bytes = i == 10 ? content.size() - 10 : i * 1000;
    output.append(output_of(header));
    output.append(output_of(header));
    output.add(slice_of(file, static_cast<std::int64_t>(i), size_bytes));
    expected += header + header + content.substr(i, size_bytes);
  }
  CHECK_EQ(output.total_bytes(), expected.size());
  runtime::TaskScope scope(*loop, "writer");
  scope.spawn(write_slowly(pair.server.get(), std::move(output)));
  CHECK((co_await read_text(*pair.client, expected.size())).value() == expected);
  co_await scope.join();
}

Task<void> stale(Loop* loop, std::shared_ptr<runtime::File> file) {
  Connected pair = co_await connect_pair(*loop);
  auto generation = std::make_shared<std::atomic<std::uint64_t>>(4);
  FileSlice slice = slice_of(file, 0, 100);
  slice.generation = generation;
  slice.expected_generation = 4;
  OutputList good;
  good.add(slice);
  CHECK((co_await runtime::write_all(*pair.server, std::move(good))).has_value());
  ++*generation;
  OutputList truncated = output_of("promised:");
  truncated.add(slice);
  CHECK(failed_with(co_await runtime::write_all(*pair.server, std::move(truncated)), Errc::closed));
  OutputList too_short;
  too_short.add(slice_of(file, file->size().value() - 10, 11));
  CHECK(failed_with(co_await runtime::write_all(*pair.server, std::move(too_short)), Errc::closed));
}

Task<void> peer_has_gone(Loop* loop, std::shared_ptr<runtime::File> file) {
  Connected pair = co_await connect_pair(*loop);
  pair.client.reset();
  base::Result<void> sent;
  while (sent) {
    OutputList output;
    output.add(slice_of(file, 0, 1000));
    sent = co_await runtime::write_all(*pair.server, std::move(output));
    (void)co_await runtime::sleep_ms(*loop, 1);
  }
  CHECK((failed_with(sent, std::errc::broken_pipe) ||
         failed_with(sent, std::errc::connection_reset)));
}

}  // namespace

TEST_CASE("sendfile and buffers mix on a socket") {
  Files files;
  OnUv on;
  const std::string content = letters(5'000'000);
  on.run(mixed(&on.loop, files.real(content), content));
  on.run(mixed(&on.loop, files.simulated(content), content));
}

TEST_CASE("slices and buffers mix in the simulation") {
  Files files;
  OnSim on;
  const std::string content = letters(300'000);
  on.run(mixed(&on.loop, files.real(content), content));
  on.run(mixed(&on.loop, files.simulated(content), content));
}

TEST_CASE_TEMPLATE("a truncated log or a short file fails the connection", On, OnUv, OnSim) {
  Files files;
  On on;
  on.run(stale(&on.loop, files.real(letters(1000))));
  on.run(stale(&on.loop, files.simulated(letters(1000))));
}

TEST_CASE("an output list forgets what was sent, across pieces") {
  Files files;
  OutputList output = output_of("abc");
  output.add(slice_of(files.simulated(letters(100)), 5, 10));
  output.append(output_of("xyz"));
  output.add(base::Buffer(), 0, 0);
  CHECK_EQ(output.total_bytes(), 16);
  output.consume(2);
  CHECK(base::as_text(output.pieces().front().bytes()) == "c");
  output.consume(3);
  CHECK_EQ(output.pieces().front().slice.position, 7);
  CHECK_EQ(output.pieces().front().size_bytes, 8);
  output.consume(8);
  CHECK(base::as_text(output.pieces().front().bytes()) == "xyz");
  output.consume(3);
  CHECK(output.empty());
}

TEST_CASE_TEMPLATE("a file for a peer that has gone is an error, not a signal", On, OnUv, OnSim) {
  Files files;
  On on;
  on.run(peer_has_gone(&on.loop, files.real(letters(1000))));
}
