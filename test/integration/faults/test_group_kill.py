"""kill -9 in the middle of commits and rebalances: no committed offset is lost or moves back, and
the groups go on by themselves.

Committers advance the offsets of many groups as fast as they are acknowledged, each on a connection
of its own. A group of console consumers consumes a steady load; one of them leaves and comes back
all the time, so that the kill finds a rebalance under way.
"""

import collections
import re
import subprocess
import threading

from harness import kafka_tools, places
from harness.group_wire import NONE, NOT_YET, GroupWire
from harness.load import Load
from harness.waiting import wait_until

LIMIT_S = 1800
ROUNDS = places.sized(4, 30)
PARTITIONS = 10
COMMITTERS = 4
GROUPS_EACH = 25
COMMITS_BETWEEN_MIN = 400
SETTINGS = {
    "group.initial.rebalance.delay.ms": 0,
    "group.min.session.timeout.ms": 1000,
    # Segments of the offsets topic roll, too.
    "offsets.topic.segment.bytes": 1_000_000,
    "offsets.topic.num.partitions": 10,
}


class Committer:
    """Commits 1, 2, 3.. to each of its groups in turn and knows what was acknowledged."""

    def __init__(self, broker, number):
        self._port = broker.port
        self.groups = [f"committed-{number}-{i}" for i in range(GROUPS_EACH)]
        self.attempted = dict.fromkeys(self.groups, 0)
        self.acknowledged = dict.fromkeys(self.groups, 0)
        self.count = 0
        self.refused = collections.Counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop.is_set():
            try:
                with GroupWire(self._port) as wire:
                    self._commit_over(wire)
            except OSError:
                self._stop.wait(0.01)  # the broker is down: there is no event to wait for

    def _commit_over(self, wire):
        while not self._stop.is_set():
            for group in self.groups:
                self.attempted[group] += 1
                error = wire.commit(group, "t", 0, self.attempted[group])
                if error == NONE:
                    self.acknowledged[group] = self.attempted[group]
                    self.count += 1
                else:
                    self.refused[error] += 1
                    if error not in NOT_YET:
                        return

    def stop(self):
        self._stop.set()
        self._thread.join(30)

    def check(self, wire):
        """Between what was acknowledged before the question and attempted before the answer."""
        for group in self.groups:
            at_least = self.acknowledged[group]
            error, offset = committed_now(wire, group, 0)
            assert error == NONE, f"{group}: error {error}"
            at_most = self.attempted[group]
            assert at_least <= max(offset, 0) <= at_most, (
                f"{group}: {offset} is committed; acknowledged {at_least}, attempted {at_most}"
            )


def committed_now(wire, group, partition):
    """Waits while the coordinator loads."""
    answer = [None]

    def served():
        answer[0] = wire.committed(group, "t", partition)
        return answer[0][0] not in NOT_YET

    wait_until(served, 20, f"the coordinator of {group} serves")
    return answer[0]


class Members:
    """Console consumers of one group whose output goes to files."""

    def __init__(self, case, broker, group):
        self._case = case
        self._broker = broker
        self._group = group
        self.files = []

    def start(self):
        file = self._case.path(f"member-{len(self.files)}.out")
        self.files.append(file)
        command = [kafka_tools.script("kafka-console-consumer.sh")]
        command += ["--bootstrap-server", self._broker.address, "--topic", "t"]
        command += ["--group", self._group]
        for shown in ("print.partition=true", "print.key=true", "print.value=false"):
            command += ["--property", shown]
        for setting in (
            "auto.offset.reset=earliest",
            "auto.commit.interval.ms=100",
            "session.timeout.ms=6000",
            "heartbeat.interval.ms=200",
            "reconnect.backoff.ms=20",
            "reconnect.backoff.max.ms=100",
        ):
            command += ["--consumer-property", setting]
        with open(file, "wb") as out, open(file.with_suffix(".err"), "wb") as err:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        self._case.at_end(lambda: child.poll() is None and child.kill())
        return child

    def printed_bytes(self):
        return sum(file.stat().st_size for file in self.files)

    def numbers(self):
        """{partition: set of record numbers}"""
        seen = collections.defaultdict(set)
        for file in self.files:
            for line in file.read_text().splitlines():
                match = re.fullmatch(r"Partition:(\d+)\s(\d+)", line)
                if match:  # the last line of a file may be half written
                    seen[int(match[1])].add(int(match[2]))
        return seen

    def wait_more(self, count_bytes=2000, timeout_s=40):
        before = self.printed_bytes()
        wait_until(
            lambda: self.printed_bytes() > before + count_bytes, timeout_s, "the group consumes"
        )


