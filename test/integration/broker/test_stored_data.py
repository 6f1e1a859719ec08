"""What lies in a log directory and is not as this broker would write it: old formats, damage.

Goal: old messages are served as they are, damage is told to whoever reads there, and neither takes
anything else away, before a restart or after it.
"""

import struct
import zlib

from harness import kafka_tools, kcat, wire
from harness.wire import Wire

SANITIZED = True
NONE, CORRUPT = 0, 2
OFFLINE = r"(?i)log directory \S+ is offline"


def entry(offset, timestamp, value):
    """A log entry with a message of format v1."""
    body = struct.pack(">bbqi", 1, 0, timestamp, -1) + wire.sized(value)
    message = struct.pack(">I", zlib.crc32(body)) + body
    return struct.pack(">qi", offset, len(message)) + message


def replace_segments(broker, topic, **files):
    directory = broker.log_dirs[0] / f"{topic}-0"
    for path in directory.glob("0*"):
        path.unlink()
    for suffix, content in files.items():
        (directory / f"{0:020}.{suffix}").write_bytes(content)


def test_an_upgraded_log_is_read_as_it_is(case):
    broker = case.single()
    kafka_tools.create_topic(broker, "old")
    kcat.produce(broker, "other", b"x\n", partition=0)
    broker.stop()
    old = b"".join(entry(i, 1000 + i, b"old %d" % i) for i in range(10))
    replace_segments(broker, "old", log=old, index=b"", timeindex=struct.pack(">qi", 1009, 9))
    for is_clean in (True, False):
        broker.start()
        with Wire(broker.port) as client:
            error, watermark, records = client.fetch("old", 0, 0)
            assert error == NONE and watermark >= 10 and records.startswith(old), (error, watermark)
            assert client.list_offsets("old", 0, 1005) == (NONE, 5)
            assert client.list_offsets("old", 0, -2) == (NONE, 0)
            answer = client.produce("old", {0: wire.batch([b"new"], timestamp=5000)})
            assert answer[0] == (NONE, watermark), answer
        values = kcat.consume(broker, "old").splitlines()
        assert values[:10] == [b"old %d" % i for i in range(10)], values
        assert values[10:] == [b"new"] * (watermark - 9), values
        assert not broker.log.lines(OFFLINE)
        if is_clean:
            broker.kill()
        else:
            broker.stop()


def test_damage_is_the_trouble_of_who_reads_there(case):
    broker = case.single(settings={"log.segment.bytes": 1000})
    kafka_tools.create_topic(broker, "bent")
    with Wire(broker.port) as client:
        for at in range(10):
            answer = client.produce("bent", {0: wire.batch([b"v" * 600], timestamp=1000 + at)})
            assert answer[0] == (NONE, at), answer
    broker.stop()
    segments = sorted((broker.log_dirs[0] / "bent-0").glob("*.log"))
    assert len(segments) == 10, segments
    damaged = bytearray(segments[3].read_bytes())
    damaged[16] = 0x7F
    segments[3].write_bytes(bytes(damaged))
    for _ in range(2):
        broker.start()
        with Wire(broker.port) as client:
            assert client.fetch("bent", 0, 3)[0] == CORRUPT
            assert client.list_offsets("bent", 0, 1003)[0] == CORRUPT
            for offset in (0, 2, 4, 9):
                error, _watermark, records = client.fetch("bent", 0, offset)
                assert error == NONE and records, (offset, error)
            answer = client.produce("bent", {0: wire.batch([b"more"])})
            assert answer[0][0] == NONE, answer
        kcat.produce(broker, "other", b"x\n", partition=0)
        assert not broker.log.lines(OFFLINE)
        broker.kill()
