"""Thousands of topics: nothing that concerns one of them may cost more the more there are.

BARNABAS_TOPICS=N sets how many.
"""

import os
import re
import struct
import time

from harness import places
from harness.broker import TERMINATED
from harness.waiting import wait_until
from harness.wire import CREATE_TOPICS, DELETE_TOPICS, METADATA, Wire, array, text
from harness.zkcli import ZkClient, expire_session, stored_session

TOPICS = int(os.environ.get("BARNABAS_TOPICS", 10_000 if places.FULL else 2_000))
LIMIT_S = max(120, TOPICS // 8)
AT_ONCE = 500
INCREMENTAL_ALTER_CONFIGS = 44
BROKER_RESOURCE, SET = 4, 0
# CPU per topic with all topics to CPU per topic with a quarter of them. What walks all topics once
# per topic makes it 4 and more. Of 10,000 about 2 is left where the controller's look at the names
# of all topics is shared by the few that came or went at once.
GROWTH_MAX = 3.0
# The watch of the loops: CPU milliseconds of the thread.
HELD = r"(?:a loop was held|a turn of a loop was long) .*cpu_ms=(\d+) .*"
TURN_CPU_MS_MAX = 200
EXPIRED = r"zookeeper session=\S+ has ended"
# Below this the clock of /proc says nothing.
NOISE_S = 0.15
SETTINGS = {"log.cleaner.enable": "false", "zookeeper.session.timeout.ms": 6000}
TIMEOUT_S = 600 * places.SLOWNESS


def name_of(number):
    return f"many_topics.{number:06d}"


def create(broker, numbers):
    with Wire(broker.port, timeout_s=TIMEOUT_S) as wire:
        for begin in range(numbers.start, numbers.stop, AT_ONCE):
            some = range(begin, min(begin + AT_ONCE, numbers.stop))
            topics = [text(name_of(i)) + struct.pack(">ihii", 1, 1, 0, 0) for i in some]
            body = array(topics) + struct.pack(">ib", int(TIMEOUT_S * 1000), 0)
            answer = wire.request(CREATE_TOPICS, 1, body)
            results = answer.array(lambda r: (r.text(), r.unpack("h"), r.text()))
            assert all(code == 0 for _, code, _ in results), results[:3]


def delete(broker, numbers):
    with Wire(broker.port, timeout_s=TIMEOUT_S) as wire:
        for begin in range(numbers.start, numbers.stop, AT_ONCE):
            some = range(begin, min(begin + AT_ONCE, numbers.stop))
            body = array([text(name_of(i)) for i in some])
            answer = wire.request(
                DELETE_TOPICS, 1, body + struct.pack(">i", int(TIMEOUT_S * 1000))
            )
            answer.unpack("i")
            results = answer.array(lambda r: (r.text(), r.unpack("h")))
            assert all(code == 0 for _, code in results), results[:3]


def create_wide(broker, name, partitions):
    body = array([text(name) + struct.pack(">ihii", partitions, 1, 0, 0)])
    with Wire(broker.port, timeout_s=TIMEOUT_S) as wire:
        answer = wire.request(CREATE_TOPICS, 1, body + struct.pack(">ib", int(TIMEOUT_S * 1000), 0))
    results = answer.array(lambda r: (r.text(), r.unpack("h"), r.text()))
    assert results[0][1] == 0, results


def delete_wide(broker, name):
    with Wire(broker.port, timeout_s=TIMEOUT_S) as wire:
        answer = wire.request(
            DELETE_TOPICS, 1, array([text(name)]) + struct.pack(">i", int(TIMEOUT_S * 1000))
        )
    answer.unpack("i")
    assert answer.array(lambda r: (r.text(), r.unpack("h")))[0][1] == 0


def partition(reader):
    _, number, leader = reader.unpack("hii")
    reader.array(lambda r: r.unpack("i"))
    reader.array(lambda r: r.unpack("i"))
    return number, leader


def led_topics(broker):
    """How many topics have a leader, of all that Metadata names."""
    with Wire(broker.port, timeout_s=TIMEOUT_S) as wire:
        answer = wire.request(METADATA, 1, struct.pack(">i", -1))
    answer.array(lambda r: (r.unpack("i"), r.text(), r.unpack("i"), r.text()))
    answer.unpack("i")
    topics = answer.array(lambda r: (r.unpack("h"), r.text(), r.unpack("b"), r.array(partition)))
    return sum(all(leader >= 0 for _, leader in found) for _, _, _, found in topics)


def change_broker_config(broker, hours):
    entry = text("log.retention.ms") + struct.pack(">b", SET) + text(str(hours * 3_600_000))
    resource = struct.pack(">b", BROKER_RESOURCE) + text("") + array([entry])
    with Wire(broker.port, timeout_s=TIMEOUT_S) as wire:
        answer = wire.request(
            INCREMENTAL_ALTER_CONFIGS, 0, array([resource]) + struct.pack(">b", 0)
        )
    answer.unpack("i")
    codes = answer.array(lambda r: (r.unpack("h"), r.text(), r.unpack("b"), r.text()))
    assert codes[0][0] == 0, codes


class Cost:
    """CPU seconds of the broker's process, step by step."""

    def __init__(self, broker):
        self.broker = broker
        self.steps = {}
        self.wall = {}
        self.expected_expiries = 0

    def used(self):
        pid = self.broker.process.pid
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def settled(self):
        """Used CPU, once the broker has nothing left to do but its timers."""
        seen = [self.used()]

        def is_idle():
            seen.append(self.used())
            return len(seen) > 5 and seen[-1] - seen[-6] < 0.03

        wait_until(is_idle, TIMEOUT_S, "the broker is idle", poll_s=0.1)
        return seen[-1]

    def measure(self, step, action, from_zero=False):
        before = 0.0 if from_zero else self.settled()
        began = time.monotonic()
        action()
        name, size = step
        self.wall[f"{name} at {size}"] = round(time.monotonic() - began, 1)
        self.steps[step] = self.settled() - before


    def told(self, pattern):
        """What all lives of the broker have said of it."""
        logs = sorted(self.broker.directory.glob("broker-*.log"))
        found = (re.search(pattern, x) for log in logs for x in log.read_text().splitlines())
        return [x for x in found if x]


def fail_over(broker, zookeeper):
    def elections():
        return len(broker.log.lines(r"controller is ready epoch="))

    before = elections()
    with ZkClient(zookeeper) as client:
        client.delete("/controller")
    wait_until(lambda: elections() > before, TIMEOUT_S, "another term has begun")


def expire(broker, zookeeper):
    """The session ends: the broker registers anew, is elected and looks at everything again."""

    def elections():
        return len(broker.log.lines(r"controller is ready epoch="))

    before = elections()
    expire_session(zookeeper, *stored_session(broker.log_dirs[0]))
    wait_until(lambda: elections() > before, TIMEOUT_S, "another session, another term")


def restart(broker, topics):
    # As long as the disk needs for the files of all these logs.
    assert broker.terminate(TIMEOUT_S) == TERMINATED
    broker.start(timeout_s=TIMEOUT_S)
    # Each look costs the broker as much as there are topics.
    wait_until(
        lambda: led_topics(broker) == topics, TIMEOUT_S, "every topic has its leader", poll_s=1
    )


def events_at(cost, zookeeper, size, hours, topics=None):
    """What a cluster of that many partitions lives through."""
    broker = cost.broker
    topics = topics or size
    cost.measure(("restart", size), lambda: restart(broker, topics), from_zero=True)
    cost.measure(("config", size), lambda: change_broker_config(broker, hours))
    cost.measure(("failover", size), lambda: fail_over(broker, zookeeper))
    assert led_topics(broker) == topics
    cost.expected_expiries += 1
    cost.measure(("expiry", size), lambda: expire(broker, zookeeper))
    wait_until(lambda: led_topics(broker) == topics, TIMEOUT_S, "leaders after expiry", poll_s=1)


def test_cost_per_topic_does_not_grow(case):
    zookeeper = case.zookeeper()
    broker = case.broker(zookeeper, settings=SETTINGS)
    cost = Cost(broker)
    few = TOPICS // 4
    cost.measure(("create", few), lambda: create(broker, range(0, few)))
    events_at(cost, zookeeper, few, hours=100)
    create(broker, range(few, TOPICS - few))
    cost.measure(("create", TOPICS), lambda: create(broker, range(TOPICS - few, TOPICS)))
    events_at(cost, zookeeper, TOPICS, hours=200)
    cost.measure(("delete", TOPICS), lambda: delete(broker, range(TOPICS - few, TOPICS)))
    delete(broker, range(few, TOPICS - few))
    cost.measure(("delete", few), lambda: delete(broker, range(0, few)))
    assert led_topics(broker) == 0
    with ZkClient(zookeeper) as client:
        client.wait_gone("/brokers/topics/" + name_of(0))

    check(cost, few, handled={"create": few, "delete": few})


def test_cost_per_partition_does_not_grow(case):
    """One topic with as many partitions."""
    zookeeper = case.zookeeper()
    broker = case.broker(zookeeper, settings=SETTINGS)
    cost = Cost(broker)
    few = TOPICS // 4
    for partitions, hours in ((few, 100), (TOPICS, 200)):
        name = f"wide_{partitions}"

        def create_it(name=name, partitions=partitions):
            create_wide(broker, name, partitions)

        def delete_it(name=name):
            delete_wide(broker, name)

        cost.measure(("create", partitions), create_it)
        events_at(cost, zookeeper, partitions, hours, topics=1)
        cost.measure(("delete", partitions), delete_it)
        assert led_topics(broker) == 0
    check(cost, few, handled={})


def check(cost, few, handled):
    """handled: with how many of all TOPICS a step had to do, where it is not all of them."""
    growth = {}
    for step in ("create", "restart", "config", "failover", "expiry", "delete"):
        small = max(cost.steps[step, few], NOISE_S) / few
        large = max(cost.steps[step, TOPICS], NOISE_S) / handled.get(step, TOPICS)
        growth[step] = round(large / small, 2)
    seconds = {f"{step} at {count}": round(s, 2) for (step, count), s in cost.steps.items()}
    print(f"CPU seconds: {seconds}; wall seconds: {cost.wall}; growth of CPU each: {growth}")
    assert max(growth.values()) <= GROWTH_MAX, (growth, seconds)
    # Nothing held the control loop until the session expired, nor any loop for long.
    expired, held = cost.told(EXPIRED), cost.told(HELD)
    print(f"turns that were told of: {[x.group(0) for x in held]}")
    assert len(expired) == cost.expected_expiries, expired
    if not places.SANITIZED:
        assert not [x for x in held if int(x.group(1)) > TURN_CPU_MS_MAX], held
