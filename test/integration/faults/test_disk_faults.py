"""A real broker under load whose disk fails in every way a disk can, by seed.

Goal: nothing acknowledged is lost, nobody waits for ever, a directory goes offline exactly when its
device has failed, the last one takes the broker with it, and whatever else happens passes by
itself.
Method: two log directories, a library before libc (fault_injector.cc), clients that remember what
they were promised; then a restart without faults, and everything is compared.

BARNABAS_FAULT_SEEDS=N runs N seeds of each kind (scripts/soak.sh), BARNABAS_FAULT_FIRST the first.
"""

import os
import pathlib
import random
import re
import sys
import time

from harness import places
from harness.fault_injector import LIBRARY, FaultInjector
from harness.group_wire import GroupWire
from harness.waiting import TimedOut, wait_until
from harness.wire import Wire

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import disk_load  # noqa: E402

SEEDS = int(os.environ.get("BARNABAS_FAULT_SEEDS", "1"))
FIRST = int(os.environ.get("BARNABAS_FAULT_FIRST", "1"))
LIMIT_S = 120 + 60 * SEEDS
PARTITIONS = list(range(8))
GOES_ON_LIMIT_S = 45
# What each client has done before and after a fault, at least: the load is a load.
WORK = 20
OFFLINE = r"log directory (\S+) is offline"
KAFKA_STORAGE_ERROR = 56

# Kinds that do not hold yet, and why; BARNABAS_FAULT_ALL=1 runs them all the same.
SWITCHED_OFF = {}

SETTINGS = {
    "log.segment.bytes": 60_000,
    "log.index.interval.bytes": 300,
    "log.flush.interval.ms": 500,
    "log.flush.offset.checkpoint.interval.ms": 400,
    "log.flush.start.offset.checkpoint.interval.ms": 700,
    "replica.high.watermark.checkpoint.interval.ms": 400,
    # Records carry a time that was.
    "log.retention.ms": -1,
    "log.retention.check.interval.ms": 700,
    "log.initial.task.delay.ms": 100,
    "log.segment.delete.delay.ms": 200,
    "offsets.topic.num.partitions": 4,
    "offsets.topic.segment.bytes": 20_000,
    "auto.create.topics.enable": "false",
}


