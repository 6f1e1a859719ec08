"""kcat (librdkafka): many records with each codec come back the same, byte for byte."""

import hashlib

from harness import kafka_tools, kcat, places

LIMIT_S = 900
RECORDS = places.sized(100_000, 1_000_000)


def write_records(case, count):
    """Lines of varying length and content; returns the file and its checksum."""
    path = case.path("records")
    checksum = hashlib.sha256()
    with open(path, "wb") as file:
        for start in range(0, count, 10_000):
            lines = b"".join(
                b"%d %s %x\n" % (i, b"payload" * (i % 13), case.random.getrandbits(64))
                for i in range(start, min(start + 10_000, count))
            )
            file.write(lines)
            checksum.update(lines)
    return path, checksum.hexdigest()


def round_trip(case, codec, *options):
    broker = case.single()
    path, wanted = write_records(case, RECORDS)
    kcat.produce_file(broker, "t", path, "-z", codec, *options)
    assert kafka_tools.end_offsets(broker, "t") == {0: RECORDS}
    got = hashlib.sha256(kcat.consume(broker, "t")).hexdigest()
    assert got == wanted, f"{codec}: what came back differs"
    offsets = kcat.consume(broker, "t", format_string="%o\n").split()
    assert offsets[0] == b"0" and int(offsets[-1]) == RECORDS - 1 and len(offsets) == RECORDS


def test_none(case):
    round_trip(case, "none")


def test_gzip(case):
    round_trip(case, "gzip")


def test_snappy(case):
    round_trip(case, "snappy")


def test_lz4(case):
    round_trip(case, "lz4")


def test_zstd(case):
    round_trip(case, "zstd")


def test_idempotent(case):
    round_trip(case, "lz4", "-X", "enable.idempotence=true")


def test_keys_and_headers(case):
    broker = case.single()
    kcat.produce(broker, "t", b"k1:v1\nk2:v2\n", "-K:", "-H", "colour=blue", "-H", "size=9")
    got = kcat.consume(broker, "t", format_string="%k %s %h\n")
    assert got == b"k1 v1 colour=blue,size=9\nk2 v2 colour=blue,size=9\n", got


def test_by_time(case):
    broker = case.single()
    kcat.produce(broker, "t", b"a\nb\n")
    stamp = int(kcat.consume(broker, "t", "-c", "1", format_string="%T"))
    assert stamp > 1_600_000_000_000
    found = kcat.consume(broker, "t", offset=f"s@{stamp}", format_string="%s ")
    assert found == b"a b ", found
    assert kcat.consume(broker, "t", offset=f"s@{stamp + 3_600_000}") == b""
