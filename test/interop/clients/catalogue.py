"""Which clients the table has, every version pinned, and what a client cannot do by its nature."""

import dataclasses

DEBIAN = "Debian"


@dataclasses.dataclass(frozen=True)
class Client:
    """One row. `packages` are what the client's own package manager installs, at their versions."""

    name: str
    driver: str
    source: str
    version: str
    packages: tuple = ()
    # Scenario: why this client has no way to do it, with the place in its source that says so.
    impossible: dict = dataclasses.field(default_factory=dict)
    # What a reader of the table should know of how it passes.
    remark: str = ""


OLD_KAFKA_PYTHON = {
    "idempotent": "kafka/record/memory_records.py:124 builds every batch with producer id -1",
    "cooperative": "eager only: kafka/coordinator/consumer.py:343 (_on_join_prepare) gives up "
    "everything before each join",
    "static": "kafka/coordinator/base.py:473 sends JoinGroup 2 at most: no group instance",
}
KAFKAJS = {
    "cooperative": "eager only: src/consumer/consumerGroup.js:174 offers the assigners nothing but "
    "the topics, no owned partitions, and no second join follows",
    "static": "src/broker/index.js:384 (joinGroup) passes no group instance",
}
KAFKA_GO = {
    "idempotent": "protocol/record_v2.go:205 writes producer id -1 into every batch",
}

CLIENTS = (
    Client("python3-kafka", "kafka_python", DEBIAN, "2.0.2", impossible=OLD_KAFKA_PYTHON),
    Client("python3-confluent-kafka", "confluent", DEBIAN, "1.7.0"),
    Client("kcat", "kcat", DEBIAN, "1.7.1"),
    Client("Java", "java", "Maven", "2.4.1", ("org.apache.kafka:kafka-clients:2.4.1",)),
    Client("Java", "java", "Maven", "3.9.1", ("org.apache.kafka:kafka-clients:3.9.1",)),
    Client("Java", "java", "Maven", "4.4.0", ("org.apache.kafka:kafka-clients:4.4.0",)),
    Client(
        "kafka-python",
        "kafka_python",
        "pip",
        "3.0.12",
        (
            "kafka-python==3.0.12",
            "lz4==4.4.5",
            "python-snappy==0.7.3",
            "zstandard==0.25.0",
        ),
    ),
    Client("confluent-kafka", "confluent", "pip", "2.16.1", ("confluent-kafka==2.16.1",)),
    Client(
        "kafkajs",
        "kafkajs",
        "npm",
        "2.2.4",
        ("kafkajs@2.2.4", "kafkajs-snappy@1.1.0", "lz4-napi@2.10.0", "zstd-codec@0.1.5"),
        impossible=KAFKAJS,
    ),
    Client("franz-go", "franz_go", "Go", "1.22.2", ("github.com/twmb/franz-go@v1.22.2",)),
    Client("sarama", "sarama", "Go", "1.61.1", ("github.com/IBM/sarama@v1.61.1",)),
    Client(
        "kafka-go",
        "kafka_go",
        "Go",
        "0.4.51",
        ("github.com/segmentio/kafka-go@v0.4.51",),
        impossible=KAFKA_GO,
        remark="cooperative and static by the single requests of its Client, as its ConsumerGroup "
        "has neither",
    ),
)


def label(client):
    return f"{client.name} {client.version}"
