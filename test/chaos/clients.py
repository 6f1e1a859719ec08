"""The load of a chaos run: raw clients that go on through everything and write down what they saw.

Each is a thread; one request of each is under way at a time.
"""

import random
import threading
import time

import batches
from cluster import OFFSETS_PARTITIONS
from harness import wire
from harness.group_wire import GroupWire

ANSWER_LIMIT_S = 4
PAUSE_S = 0.05
# Between two batches of a producer, so that a history stays within memory.
BREATH_S = 0.005
NONE, DUPLICATE_SEQUENCE = 0, 46
OUT_OF_RANGE = 1
EARLIEST = -2
RECORD_PADDING = " " * 100


class Client(threading.Thread):
    """Calls once() until it is told to stop; a failed connection begins anew elsewhere."""

    def __init__(self, cluster, record, name):
        super().__init__(daemon=True, name=name)
        self.cluster = cluster
        self.record = record
        self.random = random.Random(name)
        self.failure = None
        self._stop_wanted = threading.Event()
        self._connection = None
        self._broker = None

    def stop(self):
        self._stop_wanted.set()

    def run(self):
        while not self._stop_wanted.is_set():
            try:
                self.once()
            except OSError:
                self.drop()
                self.pause()
            except Exception as e:  # pylint: disable=broad-except
                self.failure = f"{self.name}: {type(e).__name__}: {e}"
                return
        self.drop()

    def pause(self):
        self._stop_wanted.wait(PAUSE_S)

    def drop(self):
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def connect(self, broker):
        """To that broker, or the one that it is connected to already."""
        if self._connection is None or self._broker != broker:
            self.drop()
            address = self.cluster.address(broker)
            self._connection = GroupWire(address[1], ANSWER_LIMIT_S, host=address[0])
            self._broker = broker
        return self._connection

    def leader_connection(self, topic, partition):
        leader = self.cluster.told_leader(topic, partition, self.random)
        if leader is None:
            raise ConnectionError("no leader")
        return self.connect(leader)


class PartitionClient(Client):
    def __init__(self, cluster, record, name, topic, partition):
        super().__init__(cluster, record, f"{name}-{topic}-{partition}")
        self.topic, self.partition = topic, partition
        self.where = f"{topic}-{partition}"
        self.linked = False

    def leader(self):
        """The connection in use, or one to whoever is said to lead."""
        if self._connection is None:
            self.leader_connection(self.topic, self.partition)
        return self._connection


class Producer(PartitionClient):
    """acks=all; each batch again until it is acknowledged."""

    def __init__(self, cluster, record, name, topic, partition, idempotent):
        super().__init__(cluster, record, name, topic, partition)
        self.producer = self.name
        self.idempotent = idempotent
        self.identity = None if idempotent else (-1, -1)
        self.number = 0
        self.batch = []
        self.attempts = 0
        self.began = 0.0
        self.acknowledged = 0
        record.add("producer", producer=self.producer, idempotent=idempotent)

    def once(self):
        if self.identity is None:
            self.identify()
        if not self.batch:
            self.batch = list(range(self.number, self.number + self.random.randint(1, 8)))
            self.number += len(self.batch)
            self.attempts = 0
        values = [f"{self.producer}:{n}{RECORD_PADDING}".encode() for n in self.batch]
        sequence = self.batch[0] if self.idempotent else -1
        data = wire.batch(values, int(time.time() * 1000), *self.identity, sequence)
        connection = self.leader()
        self.attempts += 1
        self.began = time.monotonic()
        answer = connection.produce(self.topic, {self.partition: data}, -1, 3000)
        error, offset = answer[self.partition]
        if error == NONE and offset < 0:
            # A duplicate that is no longer remembered by offset.
            error = DUPLICATE_SEQUENCE
        if error == NONE:
            self.acked(offset)
        if error in (NONE, DUPLICATE_SEQUENCE):
            self.batch = []
            self._stop_wanted.wait(BREATH_S)
            return
        self.refused(error)

    def identify(self):
        broker = self.random.choice(self.cluster.numbers)
        error, producer, epoch = self.connect(broker).init_producer_id()
        if error != NONE:
            raise ConnectionError(f"InitProducerId: {error}")
        self.identity = producer, epoch
        self.drop()

    def acked(self, offset):
        # Who acknowledges a batch again has perhaps only replicated it.
        appender = self._broker if self.attempts == 1 or not self.idempotent else None
        for delta, number in enumerate(self.batch):
            self.record.add(
                "acked",
                producer=self.producer,
                partition=self.where,
                number=number,
                offset=offset + delta,
                broker=appender,
            )
        self.acknowledged += len(self.batch)

    def refused(self, error):
        self.record.add(
            "refused",
            producer=self.producer,
            partition=self.where,
            error=error,
            broker=self._broker,
            began=self.began,
            number=self.batch[0],
        )
        self.drop()
        self.pause()


