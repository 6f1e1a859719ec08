"""server.log and kafkaServer.out: bounded, opened anew on SIGHUP, at the level that is set, each
line once; and strangers at the port are named as what they are."""

import os
import signal
import socket

from harness import kafka_tools
from harness.messages import Messages
from harness.waiting import wait_until
from harness.zkcli import ZkClient

BROKER = 4
STARTED = "started (kafka.server.KafkaServer)"
LIMIT_BYTES = 4000


def server_log(broker):
    return broker.directory / "logs" / "server.log"


def alter(broker, **values):
    configs = [
        {"name": key.replace("_", "."), "config_operation": 0, "value": value}
        for key, value in values.items()
    ]
    resource = {"resource_type": BROKER, "resource_name": str(broker.broker_id), "configs": configs}

    def is_done():
        with Messages(broker.port) as client:
            answer = client.ask("IncrementalAlterConfigs", 1, {"resources": [resource]})
        return answer["responses"][0]["error_code"] == 0

    wait_until(is_done, 20, "the config is changed")  # not before there is a controller


def provoke(broker):
    """Something at debug level: a connection that comes and goes."""
    with Messages(broker.port) as client:
        client.api_versions()


def test_files_are_bounded(case):
    broker = case.single(
        settings={"barnabas.log.file.bytes": LIMIT_BYTES, "barnabas.log.files": 2}
    )
    for number in range(20):
        kafka_tools.create_topic(broker, f"topic-{number}")
    file = server_log(broker)
    names = sorted(path.name for path in file.parent.iterdir())
    assert names == ["server.log", "server.log.1", "server.log.2"], names
    for name in names:
        assert (file.parent / name).stat().st_size <= LIMIT_BYTES, name
    # One after the other they hold what the terminal showed, without a gap.
    kept = "".join((file.parent / name).read_text() for name in reversed(names))
    assert kept.count("\n") > 20, kept

    def is_shown():
        return kept.strip() in "\n".join(broker.log.lines())

    wait_until(is_shown, 10, "the same lines on the terminal")


def test_level_at_the_start_and_at_runtime(case):
    broker = case.single(settings={"barnabas.log.level": "warn"}, start=False)
    broker.start(wait=False)
    wait_until(lambda: answers(broker), 30, "an answer")
    assert not broker.log.lines(" INFO .*KafkaServer"), "said at WARN"
    alter(broker, barnabas_log_level="debug")

    def is_told():
        provoke(broker)
        return broker.log.lines(" DEBUG connection closed")

    wait_until(is_told, 20, "debug lines")
    alter(broker, barnabas_log_level="error")
    wait_until(lambda: is_silent(broker), 20, "silence")
    alter(broker, barnabas_log_level="info")
    broker.log.wait_for(" INFO broker config changed", 20)


def answers(broker):
    try:
        provoke(broker)
    except OSError:
        return False
    return True


def is_silent(broker):
    before = broker.log.position()
    provoke(broker)
    provoke(broker)
    return not broker.log.lines(since=before)


def test_opened_anew_on_sighup(case):
    broker = case.single()
    file = server_log(broker)
    moved = file.with_name("moved")
    os.rename(file, moved)
    broker.process.send(signal.SIGHUP)
    wait_until(file.exists, 20, "a new file")
    kafka_tools.create_topic(broker, "t")
    wait_until(lambda: "t" in file.read_text(), 20, "lines in it")
    assert STARTED in moved.read_text() and STARTED not in file.read_text()
    assert broker.running()


def test_daemon(case):
    """Each line once in either file, both bounded and opened anew."""
    zookeeper = case.zookeeper()
    node_id = case.random.randrange(100_000, 900_000)
    broker = case.broker(
        zookeeper,
        start=False,
        settings={
            "broker.id": node_id,
            "reserved.broker.max.id": 1_000_000,
            "barnabas.log.file.bytes": LIMIT_BYTES,
            "barnabas.log.files": 1,
        },
    )
    logs = case.path("daemon-logs", "x").parent
    environment = {"LOG_DIR": str(logs)}
    properties = broker.write_properties()
    kafka_tools.ok("kafka-server-start", "-daemon", properties, environment=environment)
    case.at_end(lambda: kafka_tools.tool("kafka-server-stop", f"--node-id={node_id}"))
    with ZkClient(zookeeper) as client:
        client.wait_exists(f"/brokers/ids/{node_id}")
        for name in ("server.log", "kafkaServer.out"):
            file = logs / name
            older = logs / (name + ".1")

            def text(file=file, older=older):
                return (older.read_text() if older.exists() else "") + file.read_text()

            wait_until(lambda read=text: STARTED in read(), 30, f"{name}: started")
            lines = text().splitlines()
            assert len(lines) == len(set(lines)), (name, lines)
        for number in range(20):
            kafka_tools.create_topic(broker, f"topic-{number}")
        for name in ("server.log", "kafkaServer.out"):
            for path in logs.glob(name + "*"):
                assert path.stat().st_size <= LIMIT_BYTES, path
        kafka_tools.ok("kafka-server-stop", f"--node-id={node_id}")
        client.wait_gone(f"/brokers/ids/{node_id}")


def test_a_failed_start_is_said_once(case):
    """... where stdout and stderr are one, and in server.log too."""
    broker = case.broker(case.zookeeper(), start=False, settings={"log.retention.ms": "x"})
    broker.start(wait=False)
    assert broker.wait() == 1
    assert len(broker.log.lines("log.retention.ms")) == 1, broker.log.lines()
    assert "log.retention.ms" in server_log(broker).read_text()


def test_strangers_are_named(case):
    broker = case.single()
    for first_bytes, name in (
        (b"GET / HTTP/1.1\r\nHost: kafka\r\n\r\n", "HTTP"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40), "TLS"),
        (b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n", "PROXY"),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12), "PROXY"),
    ):
        before = broker.log.position()

        def is_named(first_bytes=first_bytes, name=name, before=before):
            with socket.create_connection(("127.0.0.1", broker.port), 10) as stranger:
                stranger.sendall(first_bytes)
                assert stranger.recv(1) == b""
            return broker.log.lines(f"peer=127.0.0.1.*listener=PLAINTEXT.*{name}", since=before)

        wait_until(is_named, 20, name, poll_s=0.3)  # a line a second
    before = broker.log.position()
    for _ in range(200):
        with socket.create_connection(("127.0.0.1", broker.port), 10) as stranger:
            stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
            stranger.recv(1)
    assert len(broker.log.lines("HTTP", since=before)) < 20
