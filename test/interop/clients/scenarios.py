"""What every client has to do against a broker. Each scenario is written once, for all of them."""

import struct
import time

from harness.waiting import wait_until
from interop.clients.driver_process import ClientError

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
PARTITIONS = 4
ALL = set(range(PARTITIONS))
# One value just below the default limit of message.max.bytes (1,048,588 with the batch's header).
ONE_MB = 1_048_000
LIMIT_BYTES = 1_048_588
LARGER, LARGER_LIMIT_BYTES = 5_000_000, 6_000_000
# A killed member is out after its session; one that leaves must be out long before.
SHORT_SESSION_MS, LONG_SESSION_MS = 3_000, 45_000
SETTLED_S = 30
# Where a record batch v2 has these fields.
BATCH_LENGTH = 8
BATCH_MAGIC, BATCH_ATTRIBUTES, BATCH_PRODUCER_ID = 16, 21, 43


def values(records):
    return [record["v"] for record in records]


def numbered(prefix, count):
    return [f"{prefix}{i}" for i in range(count)]


def stored_batches(scene, topic):
    """[(codec, producer id)] of a partition's batches, from the broker's own file."""
    data, at, batches = scene.segment(topic).read_bytes(), 0, []
    while at < len(data):
        (length,) = struct.unpack_from(">i", data, at + BATCH_LENGTH)
        if length == 0:
            break  # preallocated
        assert data[at + BATCH_MAGIC] == 2, f"record format {data[at + BATCH_MAGIC]}"
        (attributes,) = struct.unpack_from(">h", data, at + BATCH_ATTRIBUTES)
        (producer_id,) = struct.unpack_from(">q", data, at + BATCH_PRODUCER_ID)
        batches.append((CODECS[attributes & 7], producer_id))
        at += BATCH_LENGTH + 4 + length
    return batches


def codec(scene, name):
    topic = scene.topic()
    tool = scene.tool()
    tool.produce(topic, 500, "value-", codec=name)
    got = tool.read(topic, 500)
    assert values(got) == numbered("value-", 500), values(got)[:5]
    assert [record["k"] for record in got] == numbered("k", 500)
    assert [record["o"] for record in got] == list(range(500))
    # Some clients leave a batch alone that compression would make longer.
    stored = {used for used, _ in stored_batches(scene, topic)}
    assert name in stored and stored <= {name, "none"}, f"stored with {stored}"


def idempotent(scene):
    topic = scene.topic()
    tool = scene.tool()
    tool.produce(topic, 500, "once-", idempotent=1)
    assert values(tool.read(topic, 500)) == numbered("once-", 500)
    producers = {producer_id for _, producer_id in stored_batches(scene, topic)}
    assert len(producers) == 1 and producers.pop() >= 0, f"producer ids {producers}"


def is_balanced(members):
    owned = [member.owned for member in members]
    for member in members:
        member.check_alive()
    if any(each is None for each in owned):
        return False
    sizes = [len(each) for each in owned]
    return sum(sizes) == PARTITIONS and set().union(*owned) == ALL and max(sizes) - min(sizes) <= 1


def settle(*members, timeout_s=SETTLED_S):
    """Until the members share all partitions evenly."""
    try:
        wait_until(lambda: is_balanced(members), timeout_s, "the partitions are shared evenly")
    except AssertionError as e:
        raise AssertionError(f"{e}; owned: {[member.ownership() for member in members]}") from None


def flows(scene, topic, members, prefix):
    """New records of every partition reach the member that owns it."""
    for partition in ALL:
        scene.tool().produce(topic, 5, f"{prefix}{partition}-", partition=partition)
    wanted = {
        member: {(p, f"{prefix}{p}-{i}") for p in member.owned for i in range(5)}
        for member in members
    }

    def all_there():
        for member in members:
            member.check_alive()
        return all(
            wanted[member] <= {(r["p"], r["v"]) for r in member.events("record")}
            for member in members
        )

    wait_until(all_there, SETTLED_S, f"the records {prefix}* reach their owners", poll_s=0.05)


def consume(scene):
    topic = scene.topic(PARTITIONS)
    flows_before = [f"p{p}-" for p in ALL]
    for partition in ALL:
        scene.tool().produce(topic, 100, flows_before[partition], partition=partition)
    member = scene.member(topic)
    settle(member)
    wait_until(
        lambda: len(member.events("record")) >= 100 * PARTITIONS, SETTLED_S, "400 records", 0.05
    )
    for partition in ALL:
        got = [r["v"] for r in member.events("record") if r["p"] == partition]
        assert got == numbered(flows_before[partition], 100), got[:5]
    member.leave()


def two_members(scene, **options):
    topic = scene.topic(PARTITIONS)
    first = scene.member(topic, **options)
    settle(first)
    second = scene.member(topic, **options)
    settle(first, second)
    return topic, first, second


def join(scene):
    topic, first, second = two_members(scene)
    flows(scene, topic, (first, second), "joined-")


def leave(scene):
    topic, first, second = two_members(scene, session_ms=LONG_SESSION_MS)
    second.leave()
    settle(first)
    flows(scene, topic, (first,), "left-")


def kill(scene):
    topic, first, second = two_members(scene, session_ms=SHORT_SESSION_MS)
    second.kill()
    settle(first)
    flows(scene, topic, (first,), "killed-")


