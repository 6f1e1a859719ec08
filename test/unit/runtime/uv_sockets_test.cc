// Goal: what only real sockets do: many connections dropped at any moment, handing over to other
// loops, connects that hang, running out of descriptors. Run under ASan and TSan too.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <atomic>

#include "test/unit/runtime/both_loops.h"
#include "test/unit/runtime/failed_with.h"

using base::Errc;
using runtime::CancelSource;
using runtime::CancelToken;
using runtime::Loop;
using runtime::LoopThread;
using runtime::SocketAddress;
using runtime::Stream;
using runtime::Task;
using runtime::TaskScope;
using runtime::UvLoop;
using namespace runtime_test;

namespace {

SocketAddress any_port() { return *SocketAddress::from_ip("127.0.0.1", 0); }

// Reads and echoes until anything happens.
Task<void> echo(std::unique_ptr<Stream> stream, CancelToken token, std::atomic<int>* served) {
  for (;;) {
    std::array<std::byte, 1024> bytes;
    const auto count = stream->try_read(bytes);
    if (!count && !count.error().is(Errc::would_block)) break;
    if (!count) {
      if (!co_await runtime::readable(*stream, 30'000, token)) break;
      continue;
    }
    runtime::OutputList output;
    output.add(base::Buffer::copy_of(base::Bytes(bytes).first(*count)));
    if (!co_await runtime::write_all(*stream, std::move(output), 30'000, token)) break;
  }
  ++*served;
}

// A loop of its own with a scope that lives on it.
class EchoLoop {
 public:
  explicit EchoLoop(std::atomic<int>* served)
      : thread_("echo"), scope_(thread_.loop(), "echo"), served_(served) {}
  ~EchoLoop() {
    std::atomic<bool> ended{false};
    thread_.loop().post([this, &ended] {
      scope_.cancel();
      scope_.spawn(end_of(this, &ended));
    });
    while (!ended) std::this_thread::yield();
    thread_.stop();
    thread_.join();
  }
  void take(std::unique_ptr<runtime::AcceptedConnection> connection) {
    thread_.loop().post([this, connection = std::move(connection)]() mutable {
      auto stream = thread_.loop().adopt(std::move(connection)).value();
      scope_.spawn(echo(std::move(stream), scope_.token(), served_));
    });
  }

 private:
  // Waits for all but itself.
  static Task<void> end_of(EchoLoop* self, std::atomic<bool>* ended) {
    while (self->scope_.task_count() > 1) co_await runtime::yield(self->scope_.loop());
    self->thread_.loop().post([ended] { *ended = true; });
  }

  LoopThread thread_;
  TaskScope scope_;
  std::atomic<int>* served_;
};

Task<void> hand_out(runtime::Listener* listener, std::vector<std::unique_ptr<EchoLoop>>* loops) {
  for (std::size_t next = 0;; ++next) {
    auto accepted = co_await listener->accept();
    if (!accepted) co_return;
    (*loops)[next % loops->size()]->take(std::move(*accepted));
  }
}

// One client: some requests, dropped at a random point, in any state.
Task<void> visit(Loop* loop, SocketAddress at, CancelToken token, int* connected) {
  auto& random = loop->random();
  const std::int64_t timeout_ms = random.below(20) == 0 ? 0 : 30'000;
  auto stream = co_await loop->connect(at, timeout_ms, token);
  if (!stream) co_return;
  ++*connected;
  for (std::uint64_t i = random.below(8); i > 0; --i) {
    const std::string text(1 + random.below(5000), 'v');
    if (!co_await runtime::write_all(**stream, output_of(text), 30'000, token)) co_return;
    if (random.below(4) == 0) co_return;  // the answer is under way
    if (random.below(8) == 0) {
      (*stream)->close();
      CHECK(failed_with(co_await runtime::readable(**stream), Errc::closed));
      co_return;
    }
    std::string answer(text.size(), ' ');
    const base::MutableBytes into(reinterpret_cast<std::byte*>(answer.data()), answer.size());
    if (!co_await runtime::read_exact(**stream, into, 30'000, token)) co_return;
    CHECK(answer == text);
  }
}

Task<void> storm(Loop* loop, std::atomic<int>* served, int* connected) {
  auto listener = loop->listen(any_port(), {.backlog = 1024}).value();
  std::vector<std::unique_ptr<EchoLoop>> loops;
  for (int i = 0; i < 2; ++i) loops.push_back(std::make_unique<EchoLoop>(served));
  TaskScope acceptor(*loop, "acceptor");
  acceptor.spawn(hand_out(listener.get(), &loops));
  for (int wave = 0; wave < 10; ++wave) {
    TaskScope visitors(*loop, "visitors");
    for (int i = 0; i < 100; ++i) {
      visitors.spawn(visit(loop, listener->local_address(), visitors.token(), connected));
    }
    // Half of the waves are cancelled in the middle.
    if (wave % 2 == 0) {
      (void)co_await runtime::sleep_ms(*loop, 3);
      visitors.cancel();
    }
    co_await visitors.join();
  }
  listener->close();
  co_await acceptor.join();
}

// A queue of one that nobody empties: Linux drops what comes after, so connects hang.
class FullListener {
 public:
  explicit FullListener(const SocketAddress& at) {
    for (int& filler : fillers_) {
      filler = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
      (void)::connect(filler, at.native(), at.native_length());
    }
  }
  ~FullListener() {
    for (const int filler : fillers_) ::close(filler);
  }

 private:
  std::array<int, 4> fillers_;
};

Task<void> cancel_after(Loop* loop, std::int64_t delay_ms, CancelSource* source) {
  (void)co_await runtime::sleep_ms(*loop, delay_ms);
  source->cancel();
}

Task<void> hanging_connects(Loop* loop) {
  auto listener = loop->listen(any_port(), {.backlog = 0}).value();
  const FullListener full(listener->local_address());
  const auto late = co_await loop->connect(listener->local_address(), 30, {});
  CHECK(failed_with(late, Errc::timed_out));
  CancelSource source;
  TaskScope scope(*loop, "canceller");
  scope.spawn(cancel_after(loop, 30, &source));
  const auto cancelled =
      co_await loop->connect(listener->local_address(), 30'000, CancelToken(source));
  CHECK(failed_with(cancelled, Errc::cancelled));
  co_await scope.join();
}

Task<void> accept_into(runtime::Listener* listener, bool* accepted) {
  *accepted = (co_await listener->accept()).has_value();
}

Task<void> no_descriptors(Loop* loop) {
  auto listener = loop->listen(any_port(), {}).value();
  auto stream = (co_await loop->connect(listener->local_address(), 5000, {})).value();
  rlimit limit;
  REQUIRE_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  rlimit none = limit;
  none.rlim_cur = 0;
  REQUIRE_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  TaskScope scope(*loop, "acceptor");
  bool accepted = false;
  scope.spawn(accept_into(listener.get(), &accepted));
  (void)co_await runtime::sleep_ms(*loop, 20);
  CHECK_FALSE(accepted);
  CHECK_EQ(scope.task_count(), 1);
  REQUIRE_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  co_await scope.join();
  CHECK(accepted);
}

Task<void> pipelined(Loop* loop) {
  Connected pair = co_await connect_pair(*loop);
  // Bytes that come while nobody waits are remembered, watched no more, and found again.
  for (int round = 0; round < 3; ++round) {
    CHECK((co_await write_text(*pair.client, "12345678")).has_value());
    (void)co_await runtime::sleep_ms(*loop, 5);
    CHECK((co_await runtime::readable(*pair.server, 1000)).has_value());
    CHECK_EQ((co_await read_text(*pair.server, 4)).value(), "1234");
    CHECK((co_await runtime::readable(*pair.server, 1000)).has_value());
    CHECK_EQ((co_await read_text(*pair.server, 4)).value(), "5678");
    CHECK(failed_with(co_await runtime::readable(*pair.server, 3), Errc::timed_out));
  }
  // The same for the end.
  pair.client.reset();
  (void)co_await runtime::sleep_ms(*loop, 5);
  CHECK((co_await runtime::readable(*pair.server, 1000)).has_value());
  CHECK(failed_with(co_await read_text(*pair.server, 1), Errc::end_of_stream));
}

}  // namespace

TEST_CASE("1,000 connections, opened and dropped at random, over three loops") {
  std::atomic<int> served{0};
  int connected = 0;
  UvLoop loop;
  runtime::block_on(loop, storm(&loop, &served, &connected));
  // Those that gave up before may have been accepted or not.
  CHECK(served >= connected);
  CHECK(connected > 300);
}

TEST_CASE("a hanging connect ends by time and by cancellation") {
  UvLoop loop;
  runtime::block_on(loop, hanging_connects(&loop));
}

TEST_CASE("out of descriptors the listener waits and goes on") {
  UvLoop loop;
  runtime::block_on(loop, no_descriptors(&loop));
}

TEST_CASE("bytes that come while nobody waits are not lost") {
  UvLoop loop;
  runtime::block_on(loop, pipelined(&loop));
}

TEST_CASE("addresses: literals, mapped and scoped forms") {
  CHECK_EQ(SocketAddress::from_ip("127.0.0.1", 9092)->to_string(), "127.0.0.1:9092");
  CHECK_EQ(SocketAddress::from_ip("::1", 9092)->to_string(), "[::1]:9092");
  CHECK_EQ(SocketAddress::from_ip("::ffff:10.0.0.1", 1)->ip(), "10.0.0.1");
  CHECK_FALSE(SocketAddress::from_ip("localhost", 1).has_value());
  CHECK_FALSE(SocketAddress::from_ip("127.1", 1).has_value());
  CHECK_FALSE(SocketAddress::from_ip("", 1).has_value());
  CHECK_FALSE(SocketAddress::from_ip("1:2:3", 1).has_value());
}
