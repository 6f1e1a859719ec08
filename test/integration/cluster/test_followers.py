"""Followers: what the leader has they have, byte for byte, through kills and changes of leader."""

import struct

from harness import kcat, wire
from harness.messages import Messages
from harness.waiting import TimedOut, wait_until
from harness.wire import Wire
from harness.zkcli import ZkClient

SANITIZED = True
LIMIT_S = 300
NONE = 0
BROKER, SET = 4, 0


class Cluster:
    """Brokers 1 to 3 over one ZooKeeper; topics made by clients have three replicas."""

    def __init__(self, case, **settings):
        self.zookeeper = case.zookeeper()
        self.brokers = {}
        for number in (1, 2, 3):
            self.brokers[number] = case.broker(
                self.zookeeper,
                number,
                start=False,
                settings={
                    "default.replication.factor": 3,
                    "min.insync.replicas": 2,
                    "auto.leader.rebalance.enable": "false",
                    "zookeeper.session.timeout.ms": 4000,
                    # At the end nobody takes over.
                    "controlled.shutdown.max.retries": 1,
                    **settings,
                },
            )
        for broker in self.brokers.values():
            broker.start(wait=False)
        for broker in self.brokers.values():
            broker.wait_started()

    def state(self, topic, partition=0):
        with ZkClient(self.zookeeper) as client:
            return client.get_json(f"/brokers/topics/{topic}/partitions/{partition}/state")

    def leader(self, topic, partition=0):
        return self.state(topic, partition)["leader"]

    def await_leader(self, topic, other_than, partition=0):
        def changed():
            now = self.leader(topic, partition)
            return now if now not in (-1, other_than) else None

        return wait_until(changed, 30, f"{topic}-{partition} has another leader than {other_than}")

    def log_bytes(self, number, topic, partition=0):
        directory = self.brokers[number].log_dirs[0] / f"{topic}-{partition}"
        return b"".join(path.read_bytes() for path in sorted(directory.glob("*.log")))

    def await_equal_logs(self, topic, partition=0, size_min=1, timeout_s=60):
        def equal():
            logs = [self.log_bytes(number, topic, partition) for number in self.brokers]
            return len(logs[0]) >= size_min and logs.count(logs[0]) == len(logs)

        wait_until(equal, timeout_s, f"the logs of {topic}-{partition} are equal")


def numbered(first, count):
    return b"".join(b"record number %d\n" % i for i in range(first, first + count))


def batches(log):
    """(base offset, leader epoch) of each batch in a log's bytes."""
    found, at = [], 0
    while at < len(log):
        base, length, epoch = struct.unpack(">qii", log[at : at + 16])
        found.append((base, epoch))
        at += 12 + length
    return found


def produce(cluster, topic, first, count, *options, acks="all"):
    """Through whichever broker runs; librdkafka tries again until the leader is found."""
    broker = next(b for b in cluster.brokers.values() if b.running())
    kcat.produce(broker, topic, numbered(first, count), "-X", f"acks={acks}", *options)


def consume(cluster, topic):
    broker = next(b for b in cluster.brokers.values() if b.running())
    return kcat.consume(broker, topic).splitlines()


def all_are_read(cluster, topic, acknowledged):
    """A new leader may be asked for the end before it knows that the last records have copies."""
    lost = []

    def is_empty():
        got = set(consume(cluster, topic))
        lost[:] = [value for value in acknowledged if value not in got]
        return not lost

    try:
        wait_until(is_empty, 30, "all is read")
    except TimedOut:
        raise AssertionError(f"{len(lost)} of {len(acknowledged)} lost: {lost[:5]}") from None


def checkpointed(broker, name, topic, partition=0):
    path = broker.log_dirs[0] / name
    for line in path.read_text().splitlines() if path.exists() else []:
        if line.startswith(f"{topic} {partition} "):
            return int(line.split()[2])
    return None


def test_logs_are_equal_and_high_watermarks_follow(case):
    cluster = Cluster(case, **{"replica.high.watermark.checkpoint.interval.ms": 200})
    produce(cluster, "t", 0, 5000, "-z", "zstd")
    produce(cluster, "t", 5000, 5000)
    cluster.await_equal_logs("t")
    assert consume(cluster, "t") == numbered(0, 10_000).splitlines()
    for broker in cluster.brokers.values():
        wait_until(
            lambda b=broker: checkpointed(b, "replication-offset-checkpoint", "t") == 10_000,
            20,
            f"broker {broker.broker_id} knows that all is replicated",
        )


def test_a_killed_follower_catches_up(case):
    cluster = Cluster(case)
    produce(cluster, "t", 0, 1000)
    follower = next(n for n in cluster.brokers if n != cluster.leader("t"))
    cluster.brokers[follower].kill()
    produce(cluster, "t", 1000, 20_000)
    cluster.brokers[follower].start()
    cluster.await_equal_logs("t")
    assert consume(cluster, "t") == numbered(0, 21_000).splitlines()


def diverge(cluster, topic):
    """Leaves the old leader, which is down, with records that nobody else has; another one leads.

    Returns the old leader's number. 1000 records are committed.
    """
    produce(cluster, topic, 0, 1000)
    leader = cluster.leader(topic)
    followers = [b for n, b in cluster.brokers.items() if n != leader]
    for broker in followers:
        broker.pause()
    # The fetches that wait at the leader are answered with the first ones, which the followers get
    # once they go on. Nobody asks for the last ones.
    with Wire(cluster.brokers[leader].port) as client:
        for i in range(100):
            answer = client.produce(topic, {0: wire.batch([b"unsafe %d" % i] * 5)}, acks=1)
            assert answer[0][0] == NONE, answer
    cluster.brokers[leader].kill()
    for broker in followers:
        broker.resume()
    cluster.await_leader(topic, leader)
    return leader


