"""A producer at a steady rate, and the check that what it was acknowledged is there."""

import collections
import re
import signal

from harness import kcat, places
from harness.process import Process

GENERATOR = places.BUILD / "test" / "harness" / "load" / "load_generator"
# A check whose load stayed below this proves nothing, and fails.
ACKED_MIN = 10_000


class Load:
    """Runs until stop() or its number of records. Records are numbered within their partition."""

    def __init__(
        self,
        case,
        brokers,
        topic,
        partitions=10,
        rate=5000,
        size=1024,
        records=None,
        name="load",
        **settings,
    ):
        """settings: librdkafka's, with _ for the dots."""
        self.topic = topic
        self.partitions = partitions
        self._acked_file = case.path(name + ".acked")
        command = [GENERATOR, brokers, topic, partitions, self._acked_file]
        command += ["--rate", rate, "--size", size]
        if records is not None:
            command += ["--records", records]
        for key, value in settings.items():
            command += ["-X", f"{key.replace('_', '.')}={value}"]
        self.process = Process(command, case.path(name + ".log"))
        case.at_end(lambda: self.process.kill() if self.process.running() else None)
        self.result = None

    def acked_now(self):
        lines = self.process.log.lines(r"^acked=")
        return int(lines[-1].split("=")[1]) if lines else 0

    def wait_acked(self, count, timeout_s=60):
        """Until that many records are acknowledged in all."""
        log = self.process.log
        at = 0
        while self.acked_now() < count:
            at, seen = log.position(), at
            if self.acked_now() < count:
                log.wait_for(r"^(acked|done)", timeout_s, since=at)
            assert not log.lines(r"^done", since=seen), f"the load ended early: {log.path}"

    def wait_more(self, count=1, timeout_s=60):
        """Until that many further records are acknowledged."""
        self.wait_acked(self.acked_now() + count, timeout_s)

    def stop(self, acked_min=ACKED_MIN, failed_max=0):
        """Ends the load, awaits its last answers. Returns {partition: [(number, offset)]}."""
        self.process.send(signal.SIGTERM)
        return self.finish(acked_min, failed_max)

    def finish(self, acked_min=ACKED_MIN, failed_max=0):
        assert self.process.wait(120) == 0, f"the load failed: {self.process.log.path}"
        line = self.process.log.lines(r"^done")[0]
        self.result = {key: int(value) for key, value in re.findall(r"(\w+)=(-?\d+)", line)}
        assert self.result["acked"] >= acked_min, f"too little load to prove anything: {line}"
        assert self.result["failed"] <= failed_max, f"{line}: {self.process.log.path}"
        return self.acked()

    def acked(self):
        acked = collections.defaultdict(list)
        with open(self._acked_file) as file:
            for line in file:
                partition, number, offset = map(int, line.split())
                acked[partition].append((number, offset))
        return acked


def read_numbers(broker, topic):
    """{partition: [(number, offset)]} in log order, as a consumer sees it."""
    found = collections.defaultdict(list)
    printed = kcat.consume(
        broker, topic, "-X", "fetch.message.max.bytes=4194304", format_string="%p %k %o\n"
    )
    for line in printed.decode().splitlines():
        partition, number, offset = map(int, line.split())
        found[partition].append((number, offset))
    return found


def assert_all_there(acked, found, duplicates_allowed):
    """Every acknowledged record is there, in order; once, unless duplicates are allowed."""
    for partition, wanted in acked.items():
        records = found.get(partition, [])
        offsets = [offset for _, offset in records]
        assert offsets == sorted(set(offsets)), f"partition {partition}: offsets do not rise"
        at = {offset: number for number, offset in records}
        lost = [(number, offset) for number, offset in wanted if at.get(offset, number) != number]
        assert not lost, f"partition {partition}: other records at {lost[:5]}"
        # A client that sends again learns the second offset only, or none: the number counts.
        numbers = {number for number, _ in records}
        lost = [number for number, _ in wanted if number not in numbers]
        assert not lost, (
            f"partition {partition}: {len(lost)} of {len(wanted)} acknowledged records are lost, "
            f"the first {lost[:5]}"
        )
        first_seen = list(dict.fromkeys(number for number, _ in records))
        assert first_seen == sorted(first_seen), f"partition {partition}: order is not kept"
        if not duplicates_allowed:
            assert len(first_seen) == len(records), f"partition {partition}: duplicates"
