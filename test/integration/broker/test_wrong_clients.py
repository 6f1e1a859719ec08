"""Clients that mean something else than this listener, or ask for what is not there: they and the
operator are told so at once."""

import struct
import time

from harness import kafka_tools, kcat, process
from harness.messages import Messages
from harness.waiting import wait_until

ILLEGAL_SASL_STATE, UNSUPPORTED_VERSION, COORDINATOR_NOT_AVAILABLE = 34, 35, 15
SASL_HANDSHAKE, SASL_AUTHENTICATE = 17, 36


def test_sasl_on_a_plain_listener(case):
    broker = case.single()
    with Messages(broker.port) as client:
        offered = client.api_versions()
        assert offered[SASL_HANDSHAKE] == (0, 1) and offered[SASL_AUTHENTICATE] == (0, 2), offered
        for version in (0, 1):
            answer = client.ask("SaslHandshake", version, {"mechanism": "PLAIN"})
            assert answer == {"error_code": ILLEGAL_SASL_STATE, "mechanisms": []}, answer
        for version in (0, 1, 2):
            answer = client.ask("SaslAuthenticate", version, {"auth_bytes": b"\0me\0secret"})
            assert answer["error_code"] == ILLEGAL_SASL_STATE, answer
            assert answer["auth_bytes"] == b"", answer
            said = "SaslAuthenticate request received after successful authentication"
            assert answer["error_message"] == said, answer
    broker.log.wait_for("a client wants SASL on a listener without it.*PLAINTEXT", 10)
    assert not broker.log.lines("secret")


def test_a_client_with_sasl_says_so_at_once(case):
    broker = case.single()
    settings = {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "me",
        "sasl.password": "secret",
    }
    options = [part for name, value in settings.items() for part in ("-X", f"{name}={value}")]
    began = time.monotonic()
    done = process.run(["kcat", "-b", broker.address, "-L", "-m", "20", *options])
    assert done.returncode != 0
    assert "current SASL state" in done.stderr, done.stderr
    assert time.monotonic() - began < 25


def test_transactions_are_refused_in_words(case):
    """Not with a code that a producer retries until its max.block.ms is over."""
    broker = case.single()
    with Messages(broker.port) as client:
        for version in range(1, 7):
            keys = {"coordinator_keys": ["my-id"]} if version >= 4 else {"key": "my-id"}
            answer = client.ask("FindCoordinator", version, {"key_type": 1, **keys})
            found = answer["coordinators"][0] if version >= 4 else answer
            assert found["error_code"] == UNSUPPORTED_VERSION, answer
            assert "Transactions are not available" in found["error_message"], answer
        request = {"transactional_id": "my-id", "transaction_timeout_ms": 1000}
        assert client.ask("InitProducerId", 4, request)["error_code"] == UNSUPPORTED_VERSION
    broker.log.wait_for('transactional.id="my-id" client="wire" peer=127.0.0.1', 10)


def test_the_offsets_topic_cannot_be_created(case):
    """One line with both remedies, however often clients ask; the consumer says what it awaits."""
    broker = case.single(settings={"offsets.topic.replication.factor": 3})
    kafka_tools.create_topic(broker, "t")
    kcat.produce(broker, "t", b"x\n" * 10)
    consumer = kafka_tools.start_tool(
        case,
        "kafka-console-consumer",
        *("--bootstrap-server", broker.address, "--topic", "t", "--group", "g"),
    )
    began = time.monotonic()
    line = consumer.log.wait_for("^WARN Waiting for", 30)
    assert "coordinator of group g" in line and "offsets.topic.replication.factor" in line, line
    assert time.monotonic() - began > 3
    with Messages(broker.port) as client:
        for _ in range(50):
            answer = client.ask("FindCoordinator", 1, {"key": "g"})
            assert answer["error_code"] == COORDINATOR_NOT_AVAILABLE
    told = broker.log.lines("offsets.topic.replication.factor")
    told = [x for x in told if "__consumer_offsets" in x]
    assert len(told) == 1, told
    assert "start as many brokers" in told[0] and "restart" in told[0], told
    assert consumer.terminate() == 143
    assert len(consumer.log.lines("Waiting for")) == 1


def test_a_consumer_says_which_topic_it_awaits(case):
    broker = case.single(settings={"auto.create.topics.enable": "false"})
    one = kafka_tools.start_tool(
        case,
        "kafka-console-consumer",
        *("--bootstrap-server", broker.address, "--topic", "none"),
        log_name="one.log",
    )
    other = kafka_tools.start_tool(
        case,
        "kafka-console-consumer",
        *("--bootstrap-server", broker.address, "--topic", "none", "--partition", 0),
        log_name="other.log",
    )
    one.log.wait_for("^WARN Waiting for topic none: there is none yet", 30)
    other.log.wait_for("^WARN Waiting for partition 0 of topic none", 30)
    one.terminate()
    other.terminate()
