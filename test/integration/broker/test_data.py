"""Produce and fetch: what goes in comes out, after restarts too; duplicates, sessions, age."""

import hashlib
import struct

from harness import group_wire, kafka_tools, kcat, places, wire
from harness.group_wire import GroupWire
from harness.waiting import wait_until
from harness.wire import Wire

SANITIZED = True
NONE, OUT_OF_RANGE, CORRUPT, UNKNOWN_TOPIC, TOO_LARGE = 0, 1, 2, 3, 10
OUT_OF_ORDER_SEQUENCE, DUPLICATE_SEQUENCE, INVALID_RECORD, UNSUPPORTED_FORMAT = 45, 46, 87, 43
# When old segments are looked for.
RETENTION_SOON = {"log.retention.check.interval.ms": 300, "log.initial.task.delay.ms": 300}
SESSION_NOT_FOUND, INVALID_SESSION_EPOCH = 70, 71


def numbered(count):
    return b"".join(b"record number %d\n" % i for i in range(count))


def create(broker, topic):
    """With one record at offset 0."""
    kcat.produce(broker, topic, b"first\n", partition=0)


def test_restart_keeps_data(case):
    broker = case.single()
    lines = numbered(5000)
    kcat.produce(broker, "kept", lines)
    wanted = hashlib.sha256(lines).hexdigest()
    for _ in range(2):
        assert hashlib.sha256(kcat.consume(broker, "kept")).hexdigest() == wanted
        broker.restart()
    assert not broker.log.lines(r"(?i)recover.*kept-0"), "a clean stop needs no recovery"
    broker.kill()
    broker.start()
    assert hashlib.sha256(kcat.consume(broker, "kept")).hexdigest() == wanted


def test_many_segments(case):
    broker = case.single(settings={"log.segment.bytes": 100_000, "log.index.interval.bytes": 4096})
    value = b"v" * 900 + b"\n"
    for _ in range(20):
        kcat.produce(broker, "rolled", value * 100)
    segments = list((broker.log_dirs[0] / "rolled-0").glob("*.log"))
    assert len(segments) > 10, segments
    for offset in (0, 1, 777, 1999):
        got = kcat.consume(broker, "rolled", "-c", "1", offset=offset, format_string="%o")
        assert int(got) == offset
    broker.restart()
    assert kcat.consume(broker, "rolled").count(b"\n") == 2000


def test_offsets(case):
    broker = case.single()
    kafka_tools.create_topic(broker, "t")
    with Wire(broker.port) as client:
        for at in (1000, 2000, 3000):
            answer = client.produce("t", {0: wire.batch([b"x", b"y"], timestamp=at)})
            assert answer[0][0] == NONE, answer
        assert client.list_offsets("t", 0, -2) == (NONE, 0)
        assert client.list_offsets("t", 0, -1) == (NONE, 6)
        assert client.list_offsets("t", 0, 1500) == (NONE, 2)
        assert client.list_offsets("t", 0, 2000) == (NONE, 2)
        assert client.list_offsets("t", 0, 3500) == (NONE, -1)
        assert client.list_offsets("absent", 0)[0] == UNKNOWN_TOPIC
        assert client.fetch("t", 0, 99)[0] == OUT_OF_RANGE
        error, watermark, records = client.fetch("t", 0, 3)
        assert (error, watermark) == (NONE, 6)
        # Whole batches: it starts where the batch of offset 3 starts.
        assert struct.unpack(">q", records[:8]) == (2,)


