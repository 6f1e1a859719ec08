"""Rules that a compiler does not know: the door to the world, coroutines and locks."""

import re

from tidy import cpp_text, tree

# Only runtime/ calls the clock, the network, the disk, threads and randomness. The logger writes
# through a thread of its own, a failed assertion straight to stderr; the
# tools are clients and may use librdkafka and standard streams.
OUTSIDE = ("runtime/", "base/log.cc", "base/log_file.cc", "base/check.cc", "test/", "bench/")
BANNED = {
    r"\b(?:clock_gettime|gettimeofday|nanosleep|usleep|sleep_for|sleep_until)\b": "time",
    r"\b\w+_clock::now\b": "time",
    r"(?<![\w.>:])(?:std::)?time\s*\(\s*(?:nullptr|NULL|0|&)": "time",
    r"(?<![\w.>:])(?:std::)?s?rand\s*\(|\brandom_device\b|\bmt19937|\bgetrandom\b": "randomness",
    r"\bstd::j?thread\b(?!::hardware_concurrency)|\bpthread_create\b|\bstd::async\b": "threads",
    r"(?<![\w>:])::(?:open|openat|read|write|pread|pwrite|preadv|pwritev|close|fsync|fdatasync|"
    r"unlink|rename|mkdir|opendir|ftruncate|mmap|socket|connect|bind|listen|accept4?|send|recv|"
    r"sendmsg|recvmsg|sendfile|poll|epoll_\w+|getaddrinfo)\s*\(": "system calls",
    r"\bmmap\b": "mmap: a full disk under a mapping is SIGBUS",
    r"\bstd::(?:filesystem|[io]?fstream)\b|(?<![\w.>:])(?:std::)?fopen\s*\(": "files",
    r"\buv_\w+": "libuv",
    r"\bstd::(?:mutex|shared_mutex|recursive_mutex|condition_variable)\b": "use base/mutex.h",
}
# Folder-wise exceptions: (path prefix, kind).
ALLOWED = {
    ("base/mutex.h", "use base/mutex.h"),
    ("tools/", "time"),
    ("tools/", "files"),
    ("tools/", "threads"),
    ("tools/", "system calls"),
}


def test_only_runtime_opens_the_door(_case):
    problems = []
    for path in tree.sources(outside=OUTSIDE):
        code = cpp_text.blanked(tree.read(path))
        for pattern, kind in BANNED.items():
            if any(path.startswith(prefix) and kind == allowed for prefix, allowed in ALLOWED):
                continue
            for match in re.finditer(pattern, code):
                problems.append(
                    f"{path}:{cpp_text.line_of(code, match.start())}: {match.group()} ({kind})"
                )
    tree.fail_with(problems, "nothing above runtime/ calls the world by itself:")


def test_no_capturing_lambda_is_a_coroutine(_case):
    """The lambda object may be gone when the coroutine resumes."""
    problems = []
    for path in tree.sources():
        code = cpp_text.blanked(tree.read(path))
        for each in cpp_text.lambdas(code):
            if each.captures and cpp_text.is_coroutine(code[each.body_start + 1 : each.body_end]):
                problems.append(f"{path}:{cpp_text.line_of(code, each.start)}: [{each.captures}]")
    tree.fail_with(problems, "captures die before the coroutine ends:")


# A guard's declaration: those of base/mutex.h and of the standard library.
LOCK = re.compile(
    r"\b(?:base::)?(?:LockGuard|std::lock_guard|std::unique_lock|std::shared_lock|"
    r"std::scoped_lock)\b(?:<[^;]*?>)?\s+\w+\s*[({]"
)


def locks_over_awaits(code):
    """Lines of blanked code with a guard in whose scope a coroutine is suspended."""
    code = cpp_text.without_lambdas(code)
    found = []
    for match in LOCK.finditer(code):
        depth, at = 0, match.end()
        while at < len(code) and depth >= 0:
            depth += {"{": 1, "}": -1}.get(code[at], 0)
            at += 1
        if cpp_text.COROUTINE.search(code[match.end() : at]):
            found.append(cpp_text.line_of(code, match.start()))
    return found


def test_no_lock_is_held_over_an_await(_case):
    problems, guards = [], 0
    for path in tree.sources():
        code = cpp_text.blanked(tree.read(path))
        guards += len(LOCK.findall(code))
        problems += [f"{path}:{line}" for line in locks_over_awaits(code)]
    tree.fail_with(problems, "a lock in a coroutine's scope is held while it is suspended:")
    # Each mention of a guard that is no declaration of one would be a guard that this rule misses.
    mentions = sum(
        len(re.findall(r"\bLockGuard\b", cpp_text.blanked(tree.read(path))))
        for path in tree.sources(outside=("base/mutex.h",))
    )
    assert guards >= mentions > 0, f"{mentions} guards in the tree, {guards} of them seen"


def test_every_guard_is_known(_case):
    """A class of base/mutex.h that locks for its life is one that the rule looks for."""
    names = re.findall(r"class SCOPED_CAPABILITY (\w+)", tree.read("base/mutex.h"))
    assert names
    for name in names:
        body = f"Task<void> a() {{ base::{name} guard(mutex_); co_await b(); }}"
        assert locks_over_awaits(body) == [1], f"{name} over an await is not seen"
        body = f"Task<void> a() {{ {{ {name} guard(mutex_); }} co_await b(); }}"
        assert not locks_over_awaits(body), f"{name} given back before the await"


# Of each kind at least one line that its rule must find.
CALLS_OF_THE_WORLD = {
    "time": ("clock_gettime(a, b);", "steady_clock::now();", "std::time(nullptr);"),
    "randomness": ("int a = rand();", "std::random_device device;"),
    "threads": ("std::thread thread(run);", "pthread_create(a, b, c, d);"),
    "system calls": ("return ::pwritev(fd, parts, 1, 0);", "if (::rename(a, b) != 0)"),
    "mmap: a full disk under a mapping is SIGBUS": ("mmap(0, n, a, b, c, 0);",),
    "files": ("std::ifstream in(path);", "std::filesystem::path p;", "fopen(a, b);"),
    "libuv": ("uv_run(loop, mode);",),
    "use base/mutex.h": ("std::mutex mutex;", "std::condition_variable news;"),
}


def test_the_rules_find_what_they_are_for(_case):
    kinds = set(BANNED.values())
    assert kinds == set(CALLS_OF_THE_WORLD)
    for kind, examples in CALLS_OF_THE_WORLD.items():
        patterns = [pattern for pattern, of in BANNED.items() if of == kind]
        for example in examples:
            assert any(re.search(p, example) for p in patterns), f"{kind}: {example}"


def test_headers_start_with_pragma_once(_case):
    problems = [path for path in tree.files(".h") if "#pragma once" not in tree.read(path)]
    tree.fail_with(problems, "no #pragma once:")


def test_nothing_is_left_to_do(_case):
    marks = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")
    problems = [
        f"{path}:{number}"
        for path in tree.files(*tree.TEXT)
        for number, line in enumerate(tree.read(path).splitlines(), 1)
        if marks.search(line)
    ]
    tree.fail_with(problems, "marks of unfinished work:")


def test_no_paths_of_one_machine(_case):
    paths = re.compile(r"(?<![\w.])/(?:wo" r"rk|ho" r"me|ro" r"ot)/")
    problems = [
        f"{path}:{number}: {line.strip()[:80]}"
        for path in tree.files(*tree.TEXT)
        for number, line in enumerate(tree.read(path).splitlines(), 1)
        if paths.search(line)
    ]
    tree.fail_with(problems, "paths that exist on one machine only:")