class Scene:
    """One broker with two directories, its clients, and what may be expected of it."""

    def __init__(self, case, zookeeper, kind, seed):
        self.name = f"{kind}-{seed}"
        self.seed = seed
        self.random = random.Random(f"{kind} {seed}")
        self.faults = FaultInjector(case.path(self.name, "x").parent)
        self.directories = [case.path(self.name, f"data-{letter}") for letter in "ab"]
        self.broker = case.broker(
            f"{zookeeper.connect_string}/{self.name}",
            name=f"{self.name}/broker",
            settings=SETTINGS,
            log_dirs=self.directories,
            environment=self.faults.environment,
        )
        # Where faults fall: in one directory, whichever the seed says.
        self.hit = self.random.choice(self.directories)
        self.may_be_offline = set()
        self.must_be_offline = set()
        self.end = self.random.choice(["SIGTERM", "kill -9"])
        with Wire(self.broker.port) as connection:
            for topic, configs in {
                "plain": {},
                "flushed": {"flush.messages": self.random.choice([1, 7, 50])},
                "idempotent": {"flush.messages": self.random.choice([1, 1000])},
            }.items():
                code = disk_load.create_topic(connection, topic, len(PARTITIONS), configs)
                assert code == 0, f"create {topic}: error {code}"
        self.clients = self._make_clients()

    def _make_clients(self):
        def own():
            return random.Random(self.random.random())

        broker = self.broker
        self.producers = [
            disk_load.Producer(broker, "plain", PARTITIONS, 1, own()),
            disk_load.Producer(broker, "plain", PARTITIONS, -1, own()),
            disk_load.Producer(broker, "flushed", PARTITIONS, 1, own()),
            disk_load.Producer(broker, "flushed", PARTITIONS, -1, own()),
        ]
        self.idempotent = disk_load.IdempotentProducer(broker, "idempotent", PARTITIONS, own())
        self.committers = [
            disk_load.GroupCommitter(broker, f"group-{n}", "plain", own()) for n in range(4)
        ]
        self.topics = disk_load.TopicMaker(broker, own())
        self.reader = disk_load.Reader(broker, "plain", PARTITIONS, own())
        return [
            *self.producers,
            self.idempotent,
            *self.committers,
            self.topics,
            self.reader,
        ]

    @property
    def writers(self):
        return [*self.producers, self.idempotent]

    def place_of(self, topic, partition):
        for directory in self.directories:
            if (directory / f"{topic}-{partition}").is_dir():
                return directory
        return None

    def start_load(self):
        for client in self.clients:
            client.start()
        self.wait_for_work([c for c in self.clients if c is not self.topics])

    def wait_for_work(self, clients, count=WORK):
        goal = {client: client.successes + count for client in clients}

        def done():
            self.look()
            return all(client.successes >= goal[client] for client in clients)

        try:
            wait_until(done, GOES_ON_LIMIT_S, "clients go on", poll_s=0.05)
        except TimedOut:
            behind = [
                f"{c.name}: {goal[c] - c.successes} missing, answers {dict(c.answers)}"
                for c in clients
                if c.successes < goal[c]
            ]
            raise AssertionError("\n".join(["do not go on:", *behind])) from None

    def look(self):
        assert self.broker.running(), f"the broker is gone: {self.broker.log.path}"
        hangs = [text for client in self.clients for text in client.hangs + client.errors]
        assert not hangs, "\n".join(hangs)

    def offline(self):
        lines = self.broker.log.lines(OFFLINE)
        return {pathlib.Path(re.search(OFFLINE, line)[1].rstrip("/")) for line in lines}

    def assert_directories(self):
        found = self.offline()
        wrong = found - self.may_be_offline - self.must_be_offline
        lines = "\n".join(self.broker.log.lines("offline")[:5])
        assert not wrong, f"offline without a reason: {wrong}\n{lines}\n{self.faults.events()[-5:]}"
        missing = self.must_be_offline - found
        assert not missing, f"failed, and not offline: {missing}\n{self.faults.events()[-5:]}"

    def until_fired(self, count=1):
        """Or until the directory is offline, where nothing fires any more."""

        def fired():
            self.look()
            events = len(self.faults.events())
            return events >= count or (events > 0 and self.hit in self.offline())

        wait_until(fired, GOES_ON_LIMIT_S, f"the fault has fired {count} times", poll_s=0.05)

    def serves_again(self):
        """Every partition of a healthy directory takes records; so do groups that live there."""
        healthy = {
            (writer, partition)
            for writer in self.writers
            for partition in PARTITIONS
            if self.place_of(writer.topic, partition)
            not in self.must_be_offline | self.may_be_offline
        }
        before = {key: key[0].acked_now[key[1]] for key in healthy}

        def behind():
            return [key for key in healthy if key[0].acked_now[key[1]] <= before[key]]

        def all_moved():
            self.look()
            return not behind()

        try:
            wait_until(all_moved, GOES_ON_LIMIT_S, "partitions", poll_s=0.1)
        except TimedOut:
            names = [f"{writer.name} {partition}" for writer, partition in behind()]
            raise AssertionError(f"healthy partitions take nothing: {names[:10]}") from None
        if not self.must_be_offline | self.may_be_offline:
            self.wait_for_work([*self.committers, self.reader, self.topics], 3)

    def stop_load(self):
        for client in self.clients:
            client.stop()
        for client in self.clients:
            client.join(disk_load.ANSWER_LIMIT_S + 10)
            assert not client.is_alive(), f"{client.name} hangs"
        hangs = [text for client in self.clients for text in client.hangs + client.errors]
        assert not hangs, "\n".join(hangs)

    def finish(self):
        """Ends the broker, starts it without faults, compares."""
        # Some are stopped under load, some behind it.
        under_load = self.random.random() < 0.5
        if not under_load:
            self.stop_load()
        if self.broker.running():
            if self.end == "SIGTERM":
                self.broker.terminate(40)
            else:
                self.broker.kill()
        if under_load:
            self.stop_load()
        self.faults.disarm()
        self.broker.start()
        self.compare()
        self.broker.stop()

    def compare(self):
        with GroupWire(self.broker.port) as connection:
            for topic in ("plain", "flushed", "idempotent"):
                writers = [w for w in self.writers if w.topic == topic]
                for partition in PARTITIONS:
                    acked = [offset for writer in writers for offset in writer.acked[partition]]
                    found = self.read(connection, topic, partition, max(acked, default=-1))
                    for writer in writers:
                        what = f"{topic}-{partition}, {writer.name}"
                        disk_load.assert_acked_is_there(writer.acked[partition], found, what)
                    values = [found[offset] for offset in sorted(found)]
                    if topic == "idempotent":
                        self.idempotent.check_order(partition, values)
                    else:
                        assert len(set(values)) == len(values), f"{topic}-{partition}: duplicates"
            for committer in self.committers:
                committer.check(connection)
            for name in self.topics.kept:
                self.read(connection, name, 0)
            self.assert_gone(connection)

    def read(self, connection, topic, partition, last=-1):
        """Everything, once what was acknowledged last can be seen."""

        def served():
            error, watermark, _ = connection.fetch(topic, partition, 0, 0)
            return error not in disk_load.RETRIABLE and watermark > last

        what = f"{topic}-{partition} is served up to {last}"
        wait_until(served, GOES_ON_LIMIT_S, what, poll_s=0.05)
        return disk_load.read_all(connection, topic, partition)

    def assert_gone(self, connection):
        def all_gone():
            return all(
                connection.list_offsets(name, 0)[0] == 3 for name in self.topics.gone
            )

        wait_until(all_gone, GOES_ON_LIMIT_S, "deleted topics are gone", poll_s=0.1)


