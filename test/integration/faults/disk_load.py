"""Clients that go on through errors, and remember what they were promised.

Each is a thread with a connection of its own. A request that is not answered in time is a hang, and
fails the test; an error code is an answer.
"""

import collections
import struct
import threading
import time

from harness import places, wire
from harness.group_wire import GroupWire
from harness.waiting import wait_until

# Far above what an answer takes on a busy machine, far below what a stuck loop takes.
ANSWER_LIMIT_S = 30
NONE, DUPLICATE_SEQUENCE = 0, 46
# What says that it may be tried again, or that the leader is elsewhere or away for now.
RETRIABLE = {3, 5, 6, 7, 9, 13, 14, 15, 16, 19, 20, 56, 100, 103}
PRODUCE_TIMEOUT_MS = 3000


class Client(threading.Thread):
    """Calls once() again and again; what goes wrong with the connection begins a new one."""

    def __init__(self, broker, name, random):
        super().__init__(daemon=True, name=name)
        self.broker = broker
        self.random = random
        self.answers = collections.Counter()  # by error code
        self.successes = 0
        self.hangs = []
        self.errors = []
        self.slowest_s = 0.0
        self._stop_wanted = threading.Event()
        self.wire = None

    def run(self):
        while not self._stop_wanted.is_set():
            try:
                if self.wire is None:
                    self.wire = GroupWire(self.broker.port, ANSWER_LIMIT_S)
                    self.connected()
                began = time.monotonic()
                self.once()
                self.slowest_s = max(self.slowest_s, time.monotonic() - began)
            except TimeoutError:
                self.hangs.append(f"{self.name}: no answer within {ANSWER_LIMIT_S} s")
                self._drop()
            except (ConnectionError, OSError):
                self._drop()
                self._stop_wanted.wait(0.05)
            except Exception as e:  # pylint: disable=broad-except
                self.errors.append(f"{self.name}: {type(e).__name__}: {e}")
                return
        self._drop()

    def _drop(self):
        if self.wire is not None:
            self.wire.close()
            self.wire = None

    def connected(self):
        pass

    def once(self):
        raise NotImplementedError

    def answered(self, code):
        self.answers[code] += 1
        if code == NONE:
            self.successes += 1
        # The broker is to be tried, not the machine.
        self._stop_wanted.wait(0.005 if code == NONE else 0.05)

    def stop(self):
        self._stop_wanted.set()


class Producer(Client):
    """Every value once; never sent again."""

    def __init__(self, broker, topic, partitions, acks, random):
        super().__init__(broker, f"producer of {topic} acks={acks}", random)
        self.topic, self.partitions, self.acks = topic, partitions, acks
        self.acked = collections.defaultdict(dict)  # partition: {offset: value}
        self.acked_now = collections.Counter()  # partition: records
        self._sent = 0

    def once(self):
        partition = self.random.choice(self.partitions)
        count = self.random.randrange(1, 4)
        values = [
            b"%s/%d/%d" % (self.name.encode(), partition, self._sent + n) for n in range(count)
        ]
        values = [v + b"." * self.random.randrange(400) for v in values]
        self._sent += count
        batches = {partition: wire.batch(values)}
        code, offset = self.wire.produce(self.topic, batches, self.acks, PRODUCE_TIMEOUT_MS)[
            partition
        ]
        if code == NONE:
            for n, value in enumerate(values):
                self.acked[partition][offset + n] = value
            self.acked_now[partition] += count
        self.answered(code)


class IdempotentProducer(Client):
    """One batch at a time and partition, sent again until it is acknowledged."""

    def __init__(self, broker, topic, partitions, random):
        super().__init__(broker, f"idempotent producer of {topic}", random)
        self.topic, self.partitions = topic, partitions
        self.acked = collections.defaultdict(dict)
        self.acked_now = collections.Counter()
        self._identity = None
        self._next = collections.Counter()

    def connected(self):
        if self._identity is None:
            code, producer, epoch = self.wire.init_producer_id()
            if code == NONE:
                self._identity = producer, epoch
            else:
                self.answered(code)
                raise ConnectionError("no producer id yet")

    def once(self):
        partition = self.random.choice(self.partitions)
        sequence = self._next[partition]
        value = b"idempotent/%d/%d" % (partition, sequence)
        producer, epoch = self._identity
        batch = wire.batch([value], producer=producer, epoch=epoch, sequence=sequence)
        code, offset = self.wire.produce(self.topic, {partition: batch}, -1, PRODUCE_TIMEOUT_MS)[
            partition
        ]
        if code in (NONE, DUPLICATE_SEQUENCE):
            self._next[partition] += 1
            self.acked_now[partition] += 1
            if offset >= 0:
                self.acked[partition][offset] = value
            code = NONE
        elif code not in RETRIABLE:
            self.errors.append(f"{self.name}: sequence {sequence} of {partition}: error {code}")
        self.answered(code)

    def check_order(self, partition, values):
        """Each sequence once, in order, at least as many as were acknowledged."""
        numbers = [int(v.rsplit(b"/", 1)[1]) for v in values]
        assert numbers == list(range(len(numbers))), f"partition {partition}: {numbers[:50]}"
        assert len(numbers) >= self._next[partition], (
            f"partition {partition}: {len(numbers)} of {self._next[partition]} there"
        )


