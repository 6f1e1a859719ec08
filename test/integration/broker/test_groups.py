"""Consumer groups: consuming in a group, offsets that outlive restarts, the errors on the way."""

import struct
import subprocess
import threading

from harness import kafka_tools, kcat, wire, zkcli
from harness.waiting import wait_until
from harness.wire import Wire

SANITIZED = True
LIMIT_S = 240
OFFSET_COMMIT, OFFSET_FETCH, FIND_COORDINATOR, HEARTBEAT = 8, 9, 10, 12
NONE, UNKNOWN_TOPIC, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR = 0, 3, 15, 16
ILLEGAL_GENERATION, INVALID_GROUP_ID, UNKNOWN_MEMBER_ID, INVALID_REQUEST = 22, 24, 25, 42


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


def find_coordinator(client, key, key_type=0):
    """(error, node id) by version 1."""
    body = wire.text(key) + struct.pack(">b", key_type)
    reader = client.request(FIND_COORDINATOR, 1, body)
    reader.unpack("i")
    error = reader.unpack("h")
    reader.text()
    return error, reader.unpack("i")


def wait_for_coordinator(client, group):
    def found():
        return find_coordinator(client, group)[0] == NONE

    wait_until(found, 30, "a coordinator", poll_s=0.05)


def commit(client, group, topic, partition, offset, version=2, generation=-1, member=""):
    """The error of one partition, in versions 0 to 4 without other fields."""
    body = wire.text(group)
    if version >= 1:
        body += struct.pack(">i", generation) + wire.text(member)
    if version >= 2:
        body += struct.pack(">q", -1)
    entry = struct.pack(">iq", partition, offset) + wire.text("")
    body += wire.array([wire.text(topic) + wire.array([entry])])
    reader = client.request(OFFSET_COMMIT, version, body)
    topics = reader.array(lambda r: (r.text(), r.array(lambda p: p.unpack("ih"))))
    return topics[0][1][0][1]


def fetch_offset(client, group, topic, partition, version=1):
    """(offset, error) of one partition, in versions 0 and 1."""
    entry = wire.text(topic) + wire.array([struct.pack(">i", partition)])
    reader = client.request(OFFSET_FETCH, version, wire.text(group) + wire.array([entry]))

    def read_partition(r):
        _, offset = r.unpack("iq")
        r.text()
        return offset, r.unpack("h")

    topics = reader.array(lambda r: (r.text(), r.array(read_partition)))
    return topics[0][1][0]


def test_finding_the_coordinator_creates_the_topic(case):
    broker = case.single()
    with Wire(broker.port) as client:
        assert find_coordinator(client, "g")[0] == COORDINATOR_NOT_AVAILABLE
        wait_for_coordinator(client, "g")
        assert find_coordinator(client, "g") == (NONE, broker.broker_id)
        assert find_coordinator(client, "t", key_type=2)[0] == INVALID_REQUEST


def test_too_few_brokers_for_the_offsets_topic(case):
    broker = case.single(settings={"offsets.topic.replication.factor": 3})
    with Wire(broker.port) as client:
        for _ in range(3):
            assert find_coordinator(client, "g")[0] == COORDINATOR_NOT_AVAILABLE
    assert "__consumer_offsets" not in kafka_tools.topics(broker)


def test_errors(case):
    broker = case.single()
    kafka_tools.create_topic(broker, "t")
    with Wire(broker.port) as client:
        assert commit(client, "g", "t", 0, 1) == NOT_COORDINATOR
        wait_for_coordinator(client, "g")
        wait_until(lambda: commit(client, "g", "t", 0, 1) == NONE, 30, "a first commit")
        assert commit(client, "g", "t", 9, 1) == UNKNOWN_TOPIC
        assert commit(client, "g", "absent", 0, 1) == UNKNOWN_TOPIC
        assert commit(client, "new", "t", 0, 1, generation=3) == ILLEGAL_GENERATION
        assert commit(client, "g", "t", 0, 1, member="who") == NONE, "an empty group"
        assert commit(client, "g", "t", 0, 1, generation=3, member="who") == UNKNOWN_MEMBER_ID
        assert fetch_offset(client, "g", "t", 0) == (1, NONE)
        assert fetch_offset(client, "g", "t", 9) == (-1, NONE)
        assert fetch_offset(client, "unknown", "t", 0) == (-1, NONE)
        heartbeat = wire.text("g") + struct.pack(">i", 1) + wire.text("who")
        reader = client.request(HEARTBEAT, 0, heartbeat)
        assert reader.unpack("h") == UNKNOWN_MEMBER_ID
        reader = client.request(HEARTBEAT, 0, wire.text("") + struct.pack(">i", 1) + wire.text(""))
        assert reader.unpack("h") == INVALID_GROUP_ID


