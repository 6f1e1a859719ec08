"""confluent-kafka, which is librdkafka behind Python."""

import sys

import confluent_kafka as ck
from protocol import Member, Refused, emit, emit_record, read_all, serve

KINDS = {
    ck.KafkaError.MSG_SIZE_TOO_LARGE: "too_large",
    ck.KafkaError.UNKNOWN_TOPIC_OR_PART: "unknown_topic",
    ck.KafkaError._UNKNOWN_TOPIC: "unknown_topic",
}


def refusal(error):
    return Refused(KINDS.get(error.code(), "other"), str(error))


class Confluent(Member):
    def produce(self, options):
        errors = []
        producer = ck.Producer(
            {
                "bootstrap.servers": self._address,
                "compression.codec": options.get("codec", "none"),
                "enable.idempotence": "idempotent" in options,
                "message.max.bytes": options.number("max_bytes", 1_000_000),
                "topic.metadata.propagation.max.ms": 500,
                "message.timeout.ms": options.number("timeout_ms", 30_000),
                "linger.ms": 5,
            }
        )

        def delivered(error, _message):
            if error is not None:
                errors.append(error)

        for key, value in options.records():
            try:
                producer.produce(
                    options["topic"],
                    key=key,
                    value=value,
                    headers=options.headers(),
                    partition=options.number("partition"),
                    on_delivery=delivered,
                )
            except ck.KafkaException as e:
                raise refusal(e.args[0]) from None
        if producer.flush(40):
            raise Refused("other", "not delivered")
        if errors:
            raise refusal(errors[0])
        emit("produced")

    def _new_consumer(self, **settings):
        return ck.Consumer(
            {
                "bootstrap.servers": self._address,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "topic.metadata.refresh.interval.ms": 5000,
                **{key.replace("_", "."): value for key, value in settings.items()},
            }
        )

    def read(self, options):
        partition = ck.TopicPartition(options["topic"], options.number("partition"))
        consumer = self._new_consumer(
            group_id="unused", fetch_message_max_bytes=options.number("max_bytes", 1 << 20)
        )
        partition.offset = ck.OFFSET_BEGINNING
        if "time_ms" in options:
            partition.offset = options.number("time_ms")
            (partition,) = consumer.offsets_for_times([partition], timeout=20)
        consumer.assign([partition])

        def take(_left):
            message = consumer.poll(0.2)
            if message is None:
                return 0
            self._tell(message)
            return 1

        read_all(options, consumer, take)

    def _tell(self, message):
        if message.error():
            raise refusal(message.error())
        emit_record(
            message.partition(), message.offset(), message.key(), message.value(), message.headers()
        )

    def join(self, options):
        session_ms = options.number("session_ms", 10_000)
        cooperative = options.get("protocol") == "cooperative"
        settings = {
            "group_id": options["group"],
            "session_timeout_ms": session_ms,
            "heartbeat_interval_ms": min(500, session_ms // 3),
            "partition_assignment_strategy": "cooperative-sticky" if cooperative else "range",
        }
        if "instance" in options:
            settings["group_instance_id"] = options["instance"]
        self._left = options.number("limit")
        self._consumer = self._new_consumer(**settings)

        def changed(how):
            def call(_consumer, partitions):
                named = {tp.partition for tp in partitions}
                self.change(lambda owned: how(owned, named))

            return call

        self._consumer.subscribe(
            [options["topic"]],
            on_assign=changed(lambda owned, added: owned | added),
            on_revoke=changed(lambda owned, gone: owned - gone),
        )
        self.joined = True

    def poll(self):
        message = self._consumer.poll(0.1)
        if message is None or not self.may_take():
            return
        self._tell(message)
        self._next[message.topic(), message.partition()] = message.offset() + 1

    def commit(self, _options):
        offsets = [ck.TopicPartition(*where, at) for where, at in self._next.items()]
        self._consumer.commit(offsets=offsets, asynchronous=False)
        emit("committed")


if __name__ == "__main__":
    serve(Confluent(sys.argv[1]))