class GroupCommitter(Client):
    """Commits rising offsets of one group."""

    def __init__(self, broker, group, topic, random):
        super().__init__(broker, f"commits of {group}", random)
        self.group, self.topic = group, topic
        self.sent = 0
        self.acked = 0

    def connected(self):
        self.wire.find_coordinator(self.group)  # makes the topic if need be

    def once(self):
        self.sent += 1
        code = self.wire.commit(self.group, self.topic, 0, self.sent)
        if code == NONE:
            self.acked = self.sent
        self.answered(code)

    def check(self, connection):
        def known():
            code, offset = connection.committed(self.group, self.topic, 0)
            return code not in RETRIABLE and (code, offset)

        code, offset = wait_until(known, 30 * places.SLOWNESS, f"the offsets of {self.group}")
        assert code == NONE and (not self.acked or self.acked <= offset <= self.sent), (
            f"{self.group}: committed up to {self.acked}, sent up to {self.sent}, "
            f"found {offset}, error {code}"
        )


class TopicMaker(Client):
    """Creates topics, writes to them, deletes most of them again."""

    def __init__(self, broker, random):
        super().__init__(broker, "topics", random)
        self.kept, self.gone = set(), set()
        self._made = 0

    def once(self):
        name = f"passing-{self._made}"
        self._made += 1
        code = create_topic(self.wire, name, 2)
        if code == NONE:
            self.wire.produce(name, {0: wire.batch([b"x" * 100])}, 1, PRODUCE_TIMEOUT_MS)
            # Who was not answered knows nothing.
            if self.random.random() < 0.2:
                self.kept.add(name)
            elif delete_topic(self.wire, name) == NONE:
                self.gone.add(name)
        self.answered(code)
        self._stop_wanted.wait(0.05)


class Reader(Client):
    """Fetches from anywhere; only the answer counts."""

    def __init__(self, broker, topic, partitions, random):
        super().__init__(broker, f"reader of {topic}", random)
        self.topic, self.partitions = topic, partitions

    def once(self):
        partition = self.random.choice(self.partitions)
        code, watermark, _ = self.wire.fetch(self.topic, partition, 0, 100)
        if code == NONE and watermark > 0:
            at = self.random.randrange(watermark)
            code, _, _ = self.wire.fetch(self.topic, partition, at, 100)
        self.answered(code)


def create_topic(connection, name, partitions, configs=None):
    """The error code of CreateTopics 1."""
    settings = [wire.text(key) + wire.text(str(value)) for key, value in (configs or {}).items()]
    body = wire.text(name) + struct.pack(">ih", partitions, 1) + wire.array([])
    body = wire.array([body + wire.array(settings)]) + struct.pack(">ib", 10_000, 0)
    reader = connection.request(wire.CREATE_TOPICS, 1, body)
    return reader.array(lambda r: (r.text(), r.unpack("h"), r.text()))[0][1]


def delete_topic(connection, name):
    body = wire.array([wire.text(name)]) + struct.pack(">i", 10_000)
    reader = connection.request(wire.DELETE_TOPICS, 0, body)
    return reader.array(lambda r: (r.text(), r.unpack("h")))[0][1]


def unsigned_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def varint(data, at):
    value, at = unsigned_varint(data, at)
    return (value >> 1) ^ -(value & 1), at


def records_of(data):
    """{offset: value} of whole, uncompressed batches; a cut one at the end is left out."""
    found, at = {}, 0
    while at + 61 <= len(data):
        base, length = struct.unpack_from(">qi", data, at)
        if at + 12 + length > len(data):
            break
        (count,) = struct.unpack_from(">i", data, at + 57)
        position = at + 61
        for _ in range(count):
            size, position = varint(data, position)
            end = position + size
            _, position = varint(data, position + 1)
            delta, position = varint(data, position)
            key, position = varint(data, position)
            value, position = varint(data, position + max(key, 0))
            found[base + delta] = data[position : position + value]
            position = end
        at += 12 + length
    return found


def read_all(connection, topic, partition):
    """{offset: value} up to the high watermark."""
    found, at = {}, 0
    while True:
        code, watermark, data = connection.fetch(topic, partition, at, 1000)
        assert code == NONE, f"{topic}-{partition} at {at}: error {code}"
        found.update((o, v) for o, v in records_of(data).items() if o >= at)
        before, at = at, max(found, default=-1) + 1
        if at >= watermark:
            return found
        assert at > before, f"{topic}-{partition}: nothing at {at} below {watermark}"


def assert_acked_is_there(acked, found, what):
    lost = [offset for offset in acked if offset not in found]
    assert not lost, f"{what}: {len(lost)} of {len(acked)} acknowledged lost, first {lost[:3]}"
    other = [offset for offset, value in acked.items() if found[offset] != value]
    assert not other, f"{what}: other records at {other[:3]}, such as {found[other[0]][:60]}"