def fail_over(case, **settings):
    cluster = Cluster(case, **settings)
    leader = diverge(cluster, "t")
    produce(cluster, "t", 1000, 1000)
    cluster.brokers[leader].start()
    cluster.await_equal_logs("t")
    cluster.brokers[leader].log.wait_for(r"t-0 truncates to=1[0-9]{3} log_end=1500")
    got = consume(cluster, "t")
    unsafe = [value for value in got if value.startswith(b"unsafe")]
    assert unsafe == [b"unsafe %d" % (i // 5) for i in range(len(unsafe))], unsafe
    assert [value for value in got if value not in unsafe] == numbered(0, 2000).splitlines()
    epochs = [epoch for _, epoch in batches(cluster.log_bytes(leader, "t"))]
    assert epochs == sorted(epochs) and epochs[0] < epochs[-1], epochs
    # It follows on, and may lead again.
    produce(cluster, "t", 2000, 100)
    cluster.await_equal_logs("t")
    return cluster


def test_an_old_leader_cuts_what_nobody_else_has(case):
    fail_over(case)


def test_an_old_leader_asks_for_epochs_by_an_older_protocol(case):
    fail_over(case, **{"inter.broker.protocol.version": "2.4"})


def test_an_old_leader_without_topic_ids(case):
    fail_over(case, **{"inter.broker.protocol.version": "2.7"})


def test_followers_that_wait_for_their_disks(case):
    fail_over(case, **{"log.flush.interval.messages": 1})


def test_acknowledged_records_survive_the_leader(case):
    cluster = Cluster(case, **{"num.partitions": 4, "num.replica.fetchers": 2})
    produce(cluster, "t", 0, 100)
    victim = cluster.leader("t", 0)
    led = [partition for partition in range(4) if cluster.leader("t", partition) == victim]
    acknowledged = []
    with Wire(cluster.brokers[victim].port) as client:
        for i in range(500):
            values = {partition: b"%d-%d" % (partition, i) for partition in led}
            answer = client.produce("t", {p: wire.batch([v]) for p, v in values.items()}, acks=-1)
            assert all(error == NONE for error, _ in answer.values()), answer
            acknowledged += values.values()
        cluster.brokers[victim].kill()
    for partition in led:
        cluster.await_leader("t", victim, partition)
    cluster.brokers[victim].start()
    for partition in range(4):
        cluster.await_equal_logs("t", partition, size_min=0)
    all_are_read(cluster, "t", acknowledged)


def test_a_follower_begins_anew_where_the_leader_does(case):
    cluster = Cluster(
        case,
        **{
            "log.segment.bytes": 20_000,
            "log.retention.bytes": 60_000,
            "log.retention.check.interval.ms": 300,
            "log.initial.task.delay.ms": 300,
            "log.segment.delete.delay.ms": 0,
            "min.insync.replicas": 1,
        },
    )
    produce(cluster, "t", 0, 200)
    leader = cluster.leader("t")
    follower = next(n for n in cluster.brokers if n != leader)
    cluster.brokers[follower].kill()
    produce(cluster, "t", 200, 20_000, "-X", "batch.num.messages=100")

    def first_segment():
        directory = cluster.brokers[leader].log_dirs[0] / "t-0"
        return min(int(path.stem) for path in directory.glob("*.log"))

    wait_until(lambda: first_segment() > 200, 30, "the leader has dropped what the follower has")
    cluster.brokers[follower].start()
    cluster.await_equal_logs("t")
    cluster.brokers[follower].log.wait_for(r"t-0 starts over at=\d+ log_end=200")


def test_leaders_are_killed_one_after_the_other(case):
    """Each is back in every ISR before the next one goes."""
    cluster = Cluster(case, **{"num.partitions": 3, "replica.lag.time.max.ms": 2000})
    produce(cluster, "t", 0, 100)
    acknowledged = []
    for turn in range(3):
        victim = cluster.leader("t", turn)
        with Wire(cluster.brokers[victim].port) as client:
            for i in range(200):
                value = b"%d-%d" % (turn, i)
                answer = client.produce("t", {turn: wire.batch([value])}, acks=-1)
                assert answer[turn][0] == NONE, answer
                acknowledged.append(value)
            cluster.brokers[victim].kill()
        cluster.await_leader("t", victim, turn)
        cluster.brokers[victim].start()
        for partition in range(3):
            wait_until(
                lambda p=partition: len(cluster.state("t", p)["isr"]) == 3,
                60,
                f"t-{partition} has all its replicas in sync after turn {turn}",
            )
            cluster.await_equal_logs("t", partition, size_min=0)
    all_are_read(cluster, "t", acknowledged)


def test_the_number_of_fetchers_changes_in_running_brokers(case):
    cluster = Cluster(case, **{"num.partitions": 6})
    produce(cluster, "t", 0, 100)
    change = {"name": "num.replica.fetchers", "config_operation": SET, "value": "2"}
    every_broker = {"resource_type": BROKER, "resource_name": "", "configs": [change]}
    with Messages(cluster.brokers[1].port) as client:
        answer = client.ask("IncrementalAlterConfigs", 0, {"resources": [every_broker]})
    assert answer["responses"][0]["error_code"] == NONE, answer
    for broker in cluster.brokers.values():
        broker.log.wait_for(r"fetcher leader=\d index=1 partitions=[1-9]")
    produce(cluster, "t", 100, 1000)
    for partition in range(6):
        cluster.await_equal_logs("t", partition, size_min=0)
