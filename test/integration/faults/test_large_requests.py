"""Frames that are valid and large, slow, or cut off: no turn of a loop is long, memory stays small,
other clients go on. Frames that no broker would send do not end the broker."""

import re
import socket
import struct
import threading
import time
import zlib

from harness import kafka_tools, kcat, places
from harness.waiting import wait_until
from harness.wire import PRODUCE, Wire, array, header, sized, text

LIMIT_S = 300
BUDGET_BYTES = 104_857_600
SETTINGS = {"queued.max.request.bytes": BUDGET_BYTES}
MEMORY_MAX = 200 * 1024 * 1024
CPU_MS_MAX = 200
LEADER_AND_ISR, STOP_REPLICA, UPDATE_METADATA = 4, 5, 6
INVALID_TOPIC, INVALID_REQUEST, MESSAGE_TOO_LARGE = 17, 42, 10


def varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def flexible(api, version, body):
    return header(api, version) + b"\0" + body


# A request that names so many things. The smallest names there are.
def find_coordinator(count):
    return flexible(10, 4, b"\0" + varint(count + 1) + b"\1" * count + b"\0")


def metadata(count):
    return flexible(3, 9, varint(count + 1) + b"\1\0" * count + b"\0" * 4)


def metadata_of_one(count):
    return flexible(3, 9, varint(count + 1) + b"\2t\0" * count + b"\0" * 4)


def list_groups(count):
    return flexible(16, 4, varint(count + 1) + b"\1" * count + b"\0")


def describe_groups(count):
    return flexible(15, 5, varint(count + 1) + b"\1" * count + b"\0\0")


def delete_groups(count):
    return flexible(42, 2, varint(count + 1) + b"\1" * count + b"\0")


def delete_topics(count):
    return header(20, 1) + array([text(f"n{i}") for i in range(count)]) + struct.pack(">i", 1000)


def create_topics(count):
    topic = struct.pack(">ihii", 1, 1, 0, 0)
    names = array([text("t") + topic] * count)  # one name, so that none is made
    return header(19, 1) + names + struct.pack(">ib", 1000, 1)


def describe_configs(count):
    one = struct.pack(">b", 2) + text("t") + struct.pack(">i", -1)
    return header(32, 0) + array([one] * count)


def alter_configs(count):
    entries = b"\1\1\0" * count
    body = varint(2) + b"\2" + varint(2) + b"t" + varint(count + 1) + entries + b"\0" + b"\1\0"
    return flexible(33, 2, body)


def offset_fetch(count):
    partitions = array([struct.pack(">i", i) for i in range(count)])
    return header(9, 1) + text("g") + array([text("t") + partitions])


def offset_commit(count):
    partitions = array([struct.pack(">iqh", i, 0, -1) for i in range(count)])
    return header(8, 2) + text("g") + struct.pack(">ihq", -1, 0, -1) + array(
        [text("t") + partitions]
    )


# What fits into the room of a request's elements, and far more than that.
MODEST = {
    find_coordinator: 200_000,
    metadata: 100_000,
    metadata_of_one: 100_000,
    list_groups: 200_000,
    describe_groups: 200_000,
    delete_groups: 200_000,
    delete_topics: 100_000,
    create_topics: 60_000,
    describe_configs: 2_000,
    alter_configs: 60_000,
    offset_fetch: 250_000,
    offset_commit: 50_000,
}
EXCESSIVE = {
    find_coordinator: 4_000_000,
    metadata: 4_000_000,
    list_groups: 90_000_000,
    describe_groups: 4_000_000,
    delete_groups: 4_000_000,
    alter_configs: 4_000_000,
}


