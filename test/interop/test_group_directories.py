"""Groups and their offsets survive a change between Apache Kafka and us, both ways."""

import re
import time

from harness import kafka_tools, kcat
from harness.apache_kafka import ApacheKafka
from harness.group_wire import NONE, NOT_YET, GroupWire
from harness.waiting import wait_until

LIMIT_S = 600
GROUPS = [f"group-{i}" for i in range(60)]  # on most of the 50 partitions
SESSION_TIMEOUT_MS = 120_000
SETTINGS = {
    "group.initial.rebalance.delay.ms": 0,
    "offsets.retention.minutes": 1,
    "offsets.retention.check.interval.ms": 1000,
}
ILLEGAL_GENERATION, UNKNOWN_MEMBER = 22, 25
ASSIGNMENT = b"what the leader gave"
OFFSETS_FORMATTER = "kafka.coordinator.group.GroupMetadataManager$OffsetsMessageFormatter"
GROUPS_FORMATTER = "kafka.coordinator.group.GroupMetadataManager$GroupMetadataMessageFormatter"


class Address:
    """As a broker, to kcat and the raw client."""

    def __init__(self, port):
        self.port = port
        self.address = f"127.0.0.1:{port}"


def when_served(ask):
    """ask() gives an error code or a tuple that begins with one."""
    answer = [None]

    def served():
        answer[0] = ask()
        error = answer[0][0] if isinstance(answer[0], tuple) else answer[0]
        return error not in NOT_YET

    wait_until(served, 60, "the coordinator serves")
    return answer[0]


def write_groups(port):
    """Offsets in groups without members, and one member. Returns (member id, generation)."""
    with GroupWire(port) as wire:
        wait_until(lambda: wire.find_coordinator(GROUPS[0])[0] == NONE, 60, "a coordinator")
        for number, group in enumerate(GROUPS):
            error = when_served(lambda: wire.commit(group, "t", 0, number + 1, f"m{number}"))
            assert error == NONE, f"{group}: {error}"
        # Later records win.
        assert wire.commit(GROUPS[0], "t", 0, 1000) == NONE
        member, generation = wire.join("mine", "t", SESSION_TIMEOUT_MS)
        assert wire.sync("mine", generation, member, ASSIGNMENT) == ASSIGNMENT
    return member, generation


def assert_groups_are_there(port, member, generation):
    with GroupWire(port) as wire:
        for number, group in enumerate(GROUPS):
            error, offset = when_served(lambda: wire.committed(group, "t", 0))
            assert (error, offset) == (NONE, 1000 if number == 0 else number + 1), (group, offset)
        assert when_served(lambda: wire.heartbeat("mine", generation, member)) == NONE
        assert wire.heartbeat("mine", generation + 1, member) == ILLEGAL_GENERATION
        assert wire.heartbeat("mine", generation, member + "x") == UNKNOWN_MEMBER
        assert wire.sync("mine", generation, member, b"") == ASSIGNMENT


def formatted(kafka, broker, formatter):
    return kafka.ok(
        "org.apache.kafka.tools.consumer.ConsoleConsumer",
        *("--bootstrap-server", broker.address, "--topic", "__consumer_offsets"),
        *("--from-beginning", "--timeout-ms", "8000", "--formatter", formatter),
    )


def test_apache_kafka_reads_and_takes_over_ours(case):
    kafka = ApacheKafka(case, "3.9.1")
    zookeeper = case.zookeeper()
    settings = {**SETTINGS, "offsets.retention.minutes": 100}
    broker = case.broker(zookeeper, settings=settings)
    kcat.produce(broker, "t", b"first\n", partition=0)
    member, generation = write_groups(broker.port)

    found = {}
    for line in formatted(kafka, broker, OFFSETS_FORMATTER).splitlines():
        match = re.match(
            r"\[(.*),t,0\]::OffsetAndMetadata\(offset=(\d+), .*metadata=(.*?), commitTimestamp",
            line,
        )
        if match:
            found[match[1]] = (int(match[2]), match[3])
    wanted = {group: (number + 1, f"m{number}") for number, group in enumerate(GROUPS)}
    wanted[GROUPS[0]] = (1000, "")
    assert found == wanted, found
    groups = formatted(kafka, broker, GROUPS_FORMATTER)
    assert "mine::" in groups and f"generation={generation}" in groups and member in groups, groups

    broker.stop()
    config, _ = kafka.write_properties(
        zookeeper.connect_string, 0, broker.log_dirs[0], port=broker.port, settings=settings
    )
    process = kafka.start_broker(config)
    assert_groups_are_there(broker.port, member, generation)
    assert process.terminate(60) == 143
    # And back.
    broker.start()
    assert_groups_are_there(broker.port, member, generation)


def takes_over(case, version):
    kafka = ApacheKafka(case, version)
    zookeeper = case.zookeeper()
    data = case.path("data", "x").parent
    config, port = kafka.write_properties(zookeeper.connect_string, 0, data, settings=SETTINGS)
    process = kafka.start_broker(config)
    theirs = Address(port)
    kcat.wait_for_brokers(theirs)
    kcat.produce(theirs, "t", b"first\n", partition=0)
    member, generation = write_groups(port)
    with GroupWire(port) as wire:
        # Old enough to expire soon, and not yet.
        old_ms = int(time.time() * 1000) - 30_000
        assert when_served(lambda: wire.commit_at("old", "t", 0, 5, old_ms)) == NONE
    assert process.terminate(60) == 143

    broker = case.broker(zookeeper, log_dirs=[data], port=port, settings=SETTINGS)
    assert_groups_are_there(port, member, generation)
    with GroupWire(port) as wire:
        assert wire.committed("old", "t", 0) == (NONE, 5), "its time has not come"
        wait_until(lambda: wire.committed("old", "t", 0) == (NONE, -1), 60, "it expires", 0.2)
        expired_ms = int(time.time() * 1000)
        assert expired_ms >= old_ms + 60_000, "not before a minute has passed since the commit"
        assert when_served(lambda: wire.heartbeat("mine", generation, member)) == NONE
    described = kafka_tools.ok(
        "kafka-topics", "--bootstrap-server", broker.address, "--describe",
        "--topic", "__consumer_offsets",
    )
    assert "PartitionCount: 50" in described, described


def test_we_take_over_from_apache_kafka_3_9(case):
    takes_over(case, "3.9.1")


def test_we_take_over_from_apache_kafka_2_4(case):
    takes_over(case, "2.4.1")
