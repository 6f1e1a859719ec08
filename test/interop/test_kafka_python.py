"""python3-kafka: a client of a different family, with its own wire code."""

import hashlib

from harness import kafka_tools, places

LIMIT_S = 900
RECORDS = places.sized(10_000, 100_000)


def client_library(case):
    try:
        import kafka
    except ImportError:
        case.skip("python3-kafka is not installed")
    return kafka


def value(i):
    return b"%d " % i + b"x" * (i % 100)


def round_trip(case, codec, **options):
    kafka = client_library(case)
    broker = case.single()
    kafka_tools.create_topic(broker, "t", partitions=3)
    producer = kafka.KafkaProducer(
        bootstrap_servers=broker.address, compression_type=codec, linger_ms=5, **options
    )
    wanted = {0: hashlib.sha256(), 1: hashlib.sha256(), 2: hashlib.sha256()}
    futures = []
    for i in range(RECORDS):
        futures.append(producer.send("t", key=b"%d" % i, value=value(i), partition=i % 3))
        wanted[i % 3].update(b"%d=%s\n" % (i, value(i)))
    producer.flush(120)
    offsets = [future.get(10).offset for future in futures]
    assert offsets == [i // 3 for i in range(RECORDS)]
    producer.close()

    consumer = kafka.KafkaConsumer(
        bootstrap_servers=broker.address, consumer_timeout_ms=10_000, group_id=None
    )
    consumer.assign([kafka.TopicPartition("t", p) for p in range(3)])
    consumer.seek_to_beginning()
    got = {0: hashlib.sha256(), 1: hashlib.sha256(), 2: hashlib.sha256()}
    count = 0
    for record in consumer:
        got[record.partition].update(record.key + b"=" + record.value + b"\n")
        count += 1
        if count == RECORDS:
            break
    consumer.close()
    assert count == RECORDS, f"{count} of {RECORDS} records came back"
    assert {p: h.hexdigest() for p, h in got.items()} == {
        p: h.hexdigest() for p, h in wanted.items()
    }


def test_none(case):
    round_trip(case, None, acks="all")


def test_gzip(case):
    round_trip(case, "gzip", acks=1)


def test_snappy(case):
    round_trip(case, "snappy", acks=1)


def test_lz4(case):
    round_trip(case, "lz4", acks=1)


def test_zstd(case):
    round_trip(case, "zstd", acks=1)


def test_metadata_and_offsets(case):
    kafka = client_library(case)
    broker = case.single()
    kafka_tools.create_topic(broker, "t", partitions=2)
    consumer = kafka.KafkaConsumer(bootstrap_servers=broker.address, group_id=None)
    assert consumer.topics() == {"t"}
    assert consumer.partitions_for_topic("t") == {0, 1}
    both = [kafka.TopicPartition("t", 0), kafka.TopicPartition("t", 1)]
    assert consumer.end_offsets(both) == {both[0]: 0, both[1]: 0}
    assert consumer.beginning_offsets(both) == {both[0]: 0, both[1]: 0}
    consumer.close()


def test_admin(case):
    client_library(case)
    from kafka.admin import (
        ConfigResource,
        ConfigResourceType,
        KafkaAdminClient,
        NewPartitions,
        NewTopic,
    )

    broker = case.single()
    admin = KafkaAdminClient(bootstrap_servers=broker.address)
    admin.create_topics([NewTopic("made", 2, 1, topic_configs={"retention.ms": "1234567"})])
    described = admin.describe_topics(["made"])[0]
    assert len(described["partitions"]) == 2
    admin.create_partitions({"made": NewPartitions(5)})
    assert kafka_tools.end_offsets(broker, "made").keys() == set(range(5))
    answers = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, "made")])
    configs = {entry[0]: entry[1] for entry in answers[0].resources[0][4]}
    assert configs["retention.ms"] == "1234567", configs
    admin.delete_topics(["made"])
    admin.close()
