"""Topics through the tools: create, list, describe, delete, automatic creation, settings."""

import re

from harness import kafka_tools, kcat
from harness.waiting import wait_until
from harness.wire import METADATA, Wire, array, text
from harness.zkcli import ZkClient


def topics_tool(broker, *arguments, **options):
    return kafka_tools.tool(
        "kafka-topics", "--bootstrap-server", broker.address, *arguments, **options
    )


def test_life_of_a_topic(case):
    zookeeper = case.zookeeper()
    broker = case.broker(zookeeper)
    assert kafka_tools.topics(broker) == []
    printed = kafka_tools.create_topic(broker, "orders", partitions=3, retention_ms=60000)
    assert printed == "Created topic orders.\n", printed
    assert kafka_tools.topics(broker) == ["orders"]

    described = topics_tool(broker, "--describe", "--topic", "orders").stdout.splitlines()
    assert re.fullmatch(
        r"Topic: orders\tTopicId: \S{22}\tPartitionCount: 3\tReplicationFactor: 1\t"
        r"Configs: .*retention\.ms=60000.*",
        described[0],
    ), described
    for partition, line in enumerate(described[1:]):
        wanted = f"\tTopic: orders\tPartition: {partition}\tLeader: 0\tReplicas: 0\tIsr: 0"
        assert line.startswith(wanted), line

    kcat.produce(broker, "orders", b"a\nb\nc\n")
    data = broker.log_dirs[0]
    assert {p.name for p in data.glob("orders-*")} == {"orders-0", "orders-1", "orders-2"}

    assert topics_tool(broker, "--delete", "--topic", "orders").returncode == 0
    wait_until(lambda: kafka_tools.topics(broker) == [], 20, "the topic is gone from the list")
    with ZkClient(zookeeper) as client:
        client.wait_gone("/brokers/topics/orders")
        client.wait_gone("/config/topics/orders")
    wait_until(lambda: not list(data.glob("orders-?")), 20, "its directories are put aside")


def test_created_again_under_the_same_name(case):
    broker = case.single()
    kafka_tools.create_topic(broker, "again")
    kcat.produce(broker, "again", b"old\n")
    assert topics_tool(broker, "--delete", "--topic", "again").returncode == 0
    wait_until(lambda: kafka_tools.topics(broker) == [], 20, "the topic is gone")
    kafka_tools.create_topic(broker, "again")
    kcat.produce(broker, "again", b"new\n")
    assert kcat.consume(broker, "again") == b"new\n"


def test_what_is_refused(case):
    broker = case.single()
    kafka_tools.create_topic(broker, "taken")
    for arguments, text in (
        (("--create", "--topic", "taken"), "already exists"),
        (("--create", "--topic", "bad name"), "Topic name is invalid"),
        (("--create", "--topic", "wide", "--replication-factor", "2"), "eplication factor"),
        (("--create", "--topic", "none", "--partitions", "0"), "artitions"),
        (("--create", "--topic", "odd", "--config", "retention.ms=soon"), "retention.ms"),
        (("--describe", "--topic", "absent"), "does not exist"),
        (("--delete", "--topic", "absent"), "does not exist"),
    ):
        done = topics_tool(broker, *arguments)
        assert done.returncode == 1, (arguments, done.stdout, done.stderr)
        assert text in done.stdout + done.stderr, (arguments, done.stdout, done.stderr)
    again = topics_tool(broker, "--create", "--if-not-exists", "--topic", "taken")
    assert again.returncode == 0, again.stdout + again.stderr
    assert kafka_tools.topics(broker) == ["taken"]


def test_automatic_creation(case):
    broker = case.single(settings={"num.partitions": 4})
    kcat.produce(broker, "sudden", b"1\n2\n3\n4\n")
    assert kafka_tools.end_offsets(broker, "sudden").keys() == {0, 1, 2, 3}
    assert sum(kafka_tools.end_offsets(broker, "sudden").values()) == 4


def ask_for(broker, names):
    """{topic: error code} of a Metadata request that may create them."""
    with Wire(broker.port) as wire:
        answer = wire.request(METADATA, 4, array([text(n) for n in names]) + b"\1")
    answer.unpack("i")
    answer.array(lambda r: (r.unpack("i"), r.text(), r.unpack("i"), r.text()))
    answer.text()
    answer.unpack("i")

    def partition(reader):
        reader.unpack("hii")
        return [reader.array(lambda r: r.unpack("i")) for _ in range(2)]

    topics = answer.array(lambda r: (r.unpack("h"), r.text(), r.unpack("b"), r.array(partition)))
    return {name: code for code, name, _, _ in topics}


LEADER_NOT_AVAILABLE, INVALID_REPLICATION_FACTOR = 5, 38


def test_automatic_creation_without_zookeeper(case):
    """Nobody waits for it, and what was asked for comes when ZooKeeper is back."""
    zookeeper = case.zookeeper()
    broker = case.broker(zookeeper, settings={"zookeeper.session.timeout.ms": 60000})
    names = [f"sudden-{i}" for i in range(20)]
    zookeeper.pause()
    try:
        # The wire's own time limit is shorter than one call to ZooKeeper.
        assert set(ask_for(broker, names).values()) == {LEADER_NOT_AVAILABLE}
        assert set(ask_for(broker, names).values()) == {LEADER_NOT_AVAILABLE}
    finally:
        zookeeper.resume()
    wait_until(
        lambda: set(ask_for(broker, names).values()) == {0}, 60, "the topics are there"
    )


def test_automatic_creation_says_why_not(case):
    broker = case.single(settings={"default.replication.factor": 2})
    assert ask_for(broker, ["lonely"])["lonely"] == LEADER_NOT_AVAILABLE
    wait_until(
        lambda: ask_for(broker, ["lonely"])["lonely"] == INVALID_REPLICATION_FACTOR,
        20,
        "the reason is told to who asks again",
    )


def test_no_automatic_creation(case):
    broker = case.single(settings={"auto.create.topics.enable": "false"})
    metadata = kcat.metadata(broker)
    assert metadata["topics"] == []
    try:
        kcat.produce(broker, "never", b"1\n", "-X", "message.timeout.ms=3000")
    except AssertionError:
        pass
    else:
        raise AssertionError("produced to a topic that nobody created")
    assert kafka_tools.topics(broker) == []


def test_many_partitions(case):
    broker = case.single()
    kafka_tools.create_topic(broker, "wide", partitions=300)
    leaders = {p["leader"] for p in kcat.metadata(broker)["topics"][0]["partitions"]}
    assert leaders == {0}
    assert len(kafka_tools.end_offsets(broker, "wide")) == 300
    broker.restart()
    assert len(kafka_tools.end_offsets(broker, "wide")) == 300


def test_topics_of_another_tool_through_zookeeper(case):
    """A topic whose znodes a tool has written is taken up."""
    zookeeper = case.zookeeper()
    broker = case.broker(zookeeper)
    printed = kafka_tools.ok(
        "kafka-topics",
        "--zookeeper",
        zookeeper.connect_string,
        "--create",
        "--topic",
        "direct",
        "--partitions",
        2,
        "--replication-factor",
        1,
    )
    assert "Created topic direct." in printed
    wait_until(lambda: "direct" in kafka_tools.topics(broker), 10, "the controller sees the topic")
    kcat.produce(broker, "direct", b"x\n")
    assert sum(kafka_tools.end_offsets(broker, "direct").values()) == 1
