"""The requests that are asked of both brokers, in this order: (what it is, API, request, versions).

A request is a dict, or a function of the version and of the broker's topic ids that returns one.
Versions: None for all. What one request changes, the later ones see on both brokers alike.
"""

from harness import wire

TOPIC, BROKER = 2, 4
UNKNOWN_ID = bytes(range(16))


def create(name, **fields):
    return {"name": name, "num_partitions": 1, "replication_factor": 1, **fields}


def retention(value):
    return {"name": "retention.ms", "value": value}


def creating(*topics, **fields):
    return "CreateTopics", {"topics": list(topics), "timeout_ms": 10_000, **fields}


def altering(kind, name, configs, **fields):
    resource = {"resource_type": kind, "resource_name": name, "configs": configs}
    return {"resources": [resource], **fields}


def describing(kind, name, keys, **fields):
    resource = {"resource_type": kind, "resource_name": name, "configuration_keys": keys}
    return "DescribeConfigs", {"resources": [resource], **fields}


def topic_requests():
    yield "a topic each", "CreateTopics", lambda v, _: creating(create(f"new-{v}"))[1], None
    for what, topic in (
        ("one that exists", create("t")),
        ("an invalid name", create("a/b")),
        ("a name that is too long", create("x" * 250)),
        ("no partition", create("n", num_partitions=0)),
        ("too many replicas", create("n", replication_factor=3)),
        ("no replica", create("n", replication_factor=0)),
        ("an unknown config", create("n", configs=[{"name": "no.such", "value": "1"}])),
        ("a config that is no number", create("n", configs=[retention("x")])),
        ("a null config", create("n", configs=[retention(None)])),
        (
            "assignment and counts",
            create("n", assignments=[{"partition_index": 0, "broker_ids": [0]}]),
        ),
        (
            "a gap in the assignment",
            create(
                "n",
                num_partitions=-1,
                replication_factor=-1,
                assignments=[{"partition_index": 1, "broker_ids": [0]}],
            ),
        ),
        ("a name that collides", create("collides_a.b")),
        ("the metadata topic", create("__cluster_metadata")),
    ):
        yield what, *creating(topic), None
    yield "twice", *creating(create("d"), create("d")), None
    yield "without patience", "CreateTopics", lambda v, _: creating(
        create(f"fast-{v}"), timeout_ms=0
    )[1], None
    yield "to be validated only", *creating(create("n"), validate_only=True), range(1, 8)
    yield "partitions that are there", "CreatePartitions", more("t", 2), None
    yield "fewer partitions", "CreatePartitions", more("t", 1), None
    yield "partitions of an unknown topic", "CreatePartitions", more("none", 3), None
    yield "partitions by a wrong assignment", "CreatePartitions", more("t", 3, [[9]]), None
    yield "too many assignments", "CreatePartitions", more("t", 3, [[0], [0]]), None
    yield "more partitions, validated", "CreatePartitions", more("t", 3, validate_only=True), None
    yield "more without patience", "CreatePartitions", lambda v, _: {
        **more("collides.a_b", v + 2),
        "timeout_ms": 0,
    }, None
    twice = {"topics": more("t", 3)["topics"] * 2, "timeout_ms": 1000}
    yield "partitions of one topic twice", "CreatePartitions", twice, None
    old = range(6)
    yield "one by name", "DeleteTopics", lambda v, _: named(f"new-{v}"), old
    yield "an unknown name", "DeleteTopics", named("none"), old
    yield "a name twice", "DeleteTopics", named("none", "none"), old
    new = range(6, 7)
    yield "one by id", "DeleteTopics", lambda _, ids: {
        "topics": [{"topic_id": ids["new-6"]}],
        "timeout_ms": 10_000,
    }, new
    yield "an unknown id", "DeleteTopics", {"topics": [{"topic_id": UNKNOWN_ID}]}, new
    yield "an unknown name in the new form", "DeleteTopics", {"topics": [{"name": "none"}]}, new
    yield "id and name", "DeleteTopics", {"topics": [{"name": "t", "topic_id": UNKNOWN_ID}]}, new
    yield "neither", "DeleteTopics", {"topics": [{}]}, new


def more(name, count, assignments=None, **fields):
    topic = {"name": name, "count": count, "assignments": None}
    if assignments is not None:
        topic["assignments"] = [{"broker_ids": ids} for ids in assignments]
    return {"topics": [topic], "timeout_ms": 10_000, **fields}


def named(*names):
    return {"topic_names": list(names), "timeout_ms": 10_000}