def cooperative(scene):
    """Join, leave and kill, and nobody ever gives up what it keeps."""
    options = {"protocol": "cooperative", "session_ms": SHORT_SESSION_MS}
    topic, first, second = two_members(scene, **options)
    flows(scene, topic, (first, second), "joined-")
    second.leave()
    settle(first)
    flows(scene, topic, (first,), "left-")
    third = scene.member(topic, **options)
    settle(first, third)
    third.kill()
    settle(first)
    flows(scene, topic, (first,), "killed-")
    history = first.ownership()
    begun = next(at for at, owned in enumerate(history) if owned)
    for before, after in zip(history[begun:], history[begun + 1 :]):
        assert before <= after or after <= before, f"gave up and took at once: {history}"
        assert after, f"gave up everything: {history}"


def static(scene):
    """A member is killed and started again within its session: the other one notices nothing."""
    topic = scene.topic(PARTITIONS)
    options = {"session_ms": LONG_SESSION_MS}
    first = scene.member(topic, instance="one", **options)
    settle(first)
    second = scene.member(topic, instance="two", **options)
    settle(first, second)
    flows(scene, topic, (first, second), "before-")
    history, owned = first.ownership(), second.owned
    second.kill()
    again = scene.member(topic, instance="two", **options)
    wait_until(lambda: again.owned == owned, SETTLED_S, "the old partitions come back")
    flows(scene, topic, (first, again), "after-")
    assert first.ownership() == history, f"a rebalance: {first.ownership()}"


def commit(scene):
    topic = scene.topic()
    scene.tool().produce(topic, 20, "r")
    first = scene.member(topic, limit=10)
    wait_until(lambda: len(first.events("record")) >= 10, SETTLED_S, "10 records")
    first.ask("commit", "committed")
    first.leave()
    assert values(first.events("record")) == numbered("r", 10)
    second = scene.member(topic)
    wait_until(lambda: len(second.events("record")) >= 10, SETTLED_S, "the other 10 records")
    second.leave()
    assert values(second.events("record")) == numbered("r", 20)[10:]


def seek_by_time(scene):
    topic = scene.topic()
    tool = scene.tool()
    tool.produce(topic, 10, "early-")
    border_ms = int(time.time() * 1000) + 1
    wait_until(lambda: time.time() * 1000 >= border_ms + 1, 5, "the clock moves")
    tool.produce(topic, 10, "late-")
    got = tool.read(topic, 10, time_ms=border_ms)
    assert values(got) == numbered("late-", 10), values(got)


def headers(scene):
    topic = scene.topic()
    tool = scene.tool()
    tool.produce(topic, 3, "h", headers="colour:blue,colour:green,size:9")
    wanted = [["colour", "blue"], ["colour", "green"], ["size", "9"]]
    for record in tool.read(topic, 3):
        assert record["h"] == wanted, record


def tombstones(scene):
    topic = scene.topic(**{"cleanup.policy": "compact"})
    tool = scene.tool()
    tool.produce(topic, 3, "alive-")
    tool.produce(topic, 3, "", tombstone=1)
    got = tool.read(topic, 6)
    assert values(got) == [*numbered("alive-", 3), None, None, None], values(got)
    assert [record["k"] for record in got] == numbered("k", 3) * 2


def large(scene):
    topic = scene.topic()
    tool = scene.tool()
    for _ in range(2):  # one by one, as some clients send what they are given in one batch
        tool.produce(topic, 1, "large-", size=ONE_MB, max_bytes=LIMIT_BYTES)
    assert [r["n"] for r in tool.read(topic, 2, max_bytes=LIMIT_BYTES)] == [ONE_MB] * 2


def larger(scene):
    topic = scene.topic(**{"max.message.bytes": LARGER_LIMIT_BYTES})
    tool = scene.tool()
    for _ in range(2):
        tool.produce(topic, 1, "larger-", size=LARGER, max_bytes=LARGER_LIMIT_BYTES)
    assert [r["n"] for r in tool.read(topic, 2, max_bytes=LARGER_LIMIT_BYTES)] == [LARGER] * 2


def refused(scene, kind, topic, **options):
    try:
        scene.tool().produce(topic, 1, "refused-", **options)
    except ClientError as e:
        assert e.kind == kind, f"not {kind} but {e}"
    else:
        raise AssertionError(f"accepted; {kind} was due")


def unknown_topic(scene):
    refused(scene, "unknown_topic", "nobody-made-this", timeout_ms=3000)


def too_large(scene):
    """The client's own limit is raised, so that it is the broker that refuses."""
    refused(scene, "too_large", scene.topic(), size=1_100_000, max_bytes=LARGER_LIMIT_BYTES)


def of_codec(name):
    return lambda scene: codec(scene, name)


# Column: what it does. The order is the table's.
SCENARIOS = {
    **{name: of_codec(name) for name in CODECS},
    "idempotent": idempotent,
    "consume": consume,
    "join": join,
    "leave": leave,
    "kill": kill,
    "cooperative": cooperative,
    "static": static,
    "commit": commit,
    "seek by time": seek_by_time,
    "headers": headers,
    "tombstones": tombstones,
    "1 MB": large,
    "5 MB": larger,
    "unknown topic": unknown_topic,
    "too large": too_large,
}