def run_seeds(case, act):
    kind = act.__name__
    if kind in SWITCHED_OFF and "BARNABAS_FAULT_ALL" not in os.environ:
        case.skip(f"{kind}: {SWITCHED_OFF[kind]}")
    if not LIBRARY.exists():
        case.skip(f"{LIBRARY} is not built")
    zookeeper = case.zookeeper()
    for seed in range(FIRST, FIRST + SEEDS):
        began = time.monotonic()
        scene = Scene(case, zookeeper, kind, seed)
        try:
            scene.start_load()
            act(scene)
            scene.finish()
            assert scene.faults.events(), "no fault has fired"
        except BaseException:
            print(f"seed {seed} of {kind}: BARNABAS_FAULT_FIRST={seed}", flush=True)
            raise
        answers = sum(sum(c.answers.values()) for c in scene.clients)
        slowest = max(c.slowest_s for c in scene.clients)
        print(
            f"{scene.name}: {answers} answers, slowest {slowest:.1f} s, "
            f"{len(scene.faults.events())} faults, {scene.end}, {time.monotonic() - began:.1f} s",
            flush=True,
        )


def passing(scene, count):
    """What was armed fires `count` times, goes away, and has taken nothing with it."""
    scene.until_fired(count)
    scene.assert_directories()
    # A part of the seeds ends with the fault still there.
    if scene.random.random() < 0.6:
        scene.faults.disarm()
        scene.serves_again()
    scene.assert_directories()


def lasting(scene):
    """What was armed has failed the directory; the other one serves on."""
    scene.until_fired()
    scene.must_be_offline.add(scene.hit)
    wait_until(lambda: scene.look() or scene.hit in scene.offline(), GOES_ON_LIMIT_S, "offline")
    scene.serves_again()
    scene.assert_directories()


