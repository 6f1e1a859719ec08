"""librdkafka's part of the load: a producer that pipelines, and consumers that share a group.

Of Debian's python3-confluent-kafka; where that is not installed these are left out.
"""

import random
import threading
import time

try:
    import confluent_kafka
except ImportError:
    confluent_kafka = None

GROUP = "consumers"
# Told by no answer that this client shows: above all offsets.
UNKNOWN_WATERMARK = 1 << 62
POLL_S = 0.2
MEMBER_LIVES_S = (3.0, 9.0)
RATE_PAUSE_S = 0.01
PADDING = " " * 200


def available():
    return confluent_kafka is not None


class Client(threading.Thread):
    def __init__(self, cluster, record, name, topic):
        super().__init__(daemon=True, name=name)
        self.record, self.topic = record, topic
        self.random = random.Random(name)
        self.failure = None
        self.stop_wanted = threading.Event()
        self.bootstrap = ",".join("%s:%d" % cluster.address(n) for n in cluster.numbers)

    def stop(self):
        self.stop_wanted.set()

    def run(self):
        try:
            self.work()
        except Exception as e:  # pylint: disable=broad-except
            self.failure = f"{self.name}: {type(e).__name__}: {e}"

    def work(self):
        raise NotImplementedError


class PipeliningProducer(Client):
    """Idempotent, five requests under way; numbers its records per partition."""

    def __init__(self, cluster, record, name, topic, partitions):
        super().__init__(cluster, record, name, topic)
        self.producer = name
        self.acknowledged = 0
        self.numbers = [0] * partitions
        record.add("producer", producer=name, idempotent=True)

    def work(self):
        settings = {
            "bootstrap.servers": self.bootstrap,
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 2,
            # Below the size of a segment, which is small here.
            "batch.size": 16384,
            "message.timeout.ms": 120_000,
            "error_cb": self.on_error,
        }
        producer = confluent_kafka.Producer(settings)
        while not self.stop_wanted.is_set() and not self.failure:
            partition = self.random.randrange(len(self.numbers))
            for _ in range(self.random.randint(1, 30)):
                self.produce(producer, partition)
            producer.poll(0)
            self.stop_wanted.wait(RATE_PAUSE_S)
        producer.flush(20)

    def produce(self, producer, partition):
        number = self.numbers[partition]
        value = f"{self.name}:{number}{PADDING}"

        def delivered(error, message):
            if error is None:
                self.acked(number, message)
            else:
                self.record.add("undelivered", number=number, why=str(error))

        try:
            producer.produce(self.topic, value, partition=partition, on_delivery=delivered)
        except BufferError:
            producer.poll(POLL_S)
            return
        self.numbers[partition] += 1

    def acked(self, number, message):
        self.acknowledged += 1
        self.record.add(
            "acked",
            producer=self.name,
            partition=f"{self.topic}-{message.partition()}",
            number=number,
            offset=message.offset(),
            broker=None,
        )

    def on_error(self, error):
        if error.fatal():
            self.failure = f"{self.name}: fatal: {error}"


class GroupConsumer(Client):
    """A member that reads, commits what it has read, leaves after a while and comes back."""

    def work(self):
        while not self.stop_wanted.is_set():
            settings = {
                "bootstrap.servers": self.bootstrap,
                "group.id": GROUP,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "session.timeout.ms": 6000,
                "topic.metadata.refresh.interval.ms": 2000,
            }
            consumer = confluent_kafka.Consumer(settings)
            consumer.subscribe([self.topic])
            until = time.monotonic() + self.random.uniform(*MEMBER_LIVES_S)
            while time.monotonic() < until and not self.stop_wanted.is_set():
                messages = consumer.consume(500, POLL_S)
                good = [m for m in messages if m.error() is None]
                if good:
                    self.took(good)
                    self.commit(consumer, good)
            consumer.close()

    def took(self, messages):
        by_partition = {}
        for m in messages:
            value = m.value().split(b" ")[0].decode()
            by_partition.setdefault(m.partition(), []).append([m.offset(), value])
        for partition, records in by_partition.items():
            where = f"{self.topic}-{partition}"
            self.record.add(
                "read", partition=where, high_watermark=UNKNOWN_WATERMARK, records=records
            )

    def commit(self, consumer, messages):
        ends = {}
        for m in messages:
            ends[m.partition()] = m.offset() + 1
        for partition, offset in ends.items():
            self.record.add("commit_try", **self.about(partition, offset))
        offsets = [confluent_kafka.TopicPartition(self.topic, p, o) for p, o in ends.items()]
        try:
            done = consumer.commit(offsets=offsets, asynchronous=False)
        except confluent_kafka.KafkaException:
            return
        for one in done:
            if one.error is None:
                self.record.add("commit", **self.about(one.partition, one.offset))

    def about(self, partition, offset):
        return {"group": GROUP, "partition": f"{self.topic}-{partition}", "offset": offset}
