// Goal: streams, listeners and connects behave as runtime/stream.h and loop.h say, on sockets and
// in the simulation alike. Method: the same bodies on both loops.
#include <doctest/doctest.h>

#include "test/unit/runtime/both_loops.h"
#include "test/unit/runtime/failed_with.h"

using base::Errc;
using runtime::CancelSource;
using runtime::CancelToken;
using runtime::Loop;
using runtime::SocketAddress;
using runtime::Stream;
using runtime::Task;
using runtime::TaskScope;
using namespace runtime_test;

namespace {

SocketAddress any_port() { return *SocketAddress::from_ip("127.0.0.1", 0); }

Task<void> echo(std::unique_ptr<Stream> stream) {
  for (;;) {
    std::array<std::byte, 4096> bytes;
    const auto count = stream->try_read(bytes);
    if (count) {
      const std::string text(base::as_text(base::Bytes(bytes).first(*count)));
      if (!co_await write_text(*stream, text)) co_return;
    } else if (count.error().is(Errc::would_block)) {
      if (!co_await runtime::readable(*stream)) co_return;
    } else {
      CHECK(failed_with(count, Errc::end_of_stream));
      co_return;
    }
  }
}

Task<void> serve(runtime::Listener* listener, TaskScope* scope) {
  for (;;) {
    auto accepted = co_await listener->accept();
    if (!accepted) {
      CHECK(failed_with(accepted, Errc::cancelled));
      co_return;
    }
    scope->spawn(echo(scope->loop().adopt(std::move(*accepted)).value()));
  }
}

Task<void> talk_to_echo(Loop* loop) {
  auto listener = loop->listen(any_port(), {}).value();
  TaskScope scope(*loop, "echo");
  scope.spawn(serve(listener.get(), &scope));
  {
    auto stream = (co_await loop->connect(listener->local_address(), 5000, {})).value();
    CHECK_EQ(stream->peer_address().to_string(), listener->local_address().to_string());
    for (int i = 0; i < 100; ++i) {
      const std::string question = "hello " + std::to_string(i);
      CHECK((co_await write_text(*stream, question)).has_value());
      CHECK_EQ((co_await read_text(*stream, question.size())).value(), question);
    }
  }
  listener->close();
  co_await scope.join();
}

Task<void> cancel_later(Loop* loop, CancelSource* source) {
  (void)co_await runtime::sleep_ms(*loop, 20);
  source->cancel();
}

Task<void> give_up_reading(Loop* loop) {
  Connected pair = co_await connect_pair(*loop);
  CHECK(failed_with((co_await runtime::readable(*pair.server, 10)), Errc::timed_out));
  CancelSource source;
  TaskScope scope(*loop, "canceller");
  scope.spawn(cancel_later(loop, &source));
  const auto waited = co_await runtime::readable(*pair.server, 5000, CancelToken(source));
  CHECK(failed_with(waited, Errc::cancelled));
  const auto again = co_await runtime::readable(*pair.server, 5000, CancelToken(source));
  CHECK(failed_with(again, Errc::cancelled));
  // The stream is none the worse for it.
  CHECK((co_await write_text(*pair.client, "still here")).has_value());
  CHECK_EQ((co_await read_text(*pair.server, 10)).value(), "still here");
  co_await scope.join();
}

Task<void> give_up_writing(Loop* loop) {
  Connected pair = co_await connect_pair(*loop);
  CancelSource source;
  TaskScope scope(*loop, "canceller");
  scope.spawn(cancel_later(loop, &source));
  const std::string too_much(32 << 20, 'x');
  const auto sent =
      co_await runtime::write_all(*pair.client, output_of(too_much), 5000, CancelToken(source));
  CHECK(failed_with(sent, Errc::cancelled));
  const auto slow = co_await runtime::write_all(*pair.client, output_of(too_much), 10);
  CHECK(failed_with(slow, Errc::timed_out));
  co_await scope.join();
}

Task<void> close_later(Loop* loop, Stream* stream) {
  (void)co_await runtime::sleep_ms(*loop, 10);
  stream->close();
}

Task<void> close_under_the_reader(Loop* loop) {
  Connected pair = co_await connect_pair(*loop);
  TaskScope scope(*loop, "closer");
  scope.spawn(close_later(loop, pair.server.get()));
  CHECK(failed_with((co_await runtime::readable(*pair.server)), Errc::closed));
  std::array<std::byte, 8> bytes;
  CHECK(failed_with(pair.server->try_read(bytes), Errc::closed));
  auto output = output_of("late");
  CHECK(failed_with(pair.server->try_write(output), Errc::closed));
  pair.server->close();
  // The peer reads the end.
  CHECK(failed_with((co_await read_text(*pair.client, 1)), Errc::end_of_stream));
  co_await scope.join();
}

Task<void> fail_to_connect(Loop* loop) {
  auto listener = loop->listen(any_port(), {}).value();
  const SocketAddress at = listener->local_address();
  CHECK(failed_with(loop->listen(at, {}), std::errc::address_in_use));
  listener->close();
  listener.reset();
  const auto refused = co_await loop->connect(at, 5000, {});
  CHECK(failed_with(refused, std::errc::connection_refused));
  CHECK(refused.error().context().find(at.to_string()) != std::string::npos);
  CancelSource source;
  source.cancel();
  const auto cancelled = co_await loop->connect(at, 5000, CancelToken(source));
  CHECK_FALSE(cancelled.has_value());
}

Task<void> send_more_than_buffers_hold(Loop* loop) {
  Connected pair = co_await connect_pair(*loop);
  std::string text(3'000'000, ' ');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i % 23);
  runtime::OutputList output;
  // More parts than one sendmsg takes.
  for (std::size_t at = 0; at < text.size(); at += 30'000) {
    output.add(base::Buffer::copy_of(base::as_bytes(text).subspan(at, 30'000)));
  }
  TaskScope scope(*loop, "writer");
  bool written = false;
  struct Writer {
    static Task<void> run(Stream* stream, runtime::OutputList list, bool* done) {
      *done = (co_await runtime::write_all(*stream, std::move(list), 5000)).has_value();
    }
  };
  scope.spawn(Writer::run(pair.client.get(), std::move(output), &written));
  CHECK((co_await read_text(*pair.server, text.size())).value() == text);
  co_await scope.join();
  CHECK(written);
}

}  // namespace

TEST_CASE_TEMPLATE("an echo server answers its client", On, OnUv, OnSim) {
  On on;
  on.run(talk_to_echo(&on.loop));
}

TEST_CASE_TEMPLATE("waiting for bytes ends by time and by cancellation", On, OnUv, OnSim) {
  On on;
  on.run(give_up_reading(&on.loop));
}

TEST_CASE_TEMPLATE("waiting for room ends by time and by cancellation", On, OnUv, OnSim) {
  On on;
  on.run(give_up_writing(&on.loop));
}

TEST_CASE_TEMPLATE("close wakes the waiter and is final", On, OnUv, OnSim) {
  On on;
  on.run(close_under_the_reader(&on.loop));
}

TEST_CASE_TEMPLATE("a refused connect and a taken port say so", On, OnUv, OnSim) {
  On on;
  on.run(fail_to_connect(&on.loop));
}

TEST_CASE_TEMPLATE("a long list of buffers arrives whole and in order", On, OnUv, OnSim) {
  On on;
  on.run(send_more_than_buffers_hold(&on.loop));
}
