"""Apache Kafka's own tools, old and new, against our broker."""

import hashlib

from harness import kafka_tools, kcat
from harness.apache_kafka import ApacheKafka

LIMIT_S = 1200
LINES = b"".join(b"line %d of a console producer\n" % i for i in range(10_000))


def produces_and_consumes(case, version):
    kafka = ApacheKafka(case, version)
    broker = case.single()
    server = "--broker-list" if version == "2.4.1" else "--bootstrap-server"
    for codec in kcat.CODECS:
        topic = f"by-{codec}"
        kafka_tools.create_topic(broker, topic)
        kafka.ok(
            "kafka.tools.ConsoleProducer",
            server,
            broker.address,
            "--topic",
            topic,
            "--compression-codec",
            codec,
            input_bytes=LINES,
        )
        got = kcat.consume(broker, topic)
        assert hashlib.sha256(got).digest() == hashlib.sha256(LINES).digest(), (version, codec)
    consumer = {
        "2.4.1": "kafka.tools.ConsoleConsumer",
        "3.9.1": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    }[version]
    printed = kafka.ok(
        consumer,
        "--bootstrap-server",
        broker.address,
        "--topic",
        "by-zstd",
        "--partition",
        0,
        "--offset",
        "earliest",
        "--max-messages",
        9_000,
    )
    assert printed.encode() == b"".join(LINES.splitlines(True)[:9_000])


def test_console_tools_3_9(case):
    produces_and_consumes(case, "3.9.1")


def test_console_tools_2_4(case):
    produces_and_consumes(case, "2.4.1")


def test_admin_tools_3_9(case):
    kafka = ApacheKafka(case, "3.9.1")
    broker = case.single()
    topics = ["org.apache.kafka.tools.TopicCommand", "--bootstrap-server", broker.address]
    assert "Created topic t1." in kafka.ok(*topics, "--create", "--topic", "t1", "--partitions", 3)
    assert kafka.ok(*topics, "--list").split() == ["t1"]
    described = kafka.ok(*topics, "--describe", "--topic", "t1")
    ours = kafka_tools.ok(
        "kafka-topics", "--bootstrap-server", broker.address, "--describe", "--topic", "t1"
    )
    assert described == ours, f"theirs:\n{described}\nours:\n{ours}"
    kafka.ok(*topics, "--alter", "--topic", "t1", "--partitions", 4)
    offsets = kafka.ok(
        "org.apache.kafka.tools.GetOffsetShell",
        "--bootstrap-server",
        broker.address,
        "--topic",
        "t1",
    )
    assert offsets.split() == ["t1:0:0", "t1:1:0", "t1:2:0", "t1:3:0"]
    versions = kafka.ok(
        "kafka.admin.BrokerApiVersionsCommand", "--bootstrap-server", broker.address
    )
    assert "Produce(0): " in versions and "UNKNOWN" not in versions, versions
    kafka.ok(*topics, "--delete", "--topic", "t1")


def test_admin_tools_2_4(case):
    kafka = ApacheKafka(case, "2.4.1")
    zookeeper = case.zookeeper()
    broker = case.broker(zookeeper)
    topics = ["kafka.admin.TopicCommand"]
    kafka.ok(
        *topics,
        "--zookeeper",
        zookeeper.connect_string,
        "--create",
        "--topic",
        "old",
        "--partitions",
        2,
        "--replication-factor",
        1,
    )
    listed = kafka.ok(*topics, "--bootstrap-server", broker.address, "--list")
    assert listed.split() == ["old"], listed
    described = kafka.ok(
        *topics, "--bootstrap-server", broker.address, "--describe", "--topic", "old"
    )
    assert "PartitionCount: 2" in described and "Leader: 0" in described, described
    kafka.ok(
        *topics,
        "--bootstrap-server",
        broker.address,
        "--create",
        "--topic",
        "new",
        "--partitions",
        1,
        "--replication-factor",
        1,
    )
    assert kafka_tools.topics(broker) == ["new", "old"]
