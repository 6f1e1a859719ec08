"""A broker that has started and has not heard from the controller yet. It knows neither topics nor
brokers, and whatever it is asked, its answer must be one that clients try again."""

from harness import kafka_tools, wire
from harness.messages import Messages
from harness.waiting import wait_until

NONE, LEADER_NOT_AVAILABLE, NOT_LEADER = 0, 5, 6
LOADING, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR, NOT_CONTROLLER = 14, 15, 16, 41
# As the Java client has it, for requests that go to a coordinator or a leader.
RETRIABLE = {LEADER_NOT_AVAILABLE, NOT_LEADER, LOADING, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR}
TOPIC = 2
SESSION = {"zookeeper.session.timeout.ms": 60_000, "offsets.topic.num.partitions": 1}


def codes(answer):
    """Every error code in an answer, and whatever stands below it."""
    if isinstance(answer, list):
        return [code for item in answer for code in codes(item)]
    if not isinstance(answer, dict):
        return []
    found = [answer["error_code"]] if "error_code" in answer else []
    return found + [code for item in answer.values() for code in codes(item)]


def commit(group):
    entry = {"partition_index": 0, "committed_offset": 5, "committed_metadata": ""}
    return {"group_id": group, "topics": [{"name": "t", "partitions": [entry]}]}


def requests():
    """(API, version, request)"""
    place = {"name": "t", "partitions": [{"partition_index": 0}]}
    for version in (0, 1, 2, 9):
        yield "OffsetCommit", version, commit("g")
    wanted = [{"name": "t", "partition_indexes": [0]}]
    for version in (0, 1, 2):
        yield "OffsetFetch", version, {"group_id": "g", "topics": wanted}
    yield "OffsetFetch", 8, {"groups": [{"group_id": "g", "topics": wanted}]}
    yield "OffsetDelete", 0, {"group_id": "g", "topics": [place]}
    yield "FindCoordinator", 1, {"key": "g"}
    yield "FindCoordinator", 4, {"coordinator_keys": ["g"]}
    yield "JoinGroup", 0, {
        "group_id": "g",
        "session_timeout_ms": 10_000,
        "protocol_type": "consumer",
        "protocols": [{"name": "range", "metadata": b""}],
    }
    yield "SyncGroup", 0, {"group_id": "g", "generation_id": 1, "member_id": "m"}
    yield "LeaveGroup", 0, {"group_id": "g", "member_id": "m"}
    yield "Heartbeat", 0, {"group_id": "g", "generation_id": 1, "member_id": "m"}
    yield "DescribeGroups", 0, {"groups": ["g"]}
    yield "DeleteGroups", 0, {"groups_names": ["g"]}
    yield "ListGroups", 0, {}
    data = {"name": "t", "partition_data": [{"index": 0, "records": wire.batch([b"a"])}]}
    yield "Produce", 7, {"acks": 1, "timeout_ms": 1000, "topic_data": [data]}
    offset = {"partition": 0, "fetch_offset": 0, "partition_max_bytes": 1000}
    yield "Fetch", 4, {
        "max_wait_ms": 0,
        "min_bytes": 0,
        "topics": [{"topic": "t", "partitions": [offset]}],
    }
    place = {"name": "t", "partitions": [{"partition_index": 0, "timestamp": -1}]}
    yield "ListOffsets", 1, {"replica_id": -1, "topics": [place]}
    epoch = {"topic": "t", "partitions": [{"partition": 0, "leader_epoch": 0}]}
    yield "OffsetForLeaderEpoch", 2, {"topics": [epoch]}
    yield "Metadata", 5, {"topics": [{"name": "t"}], "allow_auto_topic_creation": False}


def test_what_is_answered_is_tried_again(case):
    zookeeper = case.zookeeper()
    controller = case.broker(zookeeper, 0, settings=SESSION)
    kafka_tools.create_topic(controller, "t")
    with Messages(controller.port) as client:
        wait_until(
            lambda: client.ask("FindCoordinator", 1, {"key": "g"})["error_code"] == NONE,
            30,
            "a coordinator",
        )
    # It keeps its office, and tells the newcomer nothing.
    controller.pause()
    case.at_end(controller.resume)
    newcomer = case.broker(zookeeper, 1, settings=SESSION)
    with Messages(newcomer.port) as client:
        for name, version, request in requests():
            answer = client.ask(name, version, request)
            got = [code for code in codes(answer) if code != NONE]
            assert got and set(got) <= RETRIABLE, (name, version, answer)
        resource = {"resource_type": TOPIC, "resource_name": "t", "configuration_keys": None}
        described = client.ask("DescribeConfigs", 1, {"resources": [resource]})
        assert codes(described) == [NONE], "ZooKeeper knows the topic"
        removal = {"topic_names": ["t"], "timeout_ms": 1000}
        assert codes(client.ask("DeleteTopics", 1, removal)) == [NOT_CONTROLLER]
        controller.resume()

        def is_told():
            answer = client.ask("Metadata", 5, {"topics": [{"name": "t"}]})
            return codes(answer)[:1] == [NONE]

        wait_until(is_told, 30, "the newcomer knows the topic")