def test_records_that_are_refused(case):
    broker = case.single(settings={"message.max.bytes": 100_000})
    create(broker, "t")
    good = wire.batch([b"good"])
    with Wire(broker.port) as client:
        flipped = bytearray(good)
        flipped[-1] ^= 1
        assert client.produce("t", {0: bytes(flipped)})[0][0] == CORRUPT
        assert client.produce("t", {0: wire.batch([b"v" * 200_000])})[0][0] == TOO_LARGE
        assert client.produce("t", {0: good[:-1]})[0][0] == INVALID_RECORD
        assert client.produce("t", {0: good + good})[0][0] == INVALID_RECORD
        assert client.produce("t", {0: b""})[0][0] == INVALID_RECORD
        wrong_count = wire.batch_of(wire.record(0, b"only one"), count=5)
        assert client.produce("t", {0: wrong_count})[0][0] == INVALID_RECORD
        assert client.produce("t", {7: good})[7][0] == UNKNOWN_TOPIC
        # The connection has stayed, and so has the log.
        assert client.produce("t", {0: good})[0] == (NONE, 1)
    assert kcat.consume(broker, "t") == b"first\ngood\n"


def test_no_answer_without_acks(case):
    broker = case.single()
    create(broker, "t")
    with Wire(broker.port) as client:
        assert client.produce("t", {0: wire.batch([b"quiet"])}, acks=0) is None
        # The next answer on the connection is that of the next request.
        assert client.list_offsets("t", 0) == (NONE, 2)


def test_answers_come_in_order(case):
    broker = case.single()
    create(broker, "t")
    with Wire(broker.port) as client:
        sent = []
        for i in range(200):
            batch = wire.batch([b"%d" % i])
            body = wire.text(None) + struct.pack(">hi", -1, 5000)
            body += wire.array(
                [wire.text("t") + wire.array([struct.pack(">i", 0) + wire.sized(batch)])]
            )
            sent.append(client.send(wire.PRODUCE, 7, body))
            if i % 10 == 0:
                sent.append(client.send(wire.API_VERSIONS, 0))
        for correlation in sent:
            client.answer(correlation)
    got = kcat.consume(broker, "t").split()[1:]
    assert got == [b"%d" % i for i in range(200)]


def test_a_batch_sent_twice_is_stored_once(case):
    broker = case.single()
    create(broker, "t")
    with Wire(broker.port) as client:
        error, producer, epoch = client.init_producer_id()
        assert error == NONE and producer >= 0 and epoch == 0

        def send(sequence, values):
            batch = wire.batch(values, producer=producer, epoch=epoch, sequence=sequence)
            return client.produce("t", {0: batch}, acks=-1)[0]

        assert send(0, [b"a", b"b"]) == (NONE, 1)
        assert send(2, [b"c"]) == (NONE, 3)
        assert send(0, [b"a", b"b"]) == (NONE, 1), "the answer of the first time"
        assert send(9, [b"gap"])[0] == OUT_OF_ORDER_SEQUENCE
        broker.kill()
    broker.start()
    with Wire(broker.port) as client:
        batch = wire.batch([b"c"], producer=producer, epoch=epoch, sequence=2)
        assert client.produce("t", {0: batch}, acks=-1)[0] == (NONE, 3), "known after kill -9 too"
        batch = wire.batch([b"d"], producer=producer, epoch=epoch, sequence=3)
        assert client.produce("t", {0: batch}, acks=-1)[0] == (NONE, 4)
    assert kcat.consume(broker, "t") == b"first\na\nb\nc\nd\n"


def test_fetch_sessions(case):
    broker = case.single()
    for topic in ("a", "b"):
        create(broker, topic)
    with Wire(broker.port) as client, Wire(broker.port) as producer:
        error, session, answers = client.fetch_in_session(
            0, 0, [("a", 0, 1), ("b", 0, 1)], max_wait_ms=0
        )
        assert error == NONE and session != 0
        assert len(answers) == 2
        # Nothing is new: nothing is told.
        error, _, answers = client.fetch_in_session(session, 1, [], max_wait_ms=50)
        assert error == NONE and answers == {}, answers
        producer.produce("b", {0: wire.batch([b"news"])})
        error, _, answers = client.fetch_in_session(session, 2, [])
        assert error == NONE and list(answers) == [("b", 0)], answers
        assert b"news" in answers["b", 0][2]
        # Waiting for data, and woken by it.
        waiting = client.send(wire.FETCH, 7, session_body(session, 3, [("b", 0, 2)], 20_000))
        producer.produce("a", {0: wire.batch([b"wakes"])})
        assert client.answer(waiting).unpack("ihi")[1] == NONE
        assert client.fetch_in_session(session, 9, [])[0] == INVALID_SESSION_EPOCH
        assert client.fetch_in_session(session + 1, 1, [])[0] == SESSION_NOT_FOUND
    # A session outlives its connection.
    with Wire(broker.port) as client:
        error, _, _ = client.fetch_in_session(session, 4, [("a", 0, 2)], max_wait_ms=0)
        assert error == NONE