class Others:
    """Clients that ask something small all the time."""

    def __init__(self, broker, count=2):
        self.slowest_s = 0.0
        self.answers = 0
        self._stop = False
        self._threads = [
            threading.Thread(target=self._ask, args=(broker.port,)) for _ in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def _ask(self, port):
        with Wire(port, timeout_s=60) as wire:
            while not self._stop:
                began = time.monotonic()
                wire.api_versions()
                self.slowest_s = max(self.slowest_s, time.monotonic() - began)
                self.answers += 1
                time.sleep(0.005)

    def stop(self):
        self._stop = True
        for thread in self._threads:
            thread.join()


def long_turns(broker):
    """The lines about turns and pieces that used too much CPU time."""
    lines = broker.log.lines(r"loop was held|turn of a loop was long")
    return [x for x in lines if int(re.search(r"cpu_ms=(\d+)", x).group(1)) >= CPU_MS_MAX]


def test_requests_of_many_elements(case):
    broker = case.single(settings=SETTINGS)
    kcat.produce(broker, "t", b"x\n", partition=0)
    with Wire(broker.port) as wire:
        wire.request(10, 0, text("g"))  # makes the topic of the groups
    kcat.wait_for_topic(broker, "__consumer_offsets")
    others = Others(broker)
    case.at_end(others.stop)
    for make, count in MODEST.items():
        others.slowest_s = 0.0
        began = time.monotonic()
        with Wire(broker.port, timeout_s=120) as wire:
            wire.send_frame(make(count))
            answer = wire.receive_frame()
        print(
            f"{make.__name__} {count}: {len(answer)} bytes in {time.monotonic() - began:.2f} s, "
            f"others {others.slowest_s * 1000:.0f} ms, "
            f"{broker.process.peak_resident_bytes() >> 20} MB at most so far"
        )
        assert broker.running(), make.__name__
    for make, count in EXCESSIVE.items():
        with Wire(broker.port, timeout_s=120) as wire:
            try:
                wire.send_frame(make(count))
                assert wire.is_closed(), f"{make.__name__} of {count} was not refused"
            except ConnectionError:
                pass
        print(f"{make.__name__} {count}: {broker.process.peak_resident_bytes() >> 20} MB at most")
        assert broker.running(), make.__name__
    others.stop()
    assert others.answers > 100
    print(f"{broker.process.peak_resident_bytes() >> 20} MB at most")
    assert not long_turns(broker), long_turns(broker)
    if not places.SANITIZED:
        assert broker.process.peak_resident_bytes() < MEMORY_MAX
    assert broker.log.lines(r"of more elements than one may have")
    assert kcat.consume(broker, "t") == b"x\n"


CRC_TABLE = []
for _byte in range(256):
    for _ in range(8):
        _byte = (_byte >> 1) ^ (0x82F63B78 if _byte & 1 else 0)
    CRC_TABLE.append(_byte)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def batch(records, count, codec=0):
    now = int(time.time() * 1000)
    body = struct.pack(">hiqqqhii", codec, count - 1, now, now, -1, -1, -1, count) + records
    rest = struct.pack(">I", crc32c(body)) + body
    return struct.pack(">qiib", 0, len(rest) + 5, 0, 2) + rest


def produce_body(topic, records, acks=1, timeout_ms=30_000):
    """Of version 3."""
    partition = struct.pack(">i", 0) + sized(records)
    topics = array([text(topic) + array([partition])])
    return text(None) + struct.pack(">hi", acks, timeout_ms) + topics


def produce_error(answer):
    answer.unpack("i")
    answer.text()
    answer.unpack("ii")
    return answer.unpack("h")


def test_small_batches_of_many_records(case):
    broker = case.single(settings=SETTINGS)
    kafka_tools.create_topic(broker, "bomb")
    record = bytes([0x0C, 0, 0, 0, 1, 1, 0])  # the smallest: no key, no value
    count = 25_000_000
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(packer.compress(record * 1_000_000) for _ in range(count // 1_000_000))
    packed += packer.flush()
    assert len(packed) < 1_000_000
    others = Others(broker)
    case.at_end(others.stop)
    with Wire(broker.port, timeout_s=120) as wire:
        for _ in range(3):
            answer = wire.request(PRODUCE, 3, produce_body("bomb", batch(packed, count, 1)))
            assert produce_error(answer) == MESSAGE_TOO_LARGE
    others.stop()
    assert not long_turns(broker), long_turns(broker)
    if not places.SANITIZED:
        assert broker.process.peak_resident_bytes() < MEMORY_MAX


def trickle(port, first_bytes, is_over):
    frame_bytes = 100 * 1024 * 1024
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(1)
        connection.sendall(struct.pack(">i", frame_bytes) + header(PRODUCE, 3))
        sent = 0
        try:
            while sent < first_bytes:
                sent += connection.send(b"\0" * 65536)
        except TimeoutError:
            pass
        while not is_over.is_set():
            try:
                connection.send(b"\0" * 8192)
            except TimeoutError:
                pass
            except OSError:
                return
            is_over.wait(1)


def test_frames_that_trickle_do_not_hold_the_memory(case):
    broker = case.single(settings=SETTINGS)
    kafka_tools.create_topic(broker, "t")
    is_over = threading.Event()
    tricklers = [
        threading.Thread(target=trickle, args=(broker.port, 64 << 20, is_over)) for _ in range(5)
    ]
    case.at_end(is_over.set)
    for thread in tricklers:
        thread.start()
    time.sleep(5)
    value = b"v" * 300_000
    for i in range(3):
        began = time.monotonic()
        kcat.produce(broker, "t", value + b"\n", "-X", "message.timeout.ms=25000", partition=0)
        print(f"a produce took {time.monotonic() - began:.1f} s")
        kafka_tools.create_topic(broker, f"another-{i}")
    is_over.set()
    for thread in tricklers:
        thread.join()
    assert broker.log.lines(r"too slow while others wait|stalled while others wait")
    assert len(kcat.consume(broker, "t")) == 3 * (len(value) + 1)


def test_what_arrived_before_the_end_is_executed(case):
    broker = case.single()
    kafka_tools.create_topic(broker, "t")
    record = bytes([0x0E, 0, 0, 0, 1, 2]) + b"x\0"
    rounds, requests = 10, 100
    for _ in range(rounds):
        with Wire(broker.port) as wire:
            frames = b""
            # Answers that nobody will read, then requests that want none.
            for _ in range(3):
                frame = header(3, 1) + struct.pack(">i", -1)
                frames += struct.pack(">i", len(frame)) + frame
            frame = header(PRODUCE, 3) + produce_body("t", batch(record, 1), acks=0)
            frames += (struct.pack(">i", len(frame)) + frame) * requests
            wire.socket.sendall(frames)
    with Wire(broker.port) as wire:
        wait_until(
            lambda: wire.list_offsets("t", 0)[1] == rounds * requests, 20, "all are appended"
        )


def test_what_no_broker_would_send(case):
    broker = case.single()
    kcat.produce(broker, "t", b"x\n", partition=0)
    with Wire(broker.port) as wire:
        for security_protocol in (32767, -1, 4):
            endpoint = struct.pack(">i", 1) + text("h") + struct.pack(">h", security_protocol)
            live = struct.pack(">i", 0) + array([endpoint])
            body = struct.pack(">iii", 0, 1, 0) + array([live])
            assert wire.request(UPDATE_METADATA, 1, body).unpack("h") == 0
        for name, partition, expected in (
            ("t", -1, INVALID_REQUEST),
            ("..", 0, INVALID_TOPIC),
            ("../../evil", 0, INVALID_TOPIC),
            ("", 0, INVALID_TOPIC),
        ):
            one = array([struct.pack(">i", 0)])
            state = text(name) + struct.pack(">iiii", partition, 1, 0, 0)
            state += one + struct.pack(">i", 0) + one + b"\1"
            body = struct.pack(">ii", 0, 1) + array([state]) + array([])
            answer = wire.request(LEADER_AND_ISR, 1, body)
            assert answer.unpack("h") == 0
            errors = answer.array(lambda r: (r.text(), r.unpack("ih")))
            assert errors == [(name, (partition, expected))], errors
            stop = struct.pack(">iib", 0, 1, 1) + array([text(name) + struct.pack(">i", partition)])
            answer = wire.request(STOP_REPLICA, 0, stop)
            assert answer.unpack("h") == 0
            assert answer.array(lambda r: (r.text(), r.unpack("ih")))[0][1][1] == expected
    assert sorted(p.name for p in broker.log_dirs[0].glob("*-*") if p.is_dir()) == ["t-0"]
    broker.restart()
    assert kcat.consume(broker, "t") == b"x\n"