class Comer:
    """A member that comes, consumes, and leaves again, cleanly, until it is stopped. One that left
    before it had joined would leave a ghost behind, as a JoinGroup that waits holds up what the
    client sends after it, and the group would mostly wait for the ghosts' sessions to end.
    """

    def __init__(self, members):
        self._members = members
        self._stop = threading.Event()
        self.times = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop.is_set():
            child = self._members.start()
            out = self._members.files[-1]
            while not self._stop.is_set() and out.stat().st_size == 0:
                self._stop.wait(0.05)
            child.terminate()
            child.wait(60)
            self.times += 1

    def stop(self):
        self._stop.set()
        self._thread.join(90)


def test_commits_and_rebalances(case):
    broker = case.broker(case.zookeeper(), settings=SETTINGS)
    kafka_tools.create_topic(broker, "t", partitions=PARTITIONS)
    load = Load(case, broker.address, "t", PARTITIONS, rate=5000, enable_idempotence="true")
    members = Members(case, broker, "consumers")
    stayers = [members.start() for _ in range(2)]
    members.wait_more()
    committers = [Committer(broker, number) for number in range(COMMITTERS)]
    comer = Comer(members)
    committed_by_members = dict.fromkeys(range(PARTITIONS), -1)
    rounds = 0
    for _ in range(ROUNDS):
        goal = sum(c.count for c in committers) + COMMITS_BETWEEN_MIN + case.random.randrange(1500)
        wait_until(lambda: sum(c.count for c in committers) >= goal, 60, "commits go on")
        load.wait_more(500)
        came = comer.times
        wait_until(lambda: comer.times > came, 60, "a member comes and leaves")
        load.wait_more(case.random.randrange(3000))
        with GroupWire(broker.port) as wire:
            for partition in committed_by_members:
                error, offset = committed_now(wire, "consumers", partition)
                assert error == NONE and offset >= committed_by_members[partition], (
                    f"partition {partition} moved back: {committed_by_members[partition]}, {offset}"
                )
                committed_by_members[partition] = offset
        assert broker.kill() == 137
        broker.start()
        with GroupWire(broker.port) as wire:
            for committer in committers:
                committer.check(wire)
        members.wait_more()
        rounds += 1
    assert rounds == ROUNDS, "the fault has fired"
    comer.stop()
    for committer in committers:
        committer.stop()
    acked = load.stop()
    with GroupWire(broker.port) as wire:
        for committer in committers:
            committer.check(wire)
    assert all(child.poll() is None for child in stayers), "a member ended"
    wanted = {p: {number for number, _ in records} for p, records in acked.items()}

    def all_consumed():
        seen = members.numbers()
        return all(numbers <= seen[p] for p, numbers in wanted.items())

    wait_until(all_consumed, 60, "the group has consumed everything", poll_s=1)
    commits = sum(c.count for c in committers)
    refused = sum((c.refused for c in committers), collections.Counter())
    print(f"{commits} commits, refused {dict(refused)}, {comer.times} times a member came and left")
    assert comer.times >= ROUNDS and commits >= ROUNDS * COMMITS_BETWEEN_MIN
