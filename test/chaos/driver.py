"""One chaos run: a cluster, its load, the faults of a schedule, time to heal, the verdict."""

import json
import random
import re
import threading
import time

import checker
import clients
import librdkafka_clients
import network
from cluster import BROKERS, Cluster
from faults import MISSES
from harness import places
from harness.zkcli import ZkError
from record import Record

TOPIC, PARTITIONS = "chaos", 3
GROUPS = ("group-a", "group-b")
# Rules that the brokers do not keep yet; told, not failed. A broker that is cut off does not find
# out from its peers that it was deposed.
OPEN = {"deposed_leaders_stop"}
HEAL_S = 60 * places.SLOWNESS
LOOK_S = 0.1
# A start that ZooKeeper's absence ended, and the only log directory's failure.
EXPECTED_ENDS = r"cannot start: .*ZooKeeper|log director"
# A run whose load stayed below this proves nothing.
ACKNOWLEDGED_MIN = 300


class Watch(threading.Thread):
    """Writes down what the state znodes say, whenever it is something new."""

    def __init__(self, cluster, record):
        super().__init__(daemon=True, name="watch")
        self.cluster, self.record = cluster, record
        self._seen = {}
        self._stop_wanted = threading.Event()

    def stop(self):
        self._stop_wanted.set()

    def run(self):
        client = None
        while not self._stop_wanted.wait(LOOK_S):
            try:
                client = client or self.cluster.zookeeper()
                for (topic, partition), state in self.cluster.states(client).items():
                    self._look(f"{topic}-{partition}", state)
            except (OSError, ZkError, StopIteration, AssertionError):
                client = None
        if client:
            client.close()

    def _look(self, partition, state):
        now = state["leader_epoch"], state["leader"], tuple(state["isr"])
        if self._seen.get(partition) == now:
            return
        elected = self._seen.get(partition, (None,))[:2] != now[:2]
        self._seen[partition] = now
        self.record.add(
            "elected" if elected else "isr",
            partition=partition,
            epoch=now[0],
            leader=now[1],
            isr=now[2],
        )


