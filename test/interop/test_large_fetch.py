"""A librdkafka consumer whose limits leave an answer no room beside what it asked for.

receive.message.max.bytes is fetch.max.bytes and 512, the least that librdkafka takes. The framing
of 500 partitions takes 30 to 42 bytes each: where it is not counted the consumer refuses each
answer, and asks again for ever.
"""

from harness import kafka_tools
from harness.wire import Wire, batch

PARTITIONS = 500
ROUNDS = 4
VALUE_BYTES = 5000
FETCH_BYTES = 2_400_000
LIMIT_S = 120


def test_framing_is_counted(case):
    try:
        from confluent_kafka import Consumer  # pylint: disable=import-outside-toplevel
    except ImportError:
        case.skip("python3-confluent-kafka is not installed")
    broker = case.single()
    kafka_tools.create_topic(broker, "wide", partitions=PARTITIONS)
    with Wire(broker.port) as client:
        for _ in range(ROUNDS):
            for first in range(0, PARTITIONS, 50):
                sent = {p: batch([b"x" * VALUE_BYTES]) for p in range(first, first + 50)}
                answer = client.produce("wide", sent)
                assert all(code == 0 for code, _ in answer.values()), answer
    refused = []
    consumer = Consumer(
        {
            "bootstrap.servers": broker.address,
            "group.id": "g",
            "auto.offset.reset": "earliest",
            "fetch.max.bytes": FETCH_BYTES,
            "receive.message.max.bytes": FETCH_BYTES + 512,
            "message.max.bytes": 1_000_000,
            "max.partition.fetch.bytes": 1_000_000,
            "error_cb": lambda error: refused.append(str(error)),
        }
    )
    case.at_end(consumer.close)
    consumer.subscribe(["wide"])
    wanted = PARTITIONS * ROUNDS
    seen = set()
    for _ in range(60):
        for message in consumer.consume(1000, timeout=1):
            assert message.error() is None, message.error()
            seen.add((message.partition(), message.offset()))
        if len(seen) == wanted:
            break
    assert len(seen) == wanted, f"{len(seen)} of {wanted}; {refused[:3]}"
    assert not refused, refused[:3]
