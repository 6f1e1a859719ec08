"""kafka-consumer-groups, the verifiable tools and the console consumer's groups, word for word as a
user types them, against our broker."""

import json
import re

from harness import kafka_tools
from harness.waiting import wait_until


def server(broker):
    return ["--bootstrap-server", broker.address]


def groups(broker, *arguments):
    return kafka_tools.ok("kafka-consumer-groups", *server(broker), *arguments)


def rows(table):
    """The lines of a table as lists of cells, without the header."""
    return [line.split() for line in table.splitlines() if line.strip()][1:]


def produce(broker, topic, count):
    """Returns the events that were printed."""
    printed = kafka_tools.ok(
        "kafka-verifiable-producer", *server(broker), "--topic", topic, "--max-messages", count
    )
    return [json.loads(line) for line in printed.splitlines()]


def consume(broker, topic, group, *options):
    printed = kafka_tools.ok(
        "kafka-console-consumer",
        *server(broker),
        "--topic",
        topic,
        "--group",
        group,
        "--from-beginning",
        *options,
    )
    return printed.split()


def start_member(case, broker, topic, group, name):
    member = kafka_tools.start_tool(
        case,
        "kafka-verifiable-consumer",
        *server(broker),
        "--topic",
        topic,
        "--group-id",
        group,
        log_name=name + ".log",
    )
    member.log.wait_for("partitions_assigned", 60)
    return member


def lags(broker, group):
    """{partition: lag}"""
    table = rows(groups(broker, "--describe", "--group", group))
    return {int(row[2]): row[5] for row in table}


def test_offsets_are_kept_and_reset(case):
    broker = case.single()
    kafka_tools.create_topic(broker, "t", partitions=2)
    events = produce(broker, "t", 10)
    assert [event["name"] for event in events if "value" not in event] == [
        "startup_complete",
        "shutdown_complete",
        "tool_data",
    ]
    assert events[-1]["sent"] == events[-1]["acked"] == 10, events[-1]
    shown = consume(broker, "t", "g", "--max-messages", 8)
    assert len(shown) == 8
    shown += consume(broker, "t", "g", "--timeout-ms", 4000)
    assert sorted(shown, key=int) == [str(number) for number in range(10)]
    assert groups(broker, "--list").split() == ["g"]
    assert set(lags(broker, "g").values()) == {"0"}
    produce(broker, "t", 5)
    assert sum(int(lag) for lag in lags(broker, "g").values()) == 5
    reset = ["--reset-offsets", "--group", "g", "--all-topics"]
    plan = groups(broker, *reset, "--to-earliest", "--dry-run")
    assert {row[3] for row in rows(plan)} == {"0"}, plan
    assert sum(int(lag) for lag in lags(broker, "g").values()) == 5
    groups(broker, *reset, "--to-earliest", "--execute")
    assert sum(int(lag) for lag in lags(broker, "g").values()) == 15
    assert len(consume(broker, "t", "g", "--max-messages", 14)) == 14
    assert len(consume(broker, "t", "g", "--timeout-ms", 4000)) == 1
    exported = groups(broker, *reset, "--shift-by", -1, "--dry-run", "--export")
    file = case.path("plan.csv")
    file.write_text(exported)
    groups(broker, "--reset-offsets", "--group", "g", "--from-file", file, "--execute")
    moved = lags(broker, "g")
    assert set(moved) == {0, 1} and set(moved.values()) <= {"0", "1"}, moved
    assert "1" in moved.values(), moved


def test_offsets_and_groups_are_deleted(case):
    broker = case.single()
    kafka_tools.create_topic(broker, "t", partitions=2)
    produce(broker, "t", 10)
    consume(broker, "t", "g", "--max-messages", 9)
    printed = groups(broker, "--delete-offsets", "--group", "g", "--topic", "t:0")
    assert printed.startswith("Request succeed for deleting offsets with topic t:0 group g\n")
    assert list(lags(broker, "g")) == [1]
    printed = groups(broker, "--delete", "--group", "g", "--group", "none")
    assert "* Group 'none' could not be deleted due to: " in printed, printed
    assert "GroupIdNotFoundException" in printed, printed
    assert "These consumer groups were deleted successfully: 'g'" in printed, printed
    assert groups(broker, "--list") == ""
    printed = groups(broker, "--describe", "--group", "g")
    assert printed == "\nError: Consumer group 'g' does not exist.\n", printed


