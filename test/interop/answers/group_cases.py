"""As cases.py, for consumer groups and producer ids."""


def committing(group, topic="t", index=0, **fields):
    entry = {"partition_index": index, "committed_offset": 5, "committed_metadata": "m"}
    partitions = [{**entry, **fields.pop("entry", {})}]
    return {"group_id": group, "topics": [{"name": topic, "partitions": partitions}], **fields}


def fetching_offsets(version, group, topics):
    if version >= 8:
        return {"groups": [{"group_id": group, "topics": topics}]}
    return {"group_id": group, "topics": topics}


def coordinators(version, key, kind=0):
    keys = {"coordinator_keys": [key]} if version >= 4 else {"key": key}
    return {**keys, **({"key_type": kind} if version >= 1 else {})}


def joining(group, **fields):
    protocols = [{"name": "range", "metadata": b"x"}]
    return {
        "group_id": group,
        "session_timeout_ms": 10_000,
        "rebalance_timeout_ms": 10_000,
        "protocol_type": "consumer",
        "protocols": protocols,
        **fields,
    }


def leaving(version, group, member):
    if version >= 3:
        return {"group_id": group, "members": [{"member_id": member}]}
    return {"group_id": group, "member_id": member}


def coordinator_requests():
    for kind in (0, 1, 2, 3):
        yield f"of kind {kind}", "FindCoordinator", lambda v, _, k=kind: coordinators(
            v, "g", k
        ), range(1, 7)
    yield "of no key", "FindCoordinator", lambda v, _: coordinators(v, ""), None
    several = {"key_type": 0, "coordinator_keys": ["a", "b"]}
    yield "of several", "FindCoordinator", several, range(4, 7)
    yield "without transactions", "InitProducerId", {
        "transactional_id": None,
        "transaction_timeout_ms": 1000,
    }, None
    yield "an empty transactional id", "InitProducerId", {
        "transactional_id": "",
        "transaction_timeout_ms": 1000,
    }, None
    yield "half an identity", "InitProducerId", {
        "transactional_id": None,
        "transaction_timeout_ms": 1000,
        "producer_id": 5,
    }, range(3, 6)


def offset_requests():
    later = range(1, 10)
    yield "an offset", "OffsetCommit", committing("g"), None
    yield "an unknown topic", "OffsetCommit", committing("g", "none"), None
    yield "an unknown partition", "OffsetCommit", committing("g", index=9), None
    yield "an unknown generation", "OffsetCommit", committing(
        "no-group", generation_id_or_member_epoch=3, member_id="m"
    ), later
    yield "an unknown member", "OffsetCommit", committing(
        "g", generation_id_or_member_epoch=3, member_id="m"
    ), later
    long = {"committed_metadata": "x" * 5000}
    yield "too much metadata", "OffsetCommit", committing("g", entry=long), None
    yield "no metadata", "OffsetCommit", committing("g", entry={"committed_metadata": None}), None
    yield "no group", "OffsetCommit", committing(""), later
    wanted = [{"name": "t", "partition_indexes": [0, 1, 9]}]
    missing = [{"name": "none", "partition_indexes": [0]}]
    for what, group, topics in (
        ("offsets", "g", wanted),
        ("an unknown topic", "g", missing),
        ("an unknown group", "no-group", wanted),
        ("no group", "", wanted),
    ):
        yield what, "OffsetFetch", lambda v, _, g=group, t=topics: fetching_offsets(v, g, t), None
    yield "all offsets", "OffsetFetch", lambda v, _: fetching_offsets(v, "g", None), range(2, 10)
    gone = {"name": "none", "partitions": [{"partition_index": 0}]}
    there = {"name": "t", "partitions": [{"partition_index": 1}]}
    yield "of an unknown group", "OffsetDelete", {"group_id": "no-group", "topics": [there]}, None
    yield "of an unknown topic", "OffsetDelete", {"group_id": "g", "topics": [gone]}, None
    yield "what is not there", "OffsetDelete", {"group_id": "g", "topics": [there]}, None


def member_requests():
    old = range(6)
    yield "an unknown member", "JoinGroup", joining("j", member_id="who"), None
    yield "too short a session", "JoinGroup", joining("j", session_timeout_ms=1), None
    yield "no group", "JoinGroup", joining(""), None
    yield "no protocols", "JoinGroup", joining("j", protocols=[]), None
    protocol = {"protocol_type": "consumer", "protocol_name": "range"}
    unknown = {"group_id": "j", "generation_id": 1, "member_id": "who"}
    yield "an unknown member", "SyncGroup", unknown, range(5)
    yield "an unknown member", "SyncGroup", {**unknown, **protocol}, range(5, 6)
    yield "no protocol", "SyncGroup", unknown, range(5, 6)
    yield "an unknown member", "Heartbeat", unknown, None
    yield "no group", "Heartbeat", {**unknown, "group_id": ""}, None
    yield "an unknown member", "LeaveGroup", lambda v, _: leaving(v, "g", "who"), old
    yield "an unknown group", "LeaveGroup", lambda v, _: leaving(v, "no-group", "who"), old
    yield "no group", "LeaveGroup", lambda v, _: leaving(v, "", "who"), old


def admin_requests():
    for group in ("g", "no-group", ""):
        yield f"group '{group}'", "DescribeGroups", {"groups": [group]}, None
        yield f"operations of '{group}'", "DescribeGroups", {
            "groups": [group],
            "include_authorized_operations": True,
        }, range(3, 6)
    yield "all", "ListGroups", {}, None
    yield "by state", "ListGroups", {"states_filter": ["empty"]}, range(4, 6)
    yield "by an unknown state", "ListGroups", {"states_filter": ["none"]}, range(4, 6)
    yield "by type", "ListGroups", {"types_filter": ["consumer"]}, range(5, 6)
    yield "unknown ones", "DeleteGroups", {"groups_names": ["no-group", ""]}, None
    yield "one that is there", "DeleteGroups", {"groups_names": ["g"]}, range(1)