def config_requests():
    one = [{"name": "retention.ms", "value": "1000000"}]
    for what, kind, name, configs in (
        ("a topic", TOPIC, "t", one),
        ("an unknown topic", TOPIC, "none", one),
        ("no topic", TOPIC, "", one),
        ("an invalid topic name", TOPIC, "a/b", one),
        ("a value of the wrong type", TOPIC, "t", [{"name": "retention.ms", "value": "x"}]),
        ("a value out of range", TOPIC, "t", [{"name": "max.message.bytes", "value": "-5"}]),
        ("a word that is none of them", TOPIC, "t", [{"name": "cleanup.policy", "value": "x"}]),
        ("an unknown key", TOPIC, "t", [{"name": "no.such", "value": "1"}]),
        ("a null value", TOPIC, "t", [{"name": "retention.ms", "value": None}]),
        ("a key twice", TOPIC, "t", one * 2),
        ("another broker", BROKER, "7", [{"name": "log.cleaner.threads", "value": "1"}]),
        ("no broker number", BROKER, "x", [{"name": "log.cleaner.threads", "value": "1"}]),
        ("this broker", BROKER, "0", [{"name": "log.cleaner.backoff.ms", "value": "15001"}]),
        ("all brokers", BROKER, "", [{"name": "log.cleaner.backoff.ms", "value": "15002"}]),
        ("a value that is no number", BROKER, "0", [{"name": "log.retention.ms", "value": "x"}]),
        ("a key that is read at the start", BROKER, "0", [{"name": "broker.id", "value": "1"}]),
        ("a kind that is none", 99, "t", one),
    ):
        yield what, "AlterConfigs", altering(kind, name, configs), None
        yield what, "IncrementalAlterConfigs", altering(kind, name, configs), None
    resources = altering(TOPIC, "t", one)["resources"] * 2
    yield "a resource twice", "AlterConfigs", {"resources": resources}, None
    yield "a resource twice", "IncrementalAlterConfigs", {"resources": resources}, None
    append = {"name": "retention.ms", "config_operation": 2, "value": "1"}
    yield "a number appended", "IncrementalAlterConfigs", altering(TOPIC, "t", [append]), None
    wrong = {**retention("1"), "config_operation": 9}
    request = altering(TOPIC, "t", [wrong])
    yield "an operation that is none", "IncrementalAlterConfigs", request, None
    remove = {**retention(None), "config_operation": 1}
    yield "a key removed", "IncrementalAlterConfigs", altering(TOPIC, "t", [remove]), None
    yield "a topic's key", *describing(TOPIC, "t", ["retention.ms"]), None
    yield "with synonyms", *describing(TOPIC, "t", ["retention.ms"], include_synonyms=True), range(
        1, 5
    )
    yield "an unknown key", *describing(TOPIC, "t", ["no.such"]), None
    yield "no keys", *describing(TOPIC, "t", []), None
    yield "all keys of a topic", *describing(TOPIC, "t", None), None
    yield "an unknown topic", *describing(TOPIC, "none", None), None
    yield "an invalid topic name", *describing(TOPIC, "a/b", None), None
    yield "another broker", *describing(BROKER, "7", None), None
    yield "no broker number", *describing(BROKER, "x", None), None
    yield "this broker's key", *describing(BROKER, "0", ["log.retention.ms", "broker.id"]), None
    yield "all brokers' keys", *describing(BROKER, "", None), None
    yield "a kind that is none", *describing(99, "t", None), None


def partition(name, **fields):
    return {"topics": [{"name": name, "partitions": [{"partition_index": 0, **fields}]}]}


def producing(name, records, acks=1, index=0):
    data = {"name": name, "partition_data": [{"index": index, "records": records}]}
    return {"acks": acks, "timeout_ms": 5000, "topic_data": [data]}


def fetching(version, ids, name, offset, index=0):
    wanted = {"partition": index, "fetch_offset": offset, "partition_max_bytes": 1 << 20}
    topic = {"partitions": [wanted], **({"topic": name} if version < 13 else {})}
    if version >= 13:
        topic["topic_id"] = ids.get(name, UNKNOWN_ID)
    request = {"max_wait_ms": 0, "min_bytes": 0, "max_bytes": 1 << 20, "topics": [topic]}
    return {**request, **({"replica_id": -1} if version < 15 else {})}