def session_body(session, epoch, wanted, max_wait_ms):
    body = struct.pack(">iiiibii", -1, max_wait_ms, 1, 1 << 20, 0, session, epoch)
    body += wire.array(
        [
            wire.text(t) + wire.array([struct.pack(">iqqi", p, at, -1, 1 << 20)])
            for t, p, at in wanted
        ]
    )
    return body + wire.array([])


def test_a_waiting_fetch_is_woken(case):
    broker = case.single()
    create(broker, "t")
    with Wire(broker.port) as consumer, Wire(broker.port) as producer:
        body = struct.pack(">iiiib", -1, 20_000, 1, 1 << 20, 0)
        body += wire.array([wire.text("t") + wire.array([struct.pack(">iqi", 0, 1, 1 << 20)])])
        waiting = consumer.send(wire.FETCH, 4, body)
        producer.produce("t", {0: wire.batch([b"here"])})
        consumer.socket.settimeout(5)
        assert b"here" in consumer.answer(waiting).data


def test_retention_by_size(case):
    broker = case.single(settings=RETENTION_SOON)
    kafka_tools.create_topic(broker, "short", segment_bytes=100_000, retention_bytes=300_000)
    for _ in range(20):
        kcat.produce(broker, "short", (b"v" * 999 + b"\n") * 50)

    def first_offset():
        return kafka_tools.end_offsets(broker, "short", time=-2)[0]

    wait_until(lambda: first_offset() > 0, 30, "old segments go")
    assert kafka_tools.end_offsets(broker, "short")[0] == 1000
    first = first_offset()
    assert kcat.consume(broker, "short").count(b"\n") == 1000 - first
    broker.restart()
    assert first_offset() >= first


def test_retention_by_age(case):
    broker = case.single(settings=RETENTION_SOON)
    kafka_tools.create_topic(broker, "old", segment_bytes=20_000, retention_ms=3_600_000)
    with Wire(broker.port) as client:
        for _ in range(5):
            client.produce("old", {0: wire.batch([b"v" * 15_000], timestamp=1000)})
    wait_until(lambda: kafka_tools.end_offsets(broker, "old", time=-2)[0] > 0, 30, "old ones go")
    assert kafka_tools.end_offsets(broker, "old")[0] == 5


def test_who_has_gone_is_not_waited_for(case):
    """A Fetch and a JoinGroup wait for long; their clients close. What they sent before counts."""
    broker = case.single(settings={"group.initial.rebalance.delay.ms": 60_000})
    create(broker, "t")
    with GroupWire(broker.port) as wire_to:
        wait_until(lambda: wire_to.find_coordinator("g")[0] == NONE, 30, "a coordinator")
    before = broker.process.open_sockets()
    waiting = [GroupWire(broker.port) for _ in range(20)]
    for number, client in enumerate(waiting):
        if number % 2 == 0:
            client.send(wire.FETCH, 4, wire.fetch_body("t", 0, 1, max_wait_ms=60_000))
        else:
            client.send(group_wire.JOIN_GROUP, 0, group_wire.join_body("g", "t", 30_000))
    # One that closed just now may be counted in `before`.
    connected = before + len(waiting) - 5
    wait_until(lambda: broker.process.open_sockets() >= connected, 10, "they are connected")
    # Behind the Fetch that waits.
    waiting[0].produce("t", {0: wire.batch([b"last words"])}, acks=0)
    for client in waiting:
        client.close()
    wait_until(lambda: broker.process.open_sockets() <= before, 10 * places.SLOWNESS, "all gone")
    assert kcat.consume(broker, "t") == b"first\nlast words\n"