def test_members_come_and_go(case):
    broker = case.single()
    kafka_tools.create_topic(broker, "t", partitions=2)
    produce(broker, "t", 4)
    first = start_member(case, broker, "t", "g", "first")
    first.log.wait_for('offsets_committed.*"success":true', 60)
    second = start_member(case, broker, "t", "g", "second")
    wait_until(
        lambda: [row[4] for row in rows(groups(broker, "--describe", "--group", "g", "--members"))]
        == ["1", "1"],
        60,
        "each member has a partition",
    )
    verbose = groups(broker, "--describe", "--group", "g", "--members", "--verbose")
    assert "t(0)" in verbose and "t(1)" in verbose, verbose
    state = rows(groups(broker, "--describe", "--group", "g", "--state"))[0]
    assert state == ["g", broker.address, f"({broker.broker_id})", "range", "Stable", "2"], state
    listed = groups(broker, "--list", "--state", "stable", "--type", "classic")
    assert rows(listed) == [["g", "Classic", "Stable"]], listed
    refused = groups(broker, "--delete", "--group", "g")
    assert "GroupNotEmptyException" in refused, refused
    refused = groups(
        broker, "--reset-offsets", "--group", "g", "--all-topics", "--to-latest", "--execute"
    )
    assert "the current state is Stable." in refused, refused
    assert second.terminate() == 143
    assert second.log.lines("partitions_revoked") and second.log.lines("shutdown_complete")
    wait_until(
        lambda: len(rows(groups(broker, "--describe", "--group", "g", "--members"))) == 1,
        60,
        "the member that left is gone",
    )
    history = groups(broker, "--describe", "--group", "g", "--history")
    assert re.search(r"0 -> 1 +1 ", history), history
    assert len(re.findall(r"\): joined", history)) == 2, history
    assert len(re.findall(r"\): left", history)) == 1, history
    first.terminate()


def test_a_consumer_without_a_name_commits_nothing(case):
    broker = case.single()
    kafka_tools.create_topic(broker, "t")
    produce(broker, "t", 5)
    command = ["kafka-console-consumer", *server(broker), "--topic", "t", "--from-beginning"]
    for _ in range(2):
        assert len(kafka_tools.ok(*command, "--max-messages", 3).split()) == 3
    for group in groups(broker, "--list").split():
        assert group.startswith("console-consumer-"), group
        assert rows(groups(broker, "--describe", "--group", group)) == []


def test_topics_by_regular_expression(case):
    broker = case.single()
    for topic in ("a1", "a2", "b"):
        kafka_tools.create_topic(broker, topic)
        produce(broker, topic, 3)
    printed = kafka_tools.ok(
        "kafka-console-consumer",
        *server(broker),
        "--include",
        "a[0-9]",
        "--group",
        "g",
        "--from-beginning",
        "--max-messages",
        4,
    )
    assert len(printed.split()) == 4
    topics = {row[1] for row in rows(groups(broker, "--describe", "--group", "g"))}
    assert topics == {"a1", "a2"}


def test_the_records_behind_it(case):
    broker = case.single(settings={"offsets.topic.num.partitions": 1})
    kafka_tools.create_topic(broker, "t")
    produce(broker, "t", 5)
    consume(broker, "t", "g", "--max-messages", 3)
    printed = kafka_tools.ok(
        "kafka-console-consumer",
        *server(broker),
        "--topic",
        "__consumer_offsets",
        "--partition",
        0,
        "--offset",
        "earliest",
        "--formatter",
        "org.apache.kafka.tools.consumer.OffsetsMessageFormatter",
        "--max-messages",
        10,
        "--timeout-ms",
        3000,
    )
    records = [json.loads(line) for line in printed.splitlines()]
    assert records[-1]["key"]["data"] == {"group": "g", "topic": "t", "partition": 0}, records
    assert records[-1]["value"]["data"]["offset"] == 3, records


def test_a_member_ends_though_the_broker_is_gone(case):
    broker = case.single()
    kafka_tools.create_topic(broker, "t")
    produce(broker, "t", 1)
    consumer = kafka_tools.start_tool(
        case,
        "kafka-console-consumer",
        *server(broker),
        "--topic",
        "t",
        "--group",
        "g",
        "--from-beginning",
    )
    consumer.log.wait_for("^0$", 60)
    broker.kill()
    assert consumer.terminate(timeout_s=30) == 143
    assert consumer.log.lines("Processed a total of 1 messages")


def test_groups_of_several_brokers(case):
    """Each broker coordinates some groups; the tool finds them all from either."""
    zookeeper = case.zookeeper()
    settings = {"offsets.topic.num.partitions": 4, "offsets.topic.replication.factor": 1}
    brokers = [case.broker(zookeeper, number, settings=settings) for number in (0, 1)]
    kafka_tools.create_topic(brokers[0], "t", partitions=2)
    produce(brokers[0], "t", 6)
    names = ["a", "b", "c", "d"]  # one in each partition of __consumer_offsets
    for name in names:
        assert len(consume(brokers[1], "t", name, "--max-messages", 4)) == 4
    coordinators = set()
    for broker in brokers:
        assert groups(broker, "--list").split() == names
        states = groups(broker, "--describe", "--all-groups", "--state")
        coordinators.update(re.findall(r"\((\d)\)", states))
    assert coordinators == {"0", "1"}, coordinators
    printed = groups(brokers[0], "--delete", "--all-groups")
    assert printed == (
        "Deletion of requested consumer groups ('a', 'b', 'c', 'd') was successful.\n"
    )
    assert groups(brokers[1], "--list") == ""
