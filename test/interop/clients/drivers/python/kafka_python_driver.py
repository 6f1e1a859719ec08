"""kafka-python, old (2.0) and new (3)."""

import sys

import kafka
import kafka.errors
from kafka.admin import KafkaAdminClient
from protocol import Member, Refused, emit, emit_record, read_all, serve

NEW = int(kafka.__version__.split(".")[0]) >= 3


class Listener(kafka.ConsumerRebalanceListener):
    def __init__(self, member):
        self._member = member

    def on_partitions_revoked(self, revoked):
        self._member.change(lambda owned: owned - {tp.partition for tp in revoked})

    def on_partitions_assigned(self, assigned):
        # The new client tells in cooperative mode what was added, otherwise everything.
        self._member.change(lambda owned: owned | {tp.partition for tp in assigned})

    def on_partitions_lost(self, lost):
        self.on_partitions_revoked(lost)


class KafkaPython(Member):
    def _refusal(self, error, topic):
        if isinstance(error, kafka.errors.MessageSizeTooLargeError):
            return Refused("too_large", repr(error))
        if isinstance(error, kafka.errors.UnknownTopicOrPartitionError):
            return Refused("unknown_topic", repr(error))
        if isinstance(error, kafka.errors.KafkaTimeoutError) and self._is_unknown(topic):
            return Refused("unknown_topic", f"{error!r}, and the broker says 3 in its metadata")
        return Refused("other", repr(error))

    def _is_unknown(self, topic):
        """send() only says that it has waited for metadata; what these were is asked anew."""
        admin = KafkaAdminClient(bootstrap_servers=self._address)
        try:
            return admin.describe_topics([topic])[0]["error_code"] == 3
        finally:
            admin.close()

    def produce(self, options):
        codec = options.get("codec")
        settings = {
            "bootstrap_servers": self._address,
            "compression_type": None if codec == "none" else codec,
            "max_block_ms": options.number("timeout_ms", 30_000),
            "acks": "all",
            "linger_ms": 20,
        }
        if NEW:
            settings["enable_idempotence"] = "idempotent" in options
        if "max_bytes" in options:
            settings["max_request_size"] = options.number("max_bytes") + 100_000
        producer = kafka.KafkaProducer(**settings)
        try:
            futures = [
                producer.send(
                    options["topic"],
                    key=key,
                    value=value,
                    headers=options.headers(),
                    partition=options.number("partition"),
                )
                for key, value in options.records()
            ]
            producer.flush(30)
            for future in futures:
                future.get(1)
        except kafka.errors.KafkaError as e:
            raise self._refusal(e, options["topic"]) from None
        finally:
            producer.close(5)
        emit("produced")

    def read(self, options):
        partition = kafka.TopicPartition(options["topic"], options.number("partition"))
        consumer = kafka.KafkaConsumer(
            bootstrap_servers=self._address,
            group_id=None,
            max_partition_fetch_bytes=options.number("max_bytes", 1 << 20) + 100_000,
        )
        consumer.assign([partition])
        if "time_ms" in options:
            found = consumer.offsets_for_times({partition: options.number("time_ms")})
            consumer.seek(partition, found[partition].offset)
        else:
            consumer.seek_to_beginning(partition)

        def take(left):
            came = [r for rs in consumer.poll(200, max_records=left).values() for r in rs]
            for r in came:
                emit_record(r.partition, r.offset, r.key, r.value, r.headers)
            return len(came)

        read_all(options, consumer, take)

    def join(self, options):
        session_ms = options.number("session_ms", 10_000)
        settings = {
            "bootstrap_servers": self._address,
            "group_id": options["group"],
            "auto_offset_reset": "earliest",
            "enable_auto_commit": False,
            "session_timeout_ms": session_ms,
            "heartbeat_interval_ms": min(500, session_ms // 3),
            "metadata_max_age_ms": 5_000,
        }
        if "instance" in options:
            settings["group_instance_id"] = options["instance"]
        if options.get("protocol") == "cooperative":
            from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor

            settings["partition_assignment_strategy"] = [CooperativeStickyAssignor]
        self._left = options.number("limit")
        self._consumer = kafka.KafkaConsumer(**settings)
        self._consumer.subscribe([options["topic"]], listener=Listener(self))
        self.joined = True

    def poll(self):
        for partition, records in self._consumer.poll(100).items():
            for r in records:
                if not self.may_take():
                    break
                self._next[partition] = r.offset + 1
                emit_record(r.partition, r.offset, r.key, r.value, r.headers)

    def commit(self, _options):
        no_epoch = [-1] if NEW else []
        offsets = {tp: kafka.OffsetAndMetadata(at, "", *no_epoch) for tp, at in self._next.items()}
        self._consumer.commit(offsets)
        emit("committed")


if __name__ == "__main__":
    serve(KafkaPython(sys.argv[1]))
