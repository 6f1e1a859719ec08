"""Apache Kafka reads and continues our directories and ZooKeeper tree, and we its."""

import re

from harness import kafka_tools, kcat
from harness.apache_kafka import ApacheKafka

LIMIT_S = 900
FIRST = b"".join(b"first %d\n" % i for i in range(3000))
SECOND = b"".join(b"second %d\n" % i for i in range(3000))
# Small enough for several segments and index entries.
SMALL = {"log.segment.bytes": 50_000, "log.index.interval.bytes": 1024}


def produce(broker, topic, lines, *options):
    """In batches that fit a segment."""
    kcat.produce(broker, topic, lines, "-X", "batch.num.messages=100", *options)


class Address:
    """As a broker, to kcat."""

    def __init__(self, port):
        self.address = f"127.0.0.1:{port}"


def files_of(log_dir, topic, suffix):
    return sorted(log_dir.glob(f"{topic}-0/*{suffix}"))


def test_dump_log_reads_our_files(case):
    kafka = ApacheKafka(case, "3.9.1")
    broker = case.single(settings=SMALL)
    for codec in kcat.CODECS:
        produce(broker, "t", FIRST, "-z", codec)
    produce(broker, "t", FIRST, "-X", "enable.idempotence=true")
    broker.stop()
    data = broker.log_dirs[0]
    logs = files_of(data, "t", ".log")
    assert len(logs) > 3, logs
    printed = kafka.dump_log(*logs)
    assert printed.stderr.strip() == "", printed.stderr
    payloads = re.findall(r"payload: (.*)$", printed.stdout, re.MULTILINE)
    assert "\n".join(payloads).encode() + b"\n" == FIRST * 6
    assert "isvalid: false" not in printed.stdout.lower()
    for suffix in (".index", ".timeindex", ".snapshot"):
        found = files_of(data, "t", suffix)
        assert found, suffix
        printed = kafka.dump_log(*found, deep=False)
        trouble = [line for line in printed.stderr.splitlines() if line.strip()]
        assert not trouble, f"{suffix}: {trouble[:10]}"
        assert "mismatch" not in printed.stdout.lower()


def test_our_dump_log_prints_the_same(case):
    kafka = ApacheKafka(case, "3.9.1")
    broker = case.single(settings=SMALL)
    for codec in kcat.CODECS:
        produce(broker, "t", FIRST[:2000], "-z", codec)
    broker.stop()
    data = broker.log_dirs[0]
    for suffix in (".log", ".index", ".timeindex", ".snapshot"):
        for path in files_of(data, "t", suffix):
            options = ["--print-data-log"] if suffix == ".log" else []
            theirs = kafka.dump_log(path, deep=bool(options)).stdout
            ours = kafka_tools.ok("kafka-dump-log", *options, "--files", path)
            assert ours == theirs, f"{path.name}: ours\n{ours[:2000]}\ntheirs\n{theirs[:2000]}"


def test_apache_kafka_continues_what_we_began(case):
    kafka = ApacheKafka(case, "3.9.1")
    zookeeper = case.zookeeper()
    broker = case.broker(zookeeper, settings=SMALL)
    kafka_tools.create_topic(broker, "t", retention_ms=86_400_000)
    produce(broker, "t", FIRST, "-z", "lz4", "-X", "enable.idempotence=true")
    broker.stop()
    config, _ = kafka.write_properties(
        zookeeper.connect_string, 0, broker.log_dirs[0], port=broker.port, settings=SMALL
    )
    process = kafka.start_broker(config)
    assert process.log.lines(r"since clean shutdown file was found"), "a clean stop it was"
    assert not process.log.lines(r"(?i)recovering unflushed|corrupted"), "and nothing is damaged"
    kcat.wait_for_topic(broker, "t")
    assert kcat.consume(broker, "t") == FIRST
    produce(broker, "t", SECOND, "-z", "snappy")
    assert kcat.consume(broker, "t") == FIRST + SECOND
    assert process.terminate(60) == 143
    # And back.
    broker.start()
    assert kcat.consume(broker, "t") == FIRST + SECOND
    described = kafka_tools.ok(
        "kafka-topics", "--bootstrap-server", broker.address, "--describe", "--topic", "t"
    )
    assert "retention.ms=86400000" in described
    produce(broker, "t", FIRST)
    assert kcat.consume(broker, "t") == FIRST + SECOND + FIRST


def continues_what_apache_kafka_began(case, version):
    kafka = ApacheKafka(case, version)
    zookeeper = case.zookeeper()
    data = case.path("data", "x").parent
    config, port = kafka.write_properties(zookeeper.connect_string, 0, data, settings=SMALL)
    process = kafka.start_broker(config)
    theirs = Address(port)
    kcat.wait_for_brokers(theirs)
    produce(theirs, "t", FIRST, "-z", "zstd", "-X", "enable.idempotence=true")
    produce(theirs, "t", SECOND, "-z", "gzip")
    assert process.terminate(60) == 143
    broker = case.broker(zookeeper, log_dirs=[data], port=port, settings=SMALL)
    assert not broker.log.lines(r"(?i)recovering"), "a clean stop it was"
    assert kcat.consume(broker, "t") == FIRST + SECOND
    produce(broker, "t", FIRST, "-X", "enable.idempotence=true")
    broker.restart()
    assert kcat.consume(broker, "t") == FIRST + SECOND + FIRST


