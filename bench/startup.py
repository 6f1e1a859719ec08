"""From exec to the first Metadata that names a controller."""

import socket
import statistics
import struct
import time

from harness import places
from harness.broker import Broker
from harness.ports import free_port
from process_stats import memory_mb
from systems import run_loader, start_kafka

# Metadata 1 for no topics: API key, version, correlation id, client id, empty array.
METADATA_BODY = struct.pack(">hhih5si", 3, 1, 7, 5, b"bench", 0)
METADATA = struct.pack(">i", len(METADATA_BODY)) + METADATA_BODY
CONNECT_POLL_S = 0.0005
ASK_AGAIN_S = 0.001
LIMIT_S = 120
ZOOKEEPER_SETTLES_S = 10
IDLE_S = 5


def controller_of(connection):
    """The controller's id as Metadata names it; -1: none known."""
    connection.sendall(METADATA)
    size = struct.unpack(">i", read(connection, 4))[0]
    body = read(connection, size)
    at = 4
    brokers = struct.unpack_from(">i", body, at)[0]
    at += 4
    for _ in range(brokers):
        at += 4
        at += 2 + struct.unpack_from(">h", body, at)[0]
        at += 4
        rack = struct.unpack_from(">h", body, at)[0]
        at += 2 + max(rack, 0)
    return struct.unpack_from(">i", body, at)[0]


def read(connection, size):
    parts = []
    while size > 0:
        part = connection.recv(size)
        if not part:
            raise ConnectionError("closed")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def wait_for_controller(port, running):
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        assert running(), "the broker ended while it started: see its log"
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                while controller_of(connection) < 0:
                    time.sleep(ASK_AGAIN_S)
                return
        except OSError:
            time.sleep(CONNECT_POLL_S)
    raise AssertionError(f"no controller within {LIMIT_S} s")


def barnabas(case, connect, name, log_dirs=None):
    return Broker(
        case.path(name),
        connect,
        binary=places.BUILD / "broker" / "server" / "barnabas-server",
        settings={"zookeeper.session.timeout.ms": None, "group.initial.rebalance.delay.ms": None},
        log_dirs=log_dirs,
    )


def timed_start(broker):
    began = time.monotonic()
    broker.start(wait=False)
    wait_for_controller(broker.port, broker.running)
    return time.monotonic() - began


def empty_directory(case, zookeeper, runs):
    """Seconds of each run, each in a ZooKeeper tree that has never seen a broker; idle MB."""
    seconds, resident = [], []
    for i in range(runs):
        broker = barnabas(case, f"{zookeeper.connect_string}/empty-{i}", f"empty-{i}")
        case.at_end(broker.close)
        seconds.append(timed_start(broker))
        if i == runs - 1:
            time.sleep(IDLE_S)
            resident.append(memory_mb(broker.process.pid)[0])
        broker.stop()
    return seconds, resident[0]


def many_partitions(case, zookeeper, runs, topics, partitions):
    """Starts after a clean stop, with so many partitions in the directory."""
    broker = barnabas(case, f"{zookeeper.connect_string}/many", "many")
    case.at_end(broker.close)
    broker.start()
    run_loader("create", broker.port, topic="many", topics=topics, partitions=partitions)
    broker.stop()
    seconds = []
    for _ in range(runs):
        seconds.append(timed_start(broker))
        resident = memory_mb(broker.process.pid)[0]
        broker.stop()
    return seconds, resident


def kafka_empty_directory(case, zookeeper, runs):
    seconds, resident = [], 0
    for i in range(runs):
        port = free_port()
        began = time.monotonic()
        process = start_kafka(
            case, f"{zookeeper.connect_string}/kafka-{i}", port, f"kafka-empty-{i}", wait=False
        )
        wait_for_controller(port, process.running)
        seconds.append(time.monotonic() - began)
        if i == runs - 1:
            time.sleep(IDLE_S)
            resident = memory_mb(process.pid)[0]
        process.terminate()
    return seconds, resident


def measure(case, quick, with_kafka):
    """Rows of (what, seconds of the runs, resident MB, limit in seconds, limit in MB)."""
    runs = 3 if quick else 9
    topics, partitions = (10, 10) if quick else (100, 100)
    zookeeper = case.zookeeper("zookeeper-startup")
    time.sleep(0 if quick else ZOOKEEPER_SETTLES_S)
    rows = [("Barnabas, empty", *empty_directory(case, zookeeper, runs), 0.1, 30)]
    rows.append(
        (
            f"Barnabas, {topics * partitions:,} partitions",
            *many_partitions(case, zookeeper, 3 if quick else 5, topics, partitions),
            3.0,
            None,
        )
    )
    if with_kafka:
        rows.append(
            ("Apache Kafka, empty", *kafka_empty_directory(case, zookeeper, 3), None, None)
        )
    return [
        dict(
            what=what,
            seconds=seconds,
            median_s=statistics.median(seconds),
            resident_mb=resident,
            limit_s=limit_s,
            limit_mb=limit_mb,
        )
        for what, seconds, resident, limit_s, limit_mb in rows
    ]
