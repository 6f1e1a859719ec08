"""Gates on counts: what a request costs in system calls and allocations, whatever the machine.

Goal: a steady produce request (acks=1) takes at most 5 system calls, a fetch that waits at the tail
at most 6, and neither allocates per record. Method: the bench's load generator against a broker
under strace, or with a preloaded library that counts allocations; a count is the difference
between two runs of the load, so that connecting and the rest of the broker's life drop out.

The fetcher waits on another loop than the producer's, which is the dearer case: what wakes that
loop (a write to its descriptor, and a wait of its own) is counted with the fetch.
"""

import json
import re
import shutil
import signal
import struct
import subprocess

from harness import places
from harness.process import run
from harness.waiting import wait_until

LIMIT_S = 180
BENCH = places.BUILD / "bench"
PRODUCE_CALLS_MAX = 5
TAIL_FETCH_CALLS_MAX = 6
# More records make a larger frame, whose buffer may grow in a step or two more.
ALLOCATIONS_GROWTH_MAX = 4


def needs(case, *programs):
    if not (BENCH / "loader").exists():
        case.skip(f"{BENCH} is not built")
    for program in programs:
        if shutil.which(program) is None:
            case.skip(f"{program} is not installed")


def load(broker, mode, **options):
    command = [BENCH / "loader", mode, "--port", broker.port]
    for name, value in options.items():
        command += ["--" + name.replace("_", "-"), value]
    done = run(command, timeout_s=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class SystemCalls:
    """Counts a process's system calls between start and stop."""

    def __init__(self, case, broker, name):
        self._summary = case.path(f"strace-{name}.txt")
        self._child = subprocess.Popen(
            ["strace", "-f", "-c", "-o", self._summary, "-p", str(broker.process.pid)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        case.at_end(lambda: self._child.poll() is None and self._child.send_signal(signal.SIGINT))
        threads = f"/proc/{broker.process.pid}/task"
        wait_until(lambda: self._traces_all(case, threads), 20, "strace is attached")

    def _traces_all(self, case, threads):
        if self._child.poll() is not None:
            case.skip("strace may not attach here")
        traced = run(["grep", "-hs", "TracerPid", "-r", threads, "--include=status"]).stdout
        pids = re.findall(r"TracerPid:\s+(\d+)", traced)
        return pids and all(int(pid) == self._child.pid for pid in pids)

    def stop(self):
        """The calls by name."""
        self._child.send_signal(signal.SIGINT)
        self._child.wait(20)
        counts = {}
        for line in self._summary.read_text().splitlines():
            # % time, seconds, usecs/call, calls, [errors,] name
            fields = line.split()
            if len(fields) >= 5 and fields[3].isdigit() and fields[-1] != "total":
                counts[fields[-1]] = int(fields[3])
        return counts


def calls_of(case, broker, name, mode, **options):
    tracing = SystemCalls(case, broker, name)
    report = load(broker, mode, **options)
    return tracing.stop(), report


def difference(more, fewer):
    """Calls by name that the longer run made more; the shorter one holds what is there anyway."""
    return {name: more.get(name, 0) - fewer.get(name, 0) for name in {*more, *fewer}}


def produce_calls(case, broker):
    """System calls for one produce request."""
    few, _ = calls_of(case, broker, "few", "produce", topic="counts", requests=200)
    many, _ = calls_of(case, broker, "many", "produce", topic="counts", requests=2200)
    return {name: count / 2000 for name, count in difference(many, few).items()}


def text_of(calls):
    parts = sorted(calls.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {count:.2f}" for name, count in parts if count >= 0.01)


def test_system_calls_of_produce_and_tail_fetch(case):
    needs(case, "strace")
    broker = case.single()
    load(broker, "create", topic="counts")
    load(broker, "produce", topic="counts", requests=500)

    produce = produce_calls(case, broker)
    print(f"produce: {sum(produce.values()):.2f} system calls: {text_of(produce)}")
    assert sum(produce.values()) <= PRODUCE_CALLS_MAX + 0.05, text_of(produce)

    # Slow enough that the fetch waits at the tail each time.
    options = dict(topic="counts", fetchers=1, per_second=600)
    few, first = calls_of(case, broker, "tail-few", "tail", requests=50, **options)
    many, second = calls_of(case, broker, "tail-many", "tail", requests=1250, **options)
    produced = second["requests"] - first["requests"]
    fetched = second["fetches"] - first["fetches"]
    fetch = {
        name: (count - produced * produce.get(name, 0)) / fetched
        for name, count in difference(many, few).items()
    }
    print(f"tail fetch: {sum(fetch.values()):.2f} system calls: {text_of(fetch)}")
    assert fetch.get("write", 0) > 0.9, f"the fetcher is on the producer's loop: {text_of(fetch)}"
    # The rest is what else the broker does meanwhile.
    assert sum(fetch.values()) <= TAIL_FETCH_CALLS_MAX + 0.1, text_of(fetch)


class Allocations:
    """Counts what a broker with the preloaded counter allocates."""

    def __init__(self, path):
        self._path = path

    def now(self):
        return struct.unpack("=Q", self._path.read_bytes()[:8])[0]

    def of(self, broker, mode, requests, **options):
        """For one request, on average of so many beyond a first run of as many."""
        before = self.now()
        load(broker, mode, requests=requests, **options)
        middle = self.now()
        load(broker, mode, requests=2 * requests, **options)
        return (self.now() - middle - (middle - before)) / requests


def test_no_allocation_per_record(case):
    needs(case)
    if places.SANITIZED:
        case.skip("a sanitizer has its own allocator")
    counter = case.path("allocations")
    broker = case.single(
        environment={
            "LD_PRELOAD": str(BENCH / "liballoc_count.so"),
            "ALLOC_COUNT_FILE": str(counter),
        }
    )
    allocations = Allocations(counter)
    load(broker, "create", topic="counts")
    load(broker, "produce", topic="counts", requests=200)

    for codec in ("none", "lz4"):
        options = dict(topic="counts", codec=codec, record_bytes=16)
        one = allocations.of(broker, "produce", 1000, records=1, **options)
        many = allocations.of(broker, "produce", 1000, records=1000, **options)
        print(f"produce {codec}: {one:.2f} allocations with 1 record, {many:.2f} with 1,000")
        assert many - one <= ALLOCATIONS_GROWTH_MAX, (one, many)

    options = dict(topic="counts", fetchers=1, per_second=1000)
    one = allocations.of(broker, "tail", 500, records=1, **options)
    many = allocations.of(broker, "tail", 500, records=1000, record_bytes=16, **options)
    print(f"produce and tail fetch: {one:.2f} allocations with 1 record, {many:.2f} with 1,000")
    assert many - one <= 2 * ALLOCATIONS_GROWTH_MAX, (one, many)
