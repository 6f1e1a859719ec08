"""The tidy tests' reading of C++: what they look for is found where it is, and only there."""

from tidy import cpp_text

SAMPLE = """#include "a/b.h"
namespace a {
// co_await in a comment, [x] { co_return; }
const char* kText = "[y] { co_await z; }";
const std::int64_t kMillion = 1'000'000;
struct Options { int size = 0; };
constexpr Options kOptions[] = {{1}, {2}};
class Thing {
 public:
  int one() const { return 1; }
  explicit Thing(Options options) : options_{options}, name_("x") {
    post([this] { done(); });
  }
};
Task<void> Thing::run(int limit) {
  auto bad = [this, limit]() -> Task<void> { co_await once(limit); };
  auto outer = [&] { return make([](int i) -> Task<int> { co_return i; }); };
  co_await bad();
}
bool operator==(const Options& a, const Options& b) { return a.size == b.size; }
}  // namespace a
"""


def test_comments_and_literals_are_blank(_case):
    code = cpp_text.blanked(SAMPLE)
    assert len(code) == len(SAMPLE) and code.count("\n") == SAMPLE.count("\n")
    assert "comment" not in code and "[y]" not in code
    assert "1'000'000" in code


def test_functions_are_found(_case):
    found = [
        (f.header.split("(")[0], f.line_count) for f in cpp_text.functions(cpp_text.blanked(SAMPLE))
    ]
    names = [name.split()[-1] for name, _ in found]
    assert names == ["one", "Thing", "Thing::run", "operator=="], found
    assert found[2][1] == 5, found


def test_coroutine_lambdas_are_found(_case):
    code = cpp_text.blanked(SAMPLE)
    capturing = [each for each in cpp_text.lambdas(code) if each.captures]
    coroutines = [
        each.captures
        for each in capturing
        if cpp_text.is_coroutine(code[each.body_start + 1 : each.body_end])
    ]
    assert coroutines == ["this, limit"], coroutines
