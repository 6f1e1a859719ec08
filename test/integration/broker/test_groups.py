"""Consumer groups: consuming in a group, offsets that outlive restarts, the errors on the way."""

import os
import subprocess

from harness import kafka_tools, kcat
from harness.waiting import wait_until

SANITIZED = True
LIMIT_S = 240


def kafka_python(case):
    try:
        import kafka
    except ImportError:
        case.skip("python3-kafka is not installed")
    return kafka


def consume_in_group(broker, group, topic, count, *options, timeout_s=60):
    """kcat as a member: leaves after `count` messages, with its offsets committed."""
    done = subprocess.run(
        ["kcat", "-b", broker.address, "-q", "-c", str(count), *options]
        + ["-X", "auto.offset.reset=earliest", "-G", group, topic],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=timeout_s,
    )
    assert done.returncode == 0, f"kcat -G: {done.stderr.decode(errors='replace')[:500]}"
    return done.stdout


def committed(case, broker, group, topic, partition=0):
    kafka = kafka_python(case)
    consumer = kafka.KafkaConsumer(
        bootstrap_servers=broker.address, group_id=group, enable_auto_commit=False
    )
    try:
        return consumer.committed(kafka.TopicPartition(topic, partition))
    finally:
        consumer.close()


def test_kcat(case):
    broker = case.single()
    kafka_tools.create_topic(broker, "t")
    kcat.produce(broker, "t", b"".join(b"%d\n" % i for i in range(100)))
    assert consume_in_group(broker, "g", "t", 40) == b"".join(b"%d\n" % i for i in range(40))
    assert consume_in_group(broker, "g", "t", 60) == b"".join(b"%d\n" % i for i in range(40, 100))
    topics = {t["topic"]: t for t in kcat.metadata(broker)["topics"]}
    assert len(topics["__consumer_offsets"]["partitions"]) == 50


def test_offsets_outlive_restarts(case):
    broker = case.single()
    kafka_tools.create_topic(broker, "t")
    kcat.produce(broker, "t", b"".join(b"%d\n" % i for i in range(100)))
    consume_in_group(broker, "g", "t", 10)
    assert committed(case, broker, "g", "t") == 10
    broker.restart()
    assert committed(case, broker, "g", "t") == 10
    assert consume_in_group(broker, "g", "t", 10).split()[0] == b"10"
    broker.kill()
    broker.start()
    assert committed(case, broker, "g", "t") == 20
    assert consume_in_group(broker, "g", "t", 80).split()[-1] == b"99"
