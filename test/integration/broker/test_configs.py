"""Configs changed in a running broker: nothing is lost, what is accepted has its effect."""

import json
import struct

from harness import kafka_tools
from harness.waiting import wait_until
from harness.wire import Wire, array, batch, text
from harness.zkcli import ZkClient

INCREMENTAL_ALTER_CONFIGS = 44
TOPIC, BROKER = 2, 4
SET, DELETE = 0, 1
INVALID_REQUEST, MESSAGE_TOO_LARGE = 42, 10


def zookeeper_of(broker):
    return broker._settings["zookeeper.connect"]  # pylint: disable=protected-access


def alter(client, kind, name, **changes):
    """Values of None delete. Returns (error code, message)."""
    configs = []
    for key, value in changes.items():
        operation = DELETE if value is None else SET
        configs.append(
            text(key.replace("_", "."))
            + struct.pack(">b", operation)
            + text(None if value is None else str(value))
        )
    body = array([struct.pack(">b", kind) + text(name) + array(configs)]) + b"\0"
    answer = client.request(INCREMENTAL_ALTER_CONFIGS, 0, body)
    answer.unpack("i")
    return answer.array(lambda r: (r.unpack("h"), r.text(), r.unpack("b"), r.text()))[0][:2]


def altered(client, kind, name, **changes):
    code, message = alter(client, kind, name, **changes)
    assert code == 0, (changes, code, message)


def test_changes_one_after_the_other_all_survive(case):
    broker = case.single()
    kafka_tools.create_topic(broker, "t")
    with Wire(broker.port) as client, ZkClient(zookeeper_of(broker)) as zookeeper:
        for i in range(1, 16):
            altered(client, BROKER, "0", message_max_bytes=1_000_000 + i)
            altered(client, BROKER, "0", log_retention_ms=100_000_000 + i)
            config = zookeeper.get_json("/config/brokers/0")["config"]
            assert config["message.max.bytes"] == str(1_000_000 + i)
            assert config["log.retention.ms"] == str(100_000_000 + i)
        for i in range(5):
            altered(client, TOPIC, "t", retention_ms=1000 + i)
            altered(client, TOPIC, "t", segment_ms=1000 + i)
        assert alter(client, TOPIC, "t", retention_ms=1004) == (0, None)
        config = zookeeper.get_json("/config/topics/t")["config"]
        assert config == {"retention.ms": "1004", "segment.ms": "1004"}


def endpoints(zookeeper):
    return zookeeper.get_json("/brokers/ids/0")["endpoints"]


def test_what_is_accepted_has_its_effect(case):
    broker = case.single()
    kafka_tools.create_topic(broker, "t")
    with Wire(broker.port) as client, ZkClient(zookeeper_of(broker)) as zookeeper:
        altered(client, BROKER, "0", message_max_bytes=500)

        def answer():
            return client.produce("t", {0: batch([b"x" * 1000])})[0][0]

        wait_until(lambda: answer() == MESSAGE_TOO_LARGE, 10, "message.max.bytes")
        altered(client, BROKER, "0", message_max_bytes=None)
        wait_until(lambda: answer() == 0, 10, "message.max.bytes, deleted")

        altered(client, BROKER, "0", max_connections_per_ip=3)

        def connections():
            opened = [Wire(broker.port, timeout_s=0.5) for _ in range(4)]
            try:
                return sum(not one.is_closed() for one in opened)
            finally:
                for one in opened:
                    one.close()

        # The broker's own connections to itself count as well.
        wait_until(lambda: connections() < 4, 10, "max.connections.per.ip")
        altered(client, BROKER, "0", max_connections_per_ip=None)
        wait_until(lambda: connections() == 4, 10, "max.connections.per.ip, deleted")

        altered(client, BROKER, "", log_cleaner_threads=2)
        broker.log.wait_for("log cleaner restarted with 2 threads")
        altered(
            client, BROKER, "0", advertised_listeners=f"PLAINTEXT://localhost:{broker.port}"
        )
        wait_until(
            lambda: endpoints(zookeeper) == [f"PLAINTEXT://localhost:{broker.port}"],
            10,
            "advertised.listeners",
        )


def test_what_has_no_effect_is_refused(case):
    broker = case.single()
    with Wire(broker.port) as client:
        for changes in (
            {"listeners": f"PLAINTEXT://127.0.0.1:{broker.port},B://127.0.0.1:1"},
            {"listeners": "PLAINTEXT://127.0.0.1:1"},
            {"leader_replication_throttled_rate": 2},
            {"metric_reporters": "a.B"},
        ):
            code, message = alter(client, BROKER, "0", **changes)
            assert code == INVALID_REQUEST and message, (changes, code, message)


def test_a_start_on_bad_config_nodes(case):
    broker = case.single()
    kafka_tools.create_topic(broker, "t")
    kafka_tools.create_topic(broker, "u")
    with Wire(broker.port) as client:
        altered(client, BROKER, "0", log_retention_ms=5000)
        altered(client, BROKER, "", log_cleaner_threads=2)
    broker.stop()
    with ZkClient(zookeeper_of(broker)) as zookeeper:
        zookeeper.set("/config/brokers/0", b"junk")
        bad = {"version": 1, "config": {"max.connections": "X", "message.max.bytes": "500"}}
        zookeeper.set("/config/brokers/<default>", json.dumps(bad).encode())
        zookeeper.set("/config/topics/u", b"\xff\xfe")
    broker.start()
    assert len(broker.log.lines(r"max\.connections=X is ignored")) == 1
    assert len(broker.log.lines(r"/config/brokers/0 .*(as empty|makes no sense)")) <= 2
    with Wire(broker.port) as client:
        for topic in ("t", "u"):
            code = client.produce(topic, {0: batch([b"x" * 1000])})[0][0]
            assert code == MESSAGE_TOO_LARGE, code


def test_an_authorizer_that_lets_everybody_in(case):
    settings = {
        "authorizer.class.name": "kafka.security.authorizer.AclAuthorizer",
        "allow.everyone.if.no.acl.found": "true",
    }
    broker = case.single(settings=settings)
    assert len(broker.log.lines("authorization is not built yet")) == 1
    with ZkClient(zookeeper_of(broker)) as zookeeper:
        for path in ("/kafka-acl", "/kafka-acl/Topic"):
            zookeeper.create(path, b"")
    broker.restart()
    broker.stop()
    with ZkClient(zookeeper_of(broker)) as zookeeper:
        zookeeper.create("/kafka-acl/Topic/secret", b"{}")
    broker.fail_to_start("authorizer.class.name", "/kafka-acl/Topic/secret")
