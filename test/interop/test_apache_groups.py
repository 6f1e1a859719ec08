"""Apache Kafka's own consumers and group tools, old and new, unchanged, against our broker."""

import json

from harness import kafka_tools
from harness.apache_kafka import ApacheKafka
from harness.process import Process
from harness.waiting import wait_until

LIMIT_S = 600
COUNT = 300
CONSOLE = {
    "3.9.1": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "2.4.1": "kafka.tools.ConsoleConsumer",
}
GROUPS = {
    "3.9.1": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "2.4.1": "kafka.admin.ConsumerGroupCommand",
}


class Scene:
    def __init__(self, case, version):
        self.case = case
        self.version = version
        self.kafka = ApacheKafka(case, version)
        self.broker = case.single(settings={"group.initial.rebalance.delay.ms": 0})
        self.server = ["--bootstrap-server", self.broker.address]
        kafka_tools.create_topic(self.broker, "t", partitions=3)
        self.kafka.ok(
            "kafka.tools.ConsoleProducer",
            "--broker-list" if version == "2.4.1" else "--bootstrap-server",
            self.broker.address,
            *("--topic", "t"),
            input_bytes=b"".join(b"%d\n" % i for i in range(COUNT)),
        )

    def groups(self, *arguments):
        return self.kafka.ok(GROUPS[self.version], *self.server, *arguments)

    def described(self, group):
        """{partition: (committed, end, lag)} of the topic."""
        rows = {}
        for line in self.groups("--describe", "--group", group).splitlines():
            fields = line.split()
            if fields[:2] == [group, "t"]:
                rows[int(fields[2])] = tuple(
                    int(field) if field != "-" else None for field in fields[3:6]
                )
        return rows

    def verifiable_consumer(self, group, name):
        server, options = "--bootstrap-server", []
        if self.version == "2.4.1":
            # It insists on being a static member, which does not say that it leaves.
            server = "--broker-list"
            options = ["--group-instance-id", name, "--session-timeout", "6000"]
        process = Process(
            [
                *self.kafka.java(),
                "org.apache.kafka.tools.VerifiableConsumer",
                *(server, self.broker.address),
                *("--topic", "t", "--group-id", group, "--reset-policy", "earliest"),
                *options,
            ],
            self.case.path(name + ".log"),
        )
        self.case.at_end(lambda: process.kill() if process.running() else None)
        return process


def events(process, name):
    found = []
    for line in process.log.lines(r'^\{"'):
        event = json.loads(line)
        if event["name"] == name:
            found.append(event)
    return found


def assigned(process):
    """The partitions of the last assignment, those that were taken away since apart."""
    now = set()
    for line in process.log.lines(r'^\{"'):
        event = json.loads(line)
        partitions = {p["partition"] for p in event.get("partitions", []) if "topic" in p}
        if event["name"] == "partitions_assigned":
            now |= partitions
        elif event["name"] == "partitions_revoked":
            now -= partitions
    return now


def console_consumer(scene):
    printed = scene.kafka.ok(
        CONSOLE[scene.version],
        *scene.server,
        *("--topic", "t", "--group", "console", "--from-beginning"),
        *("--max-messages", COUNT - 10),
    )
    assert len(set(map(int, printed.split()))) == COUNT - 10
    rows = scene.described("console")
    assert sum(row[0] for row in rows.values()) == COUNT - 10, rows
    assert "console" in scene.groups("--list").split()


def verifiable_consumers(scene):
    """One alone, another joins, the first one leaves."""
    first = scene.verifiable_consumer("verified", "first")
    wait_until(lambda: assigned(first) == {0, 1, 2}, 60, "one member has all")
    read = lambda: sum(e["count"] for e in events(first, "records_consumed"))  # noqa: E731
    wait_until(lambda: read() == COUNT, 60, "all is read")
    second = scene.verifiable_consumer("verified", "second")
    wait_until(
        lambda: assigned(second) and assigned(first) | assigned(second) == {0, 1, 2}, 60, "shared"
    )
    assert not assigned(first) & assigned(second)
    members = scene.groups("--describe", "--group", "verified", "--members", "--verbose")
    assert members.count("/127.0.0.1") == 2, members
    state = scene.groups("--describe", "--group", "verified", "--state")
    assert "Stable" in state and "range" in state, state
    assert first.terminate(60) in (0, 143)
    wait_until(lambda: assigned(second) == {0, 1, 2}, 60, "the one that is left has all")
    assert all(e["success"] for e in events(second, "offsets_committed"))
    assert second.terminate(60) in (0, 143)


def group_command(scene):
    """Resets and deletes."""
    group = ["--group", "console"]
    scene.groups(*group, "--topic", "t", "--reset-offsets", "--to-earliest", "--execute")
    assert all(row[0] == 0 for row in scene.described("console").values())
    scene.groups(*group, "--topic", "t", "--reset-offsets", "--shift-by", 2, "--execute")
    # Not beyond the end of a partition that got no records.
    assert all(row[0] == min(2, row[1]) for row in scene.described("console").values())
    deleted = scene.groups(*group, "--delete-offsets", "--topic", "t")
    assert "Successful" in deleted, deleted
    assert scene.described("console") == {}
    fresh = ["--group", "fresh"]
    scene.groups(*fresh, "--topic", "t", "--reset-offsets", "--to-latest", "--execute")
    assert "fresh" in scene.groups("--list").split()
    deleted = scene.groups("--delete", *fresh)
    assert "successful" in deleted, deleted
    assert "fresh" not in scene.groups("--list").split()


def test_group_tools_3_9(case):
    scene = Scene(case, "3.9.1")
    console_consumer(scene)
    verifiable_consumers(scene)
    group_command(scene)


def test_group_tools_2_4(case):
    scene = Scene(case, "2.4.1")
    console_consumer(scene)
    verifiable_consumers(scene)
    group_command(scene)