def test_we_continue_what_apache_kafka_3_9_began(case):
    continues_what_apache_kafka_began(case, "3.9.1")


def test_we_continue_what_apache_kafka_2_4_began(case):
    continues_what_apache_kafka_began(case, "2.4.1")


def test_after_its_hard_stop_too(case):
    """Apache Kafka killed: preallocated indexes, no clean shutdown marker."""
    kafka = ApacheKafka(case, "3.9.1")
    zookeeper = case.zookeeper()
    data = case.path("data", "x").parent
    settings = {**SMALL, "zookeeper.session.timeout.ms": 2000}
    config, port = kafka.write_properties(zookeeper.connect_string, 0, data, settings=settings)
    process = kafka.start_broker(config)
    kcat.wait_for_brokers(Address(port))
    produce(Address(port), "t", FIRST, "-z", "zstd")
    process.kill()
    broker = case.broker(zookeeper, log_dirs=[data], port=port, settings=SMALL)
    assert kcat.consume(broker, "t") == FIRST
    produce(broker, "t", SECOND)
    assert kcat.consume(broker, "t") == FIRST + SECOND


COMPACTED = {
    "cleanup_policy": "compact",
    "segment_bytes": 50_000,
    "min_cleanable_dirty_ratio": 0.01,
    "delete_retention_ms": 100,
}


def keyed_rounds(broker, topic, rounds):
    """Values, codecs and tombstones over 300 keys; key0 is never deleted."""
    for i in range(rounds):
        lines = b"".join(b"key%d|%d %s\n" % (k, i, b"v" * 30) for k in range(300))
        codec = kcat.CODECS[i % len(kcat.CODECS)]
        options = ["-X", "enable.idempotence=true"] if i % 2 else []
        produce(broker, topic, lines, "-K|", "-z", codec, *options)
        deleted = b"".join(b"key%d|\n" % k for k in range(1 + i, 300, 7))
        produce(broker, topic, deleted, "-K|", "-Z")


def latest_values(broker, topic):
    printed = kcat.consume(broker, topic, "-Z", "-f", "%k %S %s\n").decode()
    latest = {}
    for line in printed.splitlines():
        key, size, value = line.split(" ", 2)
        latest[key] = None if int(size) < 0 else value
    return {key: value for key, value in latest.items() if value is not None}


def test_apache_kafka_reads_and_continues_what_we_compacted(case):
    kafka = ApacheKafka(case, "3.9.1")
    zookeeper = case.zookeeper()
    settings = {**SMALL, "log.cleaner.backoff.ms": 100}
    broker = case.broker(zookeeper, settings=settings)
    kafka_tools.create_topic(broker, "c", **COMPACTED)
    keyed_rounds(broker, "c", 20)
    broker.log.wait_for(r"c-0 compacted", 60)
    expected = latest_values(broker, "c")
    assert expected["key0"].startswith("19 ")
    broker.stop()
    data = broker.log_dirs[0]
    for suffix in (".log", ".index", ".timeindex", ".txnindex", ".snapshot"):
        found = files_of(data, "c", suffix)
        if not found:
            continue
        printed = kafka.dump_log(*found, deep=suffix == ".log")
        # Gaps are what compaction leaves.
        gaps = r"Non-consecutive offsets in .*|  \d+ is followed by \d+"
        lines = printed.stderr.splitlines()
        trouble = [x for x in lines if x.strip() and not re.fullmatch(gaps, x)]
        assert not trouble, f"{suffix}: {trouble[:10]}"
        for word in ("isvalid: false", "mismatch", "could not", "not found"):
            assert word not in printed.stdout.lower(), f"{suffix}: {word} in {printed.stdout}"
    config, _ = kafka.write_properties(
        zookeeper.connect_string, 0, data, port=broker.port, settings=settings
    )
    process = kafka.start_broker(config)
    assert not process.log.lines(r"(?i)recovering unflushed|corrupted"), "nothing is damaged"
    kcat.wait_for_topic(broker, "c")
    assert latest_values(broker, "c") == expected
    # It compacts on, from our checkpoint, and we from its.
    keyed_rounds(broker, "c", 10)
    expected = latest_values(broker, "c")
    process.log.wait_for(r"(?i)log cleaner thread .* cleaned log c-0", 60)
    assert not process.log.lines(r"(?i)(error|warn).*clean"), "its cleaner has no complaints"
    assert process.terminate(60) == 143
    broker.start()
    assert latest_values(broker, "c") == expected
    keyed_rounds(broker, "c", 10)
    expected = latest_values(broker, "c")
    broker.log.wait_for(r"c-0 compacted", 60)
    broker.restart()
    assert latest_values(broker, "c") == expected