def slow(scene):
    for directory in scene.directories:
        scene.faults.rule("sync", "delay:250", 200, prefix=f"{directory}/")
        scene.faults.rule("write", "delay:15", 30, prefix=f"{directory}/")
        scene.faults.rule("rename", "delay:100", 200, prefix=f"{directory}/")
    scene.faults.arm(scene.seed)
    passing(scene, 40)


def short_writes(scene):
    for directory in scene.directories:
        scene.faults.rule("write", "short", 400, prefix=f"{directory}/")
    scene.faults.arm(scene.seed)
    passing(scene, 100)


def no_room(scene):
    effect = scene.random.choice(["ENOSPC", "EDQUOT"])
    often = scene.random.choice([150, 500, 1000])
    scene.faults.rule("write", "short", 100, prefix=f"{scene.hit}/")
    scene.faults.rule("write", effect, often, prefix=f"{scene.hit}/")
    scene.faults.arm(scene.seed)
    passing(scene, 30)


def no_room_for_files(scene):
    scene.faults.rule("open", "ENOSPC", 300, prefix=f"{scene.hit}/", suffix=".log")
    scene.faults.rule("open", "ENOSPC", 300, prefix=f"{scene.hit}/", suffix=".tmp")
    scene.faults.arm(scene.seed)
    passing(scene, 3)


def out_of_descriptors(scene):
    effect = scene.random.choice(["EMFILE", "ENFILE"])
    often = scene.random.choice([150, 500, 1000])
    for directory in scene.directories:
        scene.faults.rule("open", effect, often, prefix=f"{directory}/")
    scene.faults.rule("accept", effect, often)
    scene.faults.arm(scene.seed)
    passing(scene, 10)


def write_fails(scene):
    suffix = scene.random.choice(["-", ".log", ".log", ".index"])
    scene.faults.rule("write", "EIO", 1000, 1, f"{scene.hit}/", suffix)
    scene.faults.arm(scene.seed)
    lasting(scene)


def sync_fails(scene):
    effect = scene.random.choice(["EIO", "ENOSPC", "EDQUOT"])
    suffix = scene.random.choice(["-", ".log", ".log", ".snapshot"])
    scene.faults.rule("sync", effect, 1000, 1, f"{scene.hit}/", suffix)
    scene.faults.arm(scene.seed)
    lasting(scene)


def rename_fails(scene):
    scene.faults.rule("rename", "EIO", 1000, 1, f"{scene.hit}/")
    scene.faults.arm(scene.seed)
    lasting(scene)


def read_fails(scene):
    """What is about to be sent and cannot be read ends that client's connection; what the broker
    itself cannot read fails the directory."""
    scene.faults.rule("read", "EIO", 300, 0, f"{scene.hit}/", ".log")
    scene.faults.arm(scene.seed)
    scene.until_fired(5)
    scene.may_be_offline.add(scene.hit)
    scene.serves_again()
    scene.assert_directories()


def all_fail(scene):
    """The last directory takes the broker with it."""
    operation = scene.random.choice(["write", "sync"])
    for directory in scene.directories:
        scene.faults.rule(operation, "EIO", 1000, 0, f"{directory}/")
        scene.must_be_offline.add(directory)
    scene.faults.arm(scene.seed)
    code = scene.broker.wait(30)
    assert code == 1, f"exit code {code}: {scene.broker.log.path}"
    scene.assert_directories()


KINDS = (
    slow,
    short_writes,
    no_room,
    no_room_for_files,
    out_of_descriptors,
    write_fails,
    sync_fails,
    rename_fails,
    read_fails,
    all_fail,
)


def _test_of(act):
    return lambda case: run_seeds(case, act)


for _act in KINDS:
    globals()[f"test_{_act.__name__}"] = _test_of(_act)
