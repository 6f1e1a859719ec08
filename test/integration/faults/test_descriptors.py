"""More clients than there are descriptors: those who come last wait, nobody else notices.

Goal: idle connections never take what logs need. Method: a broker that may open 300 files, whose
partitions roll new segments with each batch, while more sockets are opened than it may have. The
kernel keeps those that the broker does not take.
"""

import socket

from harness import kcat, places, wire
from harness.waiting import wait_until
from harness.wire import Wire

LIMIT_S = 120
DESCRIPTORS = 300
# Without a bound of their own they would take the last descriptor.
IDLE = 400
TAKEN_MIN = 90
PARTITIONS = 40
ROUNDS = 5


def limited_server(case):
    path = case.path("limited-server")
    path.write_text(f'#!/bin/sh\nulimit -n {DESCRIPTORS}\nexec "{places.SERVER}" "$@"\n')
    path.chmod(0o755)
    return path


def append(client, rounds):
    """A batch to each partition in each round: as many new segments, each of several files."""
    batch = wire.batch([b"x" * 900])
    for _ in range(rounds):
        answers = client.produce("t", {p: batch for p in range(PARTITIONS)})
        wrong = {p: error for p, (error, _) in answers.items() if error}
        assert not wrong, f"errors by partition: {wrong}"


def read_from_start(client):
    for partition in range(PARTITIONS):
        error, _, records = client.fetch("t", partition, 0)
        assert error == 0 and records, f"partition {partition}: error {error}"


def test_idle_connections_beyond_the_limit_of_open_files(case):
    settings = {
        "num.partitions": PARTITIONS,
        "log.segment.bytes": 1000,
        "socket.listen.backlog.size": 1000,
    }
    broker = case.single(settings=settings, binary=limited_server(case))
    kcat.metadata(broker)
    kcat.produce(broker, "t", b"first\n", partition=0)
    kcat.wait_for_topic(broker, "t")
    with Wire(broker.port) as client:
        append(client, 1)
        idle = []
        case.at_end(lambda: [one.close() for one in idle])
        for _ in range(IDLE):
            idle.append(socket.create_connection(("127.0.0.1", broker.port), timeout=20))
        wait_until(
            lambda: broker.process.open_sockets() >= TAKEN_MIN, 20, "the broker took connections"
        )
        append(client, ROUNDS)
        read_from_start(client)

        with Wire(broker.port, timeout_s=1) as late:
            question = late.send(wire.API_VERSIONS, 0)
            assert not late.is_closed(), "who comes late is kept waiting, not refused"
            open_sockets = broker.process.open_sockets()
            assert open_sockets < DESCRIPTORS / 2, f"{open_sockets} sockets"
            for one in idle:
                one.close()
            late.socket.settimeout(20)
            late.answer(question)
        append(client, 1)
        read_from_start(client)
    assert not broker.log.lines("offline"), "a directory went offline"
    broker.stop()