def data_requests():
    batch = wire.batch([b"a", b"b"])
    broken = batch[:-1] + bytes([batch[-1] ^ 1])
    versions = range(3, 12)
    yield "a batch", "Produce", producing("t", batch), versions
    yield "a batch with all acks", "Produce", producing("t", batch, acks=-1), versions
    yield "an unknown topic", "Produce", producing("none", batch), versions
    yield "an unknown partition", "Produce", producing("t", batch, index=9), versions
    yield "wrong acks", "Produce", producing("t", batch, acks=5), versions
    yield "a broken batch", "Produce", producing("t", broken), versions
    yield "no batch", "Produce", producing("t", b""), versions
    yield "an unknown sequence", "Produce", producing(
        "t", wire.batch([b"a"], producer=4711, epoch=0, sequence=7)
    ), versions
    yield "an internal topic", "Produce", producing("__consumer_offsets", batch), versions
    yield "no topics", "Produce", {"acks": 1, "timeout_ms": 5000, "topic_data": []}, None
    for what, name, offset, index in (
        ("the start", "t", 0, 0),
        ("behind the end", "t", 1 << 40, 0),
        ("a negative offset", "t", -5, 0),
        ("an empty partition", "t", 0, 1),
        ("an unknown partition", "t", 0, 9),
        ("an unknown topic", "none", 0, 0),
    ):
        yield what, "Fetch", lambda v, ids, n=name, o=offset, i=index: fetching(
            v, ids, n, o, i
        ), range(4, 18)
    session = {"max_wait_ms": 0, "session_id": 12345, "session_epoch": 5}
    yield "an unknown session", "Fetch", session, range(7, 18)
    for time in (-1, -2, -3, -4, -5, -9, 0, 1 << 60):
        yield f"time {time}", "ListOffsets", {
            "replica_id": -1,
            **partition("t", timestamp=time),
        }, range(1, 10)
        yield f"time {time}", "ListOffsets", {
            "replica_id": -1,
            **partition("t", timestamp=time, max_num_offsets=3),
        }, range(1)
    yield "an unknown topic", "ListOffsets", partition("none", timestamp=-1), None
    yield "a wrong epoch", "ListOffsets", partition(
        "t", timestamp=-1, current_leader_epoch=99
    ), range(4, 10)
    for epoch in (0, -1, 7):
        yield f"epoch {epoch}", "OffsetForLeaderEpoch", {
            "topics": [{"topic": "t", "partitions": [{"partition": 0, "leader_epoch": epoch}]}]
        }, None
    unknown = {"topics": [{"topic": "none", "partitions": [{"partition": 0, "leader_epoch": 0}]}]}
    yield "an unknown topic", "OffsetForLeaderEpoch", unknown, None


def metadata_requests():
    yield "a topic", "Metadata", {"topics": [{"name": "t"}]}, None
    asked = {"include_topic_authorized_operations": True}
    yield "with operations", "Metadata", {"topics": [{"name": "t"}], **asked}, range(8, 13)
    everything = {"include_cluster_authorized_operations": True}
    yield "the cluster's operations", "Metadata", {"topics": [], **everything}, range(8, 11)
    unknown = {"topics": [{"name": "none"}]}
    yield "an unknown topic", "Metadata", unknown, None
    yield "operations of an unknown topic", "Metadata", {**unknown, **asked}, range(8, 13)
    yield "an invalid name", "Metadata", {"topics": [{"name": "a/b"}]}, None
    invalid = {"topics": [{"name": "a/b"}], **asked}
    yield "operations of an invalid name", "Metadata", invalid, range(8, 13)
    yield "an unknown id", "Metadata", {"topics": [{"name": None, "topic_id": UNKNOWN_ID}]}, range(
        10, 13
    )
    yield "an unknown id with operations", "Metadata", {
        "topics": [{"name": None, "topic_id": UNKNOWN_ID}],
        **asked,
    }, range(12, 13)
    yield "by id", "Metadata", lambda _, ids: {
        "topics": [{"name": None, "topic_id": ids["t"]}]
    }, range(12, 13)
    yield "neither name nor id", "Metadata", {"topics": [{"name": None}]}, range(10, 13)
    yield "as it is", "DescribeCluster", {}, None
    yield "with operations", "DescribeCluster", everything, None
    for kind in (2, 3):
        yield f"endpoints {kind}", "DescribeCluster", {"endpoint_type": kind}, range(1, 2)
    yield "as it is", "ApiVersions", {
        "client_software_name": "test",
        "client_software_version": "1",
    }, None
    yield "a bad name", "ApiVersions", {"client_software_name": "-"}, range(3, 5)
    yield "any mechanism", "SaslHandshake", {"mechanism": "PLAIN"}, None
    yield "any token", "SaslAuthenticate", {"auth_bytes": b"\0user\0secret"}, None