class Reader(PartitionClient):
    """Reads a partition from its beginning, and then again from where others may have been."""

    def __init__(self, cluster, record, name, topic, partition):
        super().__init__(cluster, record, name, topic, partition)
        self.offset = 0

    def once(self):
        connection = self.leader()
        error, watermark, data = connection.fetch(self.topic, self.partition, self.offset, 500)
        if error == NONE:
            self.took(watermark, batches.parse(data))
            return
        what = "out_of_range" if error == OUT_OF_RANGE else "not_read"
        self.record.add(
            what, partition=self.where, offset=self.offset, error=error, broker=self._broker
        )
        if error == OUT_OF_RANGE:
            # Retention has gone over it, or it knows more than the leader: then the rest tells.
            error, start = connection.list_offsets(self.topic, self.partition, EARLIEST)
            self.offset = max(self.offset, start) if error == NONE else self.offset
        self.drop()
        self.pause()

    def took(self, watermark, found):
        records = []
        for base, _last, _epoch, _crc, values in found:
            records += [[base + delta, value] for delta, value in enumerate(values)]
        records = [r for r in records if r[0] >= self.offset]
        if records:
            self.record.add(
                "read",
                partition=self.where,
                high_watermark=watermark,
                records=records,
                broker=self._broker,
            )
            self.offset = records[-1][0] + 1
        # Now and then what was read before, perhaps from another leader.
        if self.random.random() < 0.02:
            self.offset = max(0, self.offset - self.random.randint(1, 200))


def offsets_partition(group):
    """By the hash of a Java string, which Kafka takes."""
    value = 0
    for character in group.encode():
        value = (31 * value + character) & 0xFFFFFFFF
    return (value & 0x7FFFFFFF) % OFFSETS_PARTITIONS


class GroupClient(Client):
    def __init__(self, cluster, record, name, group, topic, partition):
        super().__init__(cluster, record, f"{name}-{group}")
        self.group, self.topic, self.partition = group, topic, partition
        self.where = f"{topic}-{partition}"
        self.coordinated = f"__consumer_offsets-{offsets_partition(group)}"

    def coordinator(self):
        if self._connection is None:
            asked = self.connect(self.random.choice(self.cluster.numbers))
            error, node, _host, _port = asked.find_coordinator(self.group)
            if error != NONE or node not in self.cluster.numbers:
                raise ConnectionError(f"no coordinator: {error}")
            self.connect(node)
        return self._connection


class Committer(GroupClient):
    """Commits larger and larger offsets, alone in its group."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.offset = 0

    def once(self):
        connection = self.coordinator()
        self.offset += 1
        about = {"group": self.group, "partition": self.where, "offset": self.offset}
        self.record.add("commit_try", **about)
        error = connection.commit(self.group, self.topic, self.partition, self.offset)
        if error == NONE:
            self.record.add("commit", **about, broker=self._broker)
        else:
            self.drop()
        self.pause()


class CommitReader(GroupClient):
    def once(self):
        connection = self.coordinator()
        began = time.monotonic()
        error, offset = connection.committed(self.group, self.topic, self.partition)
        if error == NONE:
            self.record.add(
                "commit_read",
                group=self.group,
                partition=self.where,
                offset=offset,
                began=began,
                broker=self._broker,
                coordinated=self.coordinated,
            )
        else:
            self.drop()
        self.pause()