class Run:
    def __init__(self, case, schedule):
        self.case, self.schedule = case, schedule
        self.record = Record()
        case.at_end(lambda: self.record.write(case.path("history.jsonl")))
        case.path("schedule").write_text(f"{schedule}\n")
        self.cluster = Cluster(case, schedule.protocol, schedule.servers)
        self.random = random.Random(schedule.seed)
        self.fired = {}
        self._under_way = []  # (end, fault), by end

    def load(self):
        keeps = self.schedule.keeps_bytes
        self.cluster.create_topic(TOPIC, PARTITIONS, retention_bytes=keeps)
        threads = [Watch(self.cluster, self.record)]
        for partition in range(PARTITIONS):
            where = (TOPIC, partition)
            for name, idempotent in (("once", True), ("again", False)):
                threads.append(
                    clients.Producer(self.cluster, self.record, name, *where, idempotent)
                )
            threads.append(clients.Reader(self.cluster, self.record, "reader", *where))
        for group in GROUPS:
            about = (group, TOPIC, 0)
            threads.append(clients.Committer(self.cluster, self.record, "committer", *about))
            threads.append(clients.CommitReader(self.cluster, self.record, "commits", *about))
        threads += self.librdkafka_load()
        for thread in threads:
            thread.start()
        return threads

    def librdkafka_load(self):
        if not librdkafka_clients.available():
            print("without librdkafka's clients: python3-confluent-kafka is not installed")
            return []
        about = (self.cluster, self.record)
        threads = [
            librdkafka_clients.PipeliningProducer(*about, "piped", TOPIC, PARTITIONS),
            librdkafka_clients.GroupConsumer(*about, "member-1", TOPIC),
            librdkafka_clients.GroupConsumer(*about, "member-2", TOPIC),
        ]
        for partition in range(PARTITIONS):
            where = (librdkafka_clients.GROUP, TOPIC, partition)
            threads.append(clients.CommitReader(*about, f"commits-{partition}", *where))
        return threads

    def target(self, kind):
        busy = {fault.target for _, fault in self._under_way if fault.picks != "server"}
        free = [n for n in BROKERS if n not in busy]
        if kind.picks == "server":
            hit = {fault.target for _, fault in self._under_way if fault.picks == "server"}
            left = [n for n in range(len(self.cluster.servers)) if n not in hit]
            return self.random.choice(left) if left else None
        wanted = None
        if kind.picks == "controller":
            wanted = self.cluster.controller()
        elif kind.picks == "leader":
            states = self.cluster.states()
            wanted = states[TOPIC, self.random.randrange(PARTITIONS)]["leader"]
        if wanted in free or kind.picks == "controller":
            return wanted if wanted in free else None
        return self.random.choice(free) if free else None

    def strike(self, step):
        """False: nothing to strike now."""
        try:
            target = self.target(step.kind)
        except (OSError, ZkError, StopIteration):
            return False
        if target is None:
            return False
        fault = step.kind(self.cluster, target, random.Random(step.seed))
        self.record.add("fault", what=step.kind.__name__, target=target)
        try:
            fault.strike()
        except MISSES as e:
            self.record.add("missed", what=step.kind.__name__, why=str(e))
            return True
        self._under_way.append((time.monotonic() + step.lasts_s, fault))
        self._under_way.sort(key=lambda one: one[0])
        return True

    def end_those_due(self, now):
        while self._under_way and self._under_way[0][0] <= now:
            _, fault = self._under_way.pop(0)
            if not fault.may_end():
                self._under_way.append((now + LOOK_S, fault))
                self._under_way.sort(key=lambda one: one[0])
                continue
            name = type(fault).__name__
            try:
                fault.end()
            except MISSES as e:
                self.record.add("missed", what=name, why=str(e))
                continue
            self.fired[name] = self.fired.get(name, 0) + 1
            self.record.add("fault_ended", what=name, target=fault.target)

    def supervise(self):
        """Brokers that ended by themselves are started again, as an init system does."""
        busy = {fault.target for _, fault in self._under_way if fault.picks != "server"}
        for number, broker in self.cluster.brokers.items():
            if number in busy or broker.running():
                continue
            code = broker.wait()
            errors = broker.log.lines(r"ERROR ")
            why = errors[-1] if errors else "no error line"
            self.record.add("ended_by_itself", broker=number, code=code, why=why)
            broker.start(wait=False)

    def unexpected_ends(self):
        ends = [e for e in self.record.events() if e["kind"] == "ended_by_itself"]
        return [e for e in ends if not re.search(EXPECTED_ENDS, e["why"])]

    def go(self):
        """The schedule, to its end. A step that cannot strike yet is tried for a while."""
        began = time.monotonic()
        for step in self.schedule.steps:
            give_up = max(time.monotonic(), began + step.at_s) + 12
            struck = False
            while not struck and time.monotonic() < give_up:
                now = time.monotonic()
                self.end_those_due(now)
                self.supervise()
                struck = now >= began + step.at_s and self.strike(step)
                time.sleep(0.05)
            if not struck:
                self.record.add("missed", what=step.kind.__name__, why="no target")
        while self._under_way:
            self.end_those_due(time.monotonic())
            time.sleep(0.05)

    def finish(self, threads):
        """Heals, judges. Returns complaints by rule."""
        healed_s = self.cluster.await_healed(HEAL_S, self.supervise)
        # What comes now must be served.
        before = self.record.count("acked")
        producers = [t for t in threads if hasattr(t, "acknowledged")]
        marks = {t: t.acknowledged for t in producers}
        deadline = time.monotonic() + 30
        stuck = producers
        while stuck and time.monotonic() < deadline:
            time.sleep(0.2)
            stuck = [t for t in producers if t.acknowledged == marks[t] and not t.failure]
        for thread in threads:
            thread.stop()
        for thread in threads:
            thread.join(30)
        equal = self.cluster.await_equal_ends(30)
        self.record.add("healed", seconds=healed_s, equal=equal, before=before)
        self.cluster.record_replicas(self.record)
        found = checker.judge(self.record.events())
        if ends := self.unexpected_ends():
            found["brokers_stay"] = [str(e) for e in ends]
        if stuck:
            found["served_again"] = [t.producer for t in stuck]
        if not equal:
            found["equal_ends"] = ["the replicas' logs have different sizes"]
        failures = [t.failure for t in threads if getattr(t, "failure", None)]
        if failures:
            found["clients"] = failures
        return found, healed_s


def run(case, schedule):
    """Returns how often each kind fired. Fails with what the checker found."""
    if not network.available():
        case.skip("network namespaces cannot be made here")
    one = Run(case, schedule)
    threads = one.load()
    one.go()
    found, healed_s = one.finish(threads)
    acknowledged = one.record.count("acked")
    reads = sum(len(e["records"]) for e in one.record.events() if e["kind"] == "read")
    print(schedule)
    ends = [e for e in one.record.events() if e["kind"] == "ended_by_itself"]
    missed = [(e["what"], e["why"]) for e in one.record.events() if e["kind"] == "missed"]
    print(
        f"acknowledged={acknowledged} read={reads} commits={one.record.count('commit')} "
        f"commit_reads={one.record.count('commit_read')} healed_s={healed_s:.1f} "
        f"fired={one.fired} missed={missed} ended={[(e['broker'], e['why']) for e in ends]}"
    )
    for rule in OPEN & set(found):
        complaints = found.pop(rule)
        print(f"open: {rule} times={len(complaints)} first: {complaints[0]}")
    assert not found, "\n" + json.dumps(found, indent=1)[:6000]
    assert acknowledged >= ACKNOWLEDGED_MIN, f"only {acknowledged} were acknowledged"
    return one.fired