def test_oldest_versions_store_in_zookeeper(case):
    zookeeper = case.zookeeper()
    broker = case.broker(zookeeper)
    kafka_tools.create_topic(broker, "t")
    with Wire(broker.port) as client:
        assert fetch_offset(client, "old", "t", 0, version=0) == (-1, UNKNOWN_TOPIC)
        for offset in (17, 18):
            assert commit(client, "old", "t", 0, offset, version=0) == NONE
            assert fetch_offset(client, "old", "t", 0, version=0) == (offset, NONE)
        assert commit(client, "old", "t", 7, 1, version=0) == UNKNOWN_TOPIC
        assert commit(client, "a/b", "t", 0, 1, version=0) == INVALID_GROUP_ID
    with zkcli.ZkClient(zookeeper) as zk:
        assert zk.get("/consumers/old/offsets/t/0")[0] == b"18"


class Member:
    """A kafka-python consumer in a thread of its own, as its poll() waits for other members."""

    def __init__(self, case, broker, topic, group="g"):
        self._consumer = kafka_python(case).KafkaConsumer(
            topic,
            bootstrap_servers=broker.address,
            group_id=group,
            session_timeout_ms=6000,
            heartbeat_interval_ms=300,
        )
        self.share = 0
        self._leaves = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        case.at_end(self.leave)

    def _run(self):
        while not self._leaves:
            self._consumer.poll(100)
            self.share = len(self._consumer.assignment())
        self._consumer.close()

    def leave(self):
        self._leaves = True
        self._thread.join()


def test_two_members_share_and_take_over(case):
    broker = case.single()
    kafka_tools.create_topic(broker, "t", partitions=4)
    first = Member(case, broker, "t")
    wait_until(lambda: first.share == 4, 60, "the first has all")
    second = Member(case, broker, "t")
    wait_until(lambda: first.share == second.share == 2, 60, "both have a half")
    second.leave()
    wait_until(lambda: first.share == 4, 60, "the first has all again")
    broker.restart()
    third = Member(case, broker, "t")
    wait_until(lambda: first.share == third.share == 2, 60, "the group lives on")


def test_offsets_expire(case):
    broker = case.single(settings={"offsets.retention.check.interval.ms": 200})
    kafka_tools.create_topic(broker, "t")
    with Wire(broker.port) as client:
        wait_for_coordinator(client, "g")
        wait_until(lambda: commit(client, "g", "t", 0, 1) == NONE, 30, "a first commit")
        # As old clients ask for it: kept for a second.
        body = wire.text("brief") + struct.pack(">i", -1) + wire.text("") + struct.pack(">q", 1000)
        entry = struct.pack(">iq", 0, 5) + wire.text("")
        body += wire.array([wire.text("t") + wire.array([entry])])

        def commit_briefly():
            reader = client.request(OFFSET_COMMIT, 2, body)
            return reader.array(lambda r: (r.text(), r.array(lambda p: p.unpack("ih"))))[0][1][0][1]

        wait_until(lambda: commit_briefly() == NONE, 30, "a commit")
        assert fetch_offset(client, "brief", "t", 0) == (5, NONE)
        wait_until(
            lambda: fetch_offset(client, "brief", "t", 0) == (-1, NONE), 30, "it has expired"
        )
        assert fetch_offset(client, "g", "t", 0) == (1, NONE)


def test_offsets_of_a_deleted_topic_go(case):
    broker = case.single()
    for topic in ("t", "kept"):
        kafka_tools.create_topic(broker, topic)
    with Wire(broker.port) as client:
        wait_for_coordinator(client, "g")
        for topic in ("t", "kept"):
            wait_until(lambda t=topic: commit(client, "g", t, 0, 3) == NONE, 30, "a commit")
        kafka_tools.ok(
            "kafka-topics", "--bootstrap-server", broker.address, "--delete", "--topic", "t"
        )
        wait_until(lambda: fetch_offset(client, "g", "t", 0) == (-1, NONE), 30, "it is gone")
        assert fetch_offset(client, "g", "kept", 0) == (3, NONE)


def test_the_offsets_topic_stays_small_under_many_commits(case):
    broker = case.single(
        settings={
            "offsets.topic.num.partitions": 1,
            "offsets.topic.segment.bytes": 50_000,
            "log.cleaner.backoff.ms": 100,
            "log.segment.delete.delay.ms": 100,
        }
    )
    kafka_tools.create_topic(broker, "t")

    def stored_bytes():
        logs = broker.log_dirs[0].glob("__consumer_offsets-0/*.log")
        return sum(path.stat().st_size for path in logs)

    commits = 6000
    groups = [f"group-{i}" for i in range(10)]
    with Wire(broker.port) as client:
        wait_for_coordinator(client, groups[0])
        wait_until(lambda: commit(client, groups[0], "t", 0, 0) == NONE, 30, "a commit")
        for i in range(commits):
            assert commit(client, groups[i % len(groups)], "t", 0, i) == NONE
    # Each commit takes more than 100 bytes; the active segment is never compacted.
    wait_until(lambda: stored_bytes() < 150_000, 60, "the offsets topic is small")
    for stop in (broker.stop, broker.kill):
        stop()
        broker.start()
        kcat.wait_for_topic(broker, "__consumer_offsets")
        with Wire(broker.port) as client:
            wait_for_coordinator(client, groups[0])
            for i, group in enumerate(groups):
                last = commits - len(groups) + i
                wait_until(
                    lambda: fetch_offset(client, group, "t", 0) == (last, NONE), 30, group
                )
