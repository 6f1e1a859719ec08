// Goal: the compiler and Task treat correct coroutine programs correctly: every object is destroyed
// once, whatever its place in a co_await statement. Method: small programs, each run with awaits
// that finish at once and with awaits that suspend; a live-object count must return to zero.
// Story: g++ 12.2 destroyed temporaries of such statements twice. This battery judges the next
// compiler.
#include <doctest/doctest.h>

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "test/unit/runtime/both_loops.h"

using runtime::Loop;
using runtime::Task;

namespace {

int live = 0;

struct Counted {
  std::string text;
  explicit Counted(std::string value) : text(std::move(value)) { ++live; }
  Counted(const Counted& other) : text(other.text) { ++live; }
  Counted(Counted&& other) noexcept : text(std::move(other.text)) { ++live; }
  Counted& operator=(const Counted&) = default;
  Counted& operator=(Counted&&) noexcept = default;
  ~Counted() { --live; }
};

// An aggregate with a destructor that matters.
struct Options {
  Counted name;
  std::string more;
  int number = 0;
};

const std::string kLong = "a text that does not fit into the string object itself";

bool suspends = false;

Task<void> pause() {
  if (suspends) co_await runtime::yield(*Loop::current());
}

Task<std::string> name_of(Options options) {
  co_await pause();
  co_return options.name.text + options.more;
}
Task<Counted> counted(std::string text) {
  co_await pause();
  co_return Counted(text);
}
Task<std::string> by_reference(const Options& options) {
  co_await pause();
  co_return options.name.text;
}
Task<int> throwing(Counted) {
  co_await pause();
  throw std::runtime_error(kLong);
}
template <class F>
Task<std::string> call(F function) {
  co_await pause();
  co_return function();
}

Task<void> aggregate_temporaries() {
  CHECK_EQ(co_await name_of(Options{Counted(kLong), "x"}), kLong + "x");
  CHECK_EQ(co_await name_of({Counted(kLong), kLong, 3}), kLong + kLong);
  CHECK_EQ(co_await by_reference(Options{Counted(kLong), "x"}), kLong);
  CHECK_EQ((co_await counted(kLong)).text.size(), kLong.size());
  const std::size_t sum = (co_await counted("ab")).text.size() +
                          (co_await name_of(Options{Counted("cde"), "f"})).size();
  CHECK_EQ(sum, 6);
}

Task<void> closures() {
  const Counted captured(kLong);
  CHECK_EQ(co_await call([captured] { return captured.text; }), kLong);
  CHECK_EQ(co_await call([copy = captured, text = kLong] { return copy.text + text; }),
           kLong + kLong);
  std::move_only_function<std::string()> function = [copy = captured] { return copy.text; };
  CHECK_EQ(co_await call(std::move(function)), kLong);
}

Task<Counted> choose(bool first) {
  co_return first ? co_await counted(kLong) : co_await counted("second" + kLong);
}
Task<void> conditionals() {
  for (const bool first : {true, false}) {
    const Counted chosen = first ? co_await counted(kLong) : Counted("plain" + kLong);
    CHECK_EQ(chosen.text, first ? kLong : "plain" + kLong);
    CHECK_EQ((co_await choose(first)).text, first ? kLong : "second" + kLong);
    const std::string text = first ? (co_await counted(kLong)).text : kLong + "!";
    CHECK_EQ(text.size(), kLong.size() + (first ? 0 : 1));
    if (first && (co_await counted("yes")).text == "yes" && (co_await counted("no")).text != "no") {
      CHECK(false);
    }
  }
}

Task<Options> aggregate_result() {
  co_return Options{Counted(kLong), (co_await counted("tail")).text, 7};
}
Task<std::map<std::string, Options>> nested_result() {
  std::map<std::string, Options> all;
  all.emplace("one", co_await aggregate_result());
  all.insert_or_assign("two", Options{co_await counted("x"), (co_await counted("y")).text});
  co_return all;
}
Task<std::vector<Counted>> list_result() {
  std::vector<Counted> list;
  list.push_back(co_await counted("a"));
  list.emplace_back((co_await counted("b")).text);
  const auto more = {co_await counted("c"), co_await counted("d")};
  list.insert(list.end(), more.begin(), more.end());
  co_return list;
}
Task<void> results() {
  const Options options = co_await aggregate_result();
  CHECK_EQ(options.name.text + options.more, kLong + "tail");
  CHECK_EQ((co_await nested_result()).at("two").more, "y");
  const auto [name, more, number] = co_await aggregate_result();
  CHECK_EQ(number, 7);
  std::string joined;
  for (const Counted& element : co_await list_result()) joined += element.text;
  CHECK_EQ(joined, "abcd");
}

Task<int> catches(bool outer) {
  const Counted guard(kLong);
  try {
    co_return co_await throwing(Counted(outer ? "outer" : "inner"));
  } catch (const std::runtime_error& error) {
    CHECK_EQ(std::string(error.what()), kLong);
    if (outer) throw;
  }
  co_await pause();  // outside of the handler: awaiting inside one is ill-formed
  co_return 5;
}
Task<void> exceptions() {
  CHECK_EQ(co_await catches(false), 5);
  bool caught = false;
  try {
    (void)co_await catches(true);
  } catch (const std::runtime_error&) {
    caught = true;
  }
  CHECK(caught);
  // A task that is never awaited releases its arguments.
  {
    const auto never = throwing(Counted(kLong));
  }
}

Task<base::Result<Counted>> checked(bool good) {
  co_await pause();
  if (!good) co_return base::fail(base::Errc::corrupt, kLong);
  co_return Counted(kLong);
}
Task<base::Result<std::string>> passes_errors(bool good) {
  const Counted before("before");
  CO_TRY_ASSIGN(const Counted value, co_await checked(true));
  CO_TRY(co_await checked(good));
  co_return value.text;
}
Task<void> result_statements() {
  CHECK_EQ((co_await passes_errors(true)).value(), kLong);
  const auto failed = co_await passes_errors(false);
  REQUIRE_FALSE(failed.has_value());
  CHECK_EQ(failed.error().context(), kLong);
}

Task<std::string> recursive(int depth, Counted label) {
  if (depth == 0) co_return label.text;
  co_await pause();
  co_return co_await recursive(depth - 1, Counted(label.text + "."));
}
struct Object {
  Counted name{kLong};
  Task<std::string> method(Counted suffix) {
    co_await pause();
    co_return name.text + suffix.text;
  }
};
Task<void> members_and_recursion() {
  CHECK_EQ((co_await recursive(100, Counted(""))).size(), 100);
  Object object;
  CHECK_EQ(co_await object.method(Counted("!")), kLong + "!");
  CHECK_EQ(co_await Object().method(Counted("?")), kLong + "?");
  auto stored = object.method(Counted("later"));
  co_await pause();
  CHECK_EQ(co_await stored, kLong + "later");
  int rounds = 0;
  for (Counted step("0"); step.text.size() < 5; step = co_await counted(step.text + "0")) ++rounds;
  CHECK_EQ(rounds, 4);
  switch ((co_await counted("xyz")).text.size()) {
    case 3: break;
    default: CHECK(false);
  }
}

using Program = Task<void> (*)();

Task<int> at_once() { co_return 1; }
Task<void> long_loop() {
  std::int64_t sum = 0;
  for (int i = 0; i < 2'000'000; ++i) sum += co_await at_once();
  CHECK_EQ(sum, 2'000'000);
}

}  // namespace

TEST_CASE("every object of a co_await statement is destroyed once") {
  const Program programs[] = {
      aggregate_temporaries, closures, conditionals, results, exceptions, result_statements,
      members_and_recursion};
  for (const bool suspending : {false, true}) {
    suspends = suspending;
    for (const Program program : programs) {
      live = 0;
      runtime_test::OnSim on;
      on.run(program());
      CHECK_EQ(live, 0);
    }
  }
}

TEST_CASE("two million awaits that finish at once do not grow the stack") {
  runtime_test::OnSim on;
  on.run(long_loop());
}
