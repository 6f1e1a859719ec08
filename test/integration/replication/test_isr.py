"""A leader's in-sync replicas: who leaves, who joins, and what the state znode says.

Goal: with real ZooKeeper and a real leader, by AlterPartition and by the leader's own write. The
follower is this test: it registers as broker 2 and fetches with its id.
"""

import contextlib
import json
import socket
import threading

from harness import places, schema_wire, wire
from harness.waiting import TimedOut, wait_until
from harness.wire import Wire
from harness.zkcli import ZkClient

SANITIZED = True
LEADER, FOLLOWER, OTHER = 1, 2, 3
LAG_MS = 2000
NONE, REQUEST_TIMED_OUT, NOT_ENOUGH_REPLICAS = 0, 7, 19
OFFSET_NOT_AVAILABLE, LEADER_NOT_AVAILABLE = 78, 5
EPHEMERAL = 1


def ask(port, api_name, version, **values):
    api = schema_wire.apis()[api_name]
    with Wire(port, timeout_s=60) as client:
        client.send_frame(schema_wire.request(api, version, values))
        return schema_wire.response(api, version, client.receive_frame())


class Follower:
    """Broker 2, as far as anybody can tell: registered, and it fetches what it is told to."""

    def __init__(self, case, zookeeper, leader):
        self.leader = leader
        # Takes the controller's requests and answers none.
        self._listener = socket.create_server(("127.0.0.1", 0))
        case.at_end(self._listener.close)
        self.zookeeper = ZkClient(zookeeper, timeout_ms=60000)
        case.at_end(self.zookeeper.drop)
        port = self._listener.getsockname()[1]
        registration = {
            "listener_security_protocol_map": {"PLAINTEXT": "PLAINTEXT"},
            "endpoints": [f"PLAINTEXT://127.0.0.1:{port}"],
            "jmx_port": -1,
            "features": {},
            "host": "127.0.0.1",
            "timestamp": "1",
            "port": port,
            "version": 5,
        }
        self._registration = json.dumps(registration)
        self.register()

    def register(self):
        self.zookeeper.create(f"/brokers/ids/{FOLLOWER}", self._registration, EPHEMERAL)
        wait_until(
            lambda: FOLLOWER in [b["node_id"] for b in self.metadata()["brokers"]],
            30,
            "the follower is known",
        )

    def metadata(self, topics=()):
        named = [{"name": topic} for topic in topics]
        return ask(self.leader.port, "Metadata", 5, topics=named, allow_auto_topic_creation=False)

    def told_isr(self, topic):
        """What the controller has told the leader, as clients see it."""
        partitions = self.metadata([topic])["topics"][0]["partitions"]
        return sorted(partitions[0]["isr_nodes"]) if partitions else None

    def fetch(self, topic, offset, version=11, max_wait_ms=0, session_epoch=-1):
        """(error, high watermark). `session_epoch` 0: with a session, which the leader keeps."""
        partition = {"partition": 0, "fetch_offset": offset, "partition_max_bytes": 1 << 20}
        answer = ask(
            self.leader.port,
            "Fetch",
            version,
            replica_id=FOLLOWER,
            max_wait_ms=max_wait_ms,
            min_bytes=1,
            session_epoch=session_epoch,
            topics=[{"topic": topic, "partitions": [partition]}],
        )
        partition = answer["responses"][0]["partitions"][0]
        return partition["error_code"], partition["high_watermark"]

    def state(self, topic):
        """(the state's JSON, its version)"""
        data, stat = self.zookeeper.get(f"/brokers/topics/{topic}/partitions/0/state")
        return json.loads(data), stat.version

    def wait_isr(self, topic, isr, timeout_s=30):
        return wait_until(
            lambda: self.state(topic)[0]["isr"] == isr, timeout_s, f"the ISR is {isr}", poll_s=0.05
        )


def create_topic(controller, topic, partitions=1, **configs):
    answer = ask(
        controller.port,
        "CreateTopics",
        4,
        topics=[
            {
                "name": topic,
                "num_partitions": -1,
                "replication_factor": -1,
                "assignments": [
                    {"partition_index": p, "broker_ids": [LEADER, FOLLOWER]}
                    for p in range(partitions)
                ],
                "configs": [
                    {"name": key.replace("_", "."), "value": str(value)}
                    for key, value in configs.items()
                ],
            }
        ],
    )
    assert answer["topics"][0]["error_code"] == NONE, answer


def produce(leader, topic, acks=-1, timeout_ms=30000):
    with Wire(leader.port, timeout_s=60) as client:
        answer = client.produce(topic, {0: wire.batch([b"v"])}, acks, timeout_ms)
    return answer[0][0]


@contextlib.contextmanager
def producing(leader, topic):
    """An acks=all write that waits while the block runs. Yields its answers, at the end one."""
    answers = []
    writer = threading.Thread(target=lambda: answers.append(produce(leader, topic)))
    writer.start()
    try:
        yield answers
    finally:
        writer.join(60)


def leader_of(case, zookeeper, protocol="3.9", **settings):
    options = {
        "replica.lag.time.max.ms": LAG_MS,
        "inter.broker.protocol.version": protocol,
        # Nobody could take its place.
        "controlled.shutdown.enable": "false",
        **settings,
    }
    return case.broker(zookeeper, LEADER, settings=options)


def shrink_and_expand(case, protocol):
    zookeeper = case.zookeeper()
    leader = leader_of(case, zookeeper, protocol)
    follower = Follower(case, zookeeper, leader)
    create_topic(leader, "t")
    before, version = follower.state("t")
    assert (before["isr"], version) == ([LEADER, FOLLOWER], 0), before

    with producing(leader, "t") as answers:
        follower.wait_isr("t", [LEADER])
    assert answers == [NONE], answers
    after, version = follower.state("t")
    assert version == 1 and after == dict(before, isr=[LEADER]), (after, version)

    wait_until(lambda: follower.told_isr("t") == [LEADER], 30, "the ISR is told", poll_s=0.1)

    # Not with less than all that is committed.
    assert follower.fetch("t", 0) == (NONE, 1)
    assert produce(leader, "t") == NONE
    assert follower.fetch("t", 1) == (NONE, 2)
    assert follower.state("t")[1] == 1
    # A follower that is waited for although it is not in the ISR.
    assert follower.fetch("t", 2) == (NONE, 2)
    follower.wait_isr("t", [LEADER, FOLLOWER])
    joined, version = follower.state("t")
    assert version == 2 and joined == before, (joined, version)
    wait_until(
        lambda: follower.told_isr("t") == [LEADER, FOLLOWER], 30, "the ISR is told", poll_s=0.1
    )

    with producing(leader, "t") as answers:
        wait_until(lambda: follower.fetch("t", 3)[1] == 3, 30, "the record is committed")
    assert answers == [NONE], answers


def test_shrink_and_expand_by_the_controller(case):
    shrink_and_expand(case, "3.9")


def test_shrink_and_expand_by_the_first_controllers_that_could(case):
    shrink_and_expand(case, "2.7-IV2")


def test_shrink_and_expand_by_the_leader_itself(case):
    shrink_and_expand(case, "2.4")


def test_below_the_minimum(case):
    zookeeper = case.zookeeper()
    leader = leader_of(case, zookeeper)
    follower = Follower(case, zookeeper, leader)
    create_topic(leader, "t", min_insync_replicas=2)
    # Appended, and never replicated: the high watermark stands still.
    assert produce(leader, "t", timeout_ms=LAG_MS * 4) == REQUEST_TIMED_OUT
    assert follower.state("t")[0]["isr"] == [LEADER]
    assert produce(leader, "t") == NOT_ENOUGH_REPLICAS
    assert produce(leader, "t", acks=1) == NONE
    assert follower.fetch("t", 2)[0] == NONE
    follower.wait_isr("t", [LEADER, FOLLOWER])
    wait_until(lambda: follower.fetch("t", 2)[1] == 2, 30, "all is committed")
    with producing(leader, "t") as answers:
        wait_until(lambda: follower.fetch("t", 3)[1] == 3, 30, "the record is committed")
    assert answers == [NONE], answers


def test_a_follower_that_was_gone_joins_by_a_fetch_of_its_own(case):
    """Back with an empty disk and not fetching yet: what it had before it went says nothing."""
    zookeeper = case.zookeeper()
    leader = leader_of(case, zookeeper, **{"replica.lag.time.max.ms": 6000})
    follower = Follower(case, zookeeper, leader)
    create_topic(leader, "t")
    with producing(leader, "t") as answers:
        wait_until(
            lambda: follower.fetch("t", 1, session_epoch=0)[1] == 1, 30, "the record is committed"
        )
    assert answers == [NONE], answers
    follower.zookeeper.delete(f"/brokers/ids/{FOLLOWER}")
    follower.wait_isr("t", [LEADER])
    follower.register()
    # Every look at the ISR that could still count its last fetch.
    with contextlib.suppress(TimedOut):
        leader.log.wait_for(r"partition t-0 proposes isr=1,2 ", 7)
    assert follower.state("t")[0]["isr"] == [LEADER], follower.state("t")
    assert not leader.log.lines(r"partition t-0 proposes isr=1,2 "), follower.state("t")


def test_another_controller_takes_over_with_a_change_on_its_way(case):
    zookeeper = case.zookeeper()
    controller = case.broker(zookeeper, OTHER, settings={"zookeeper.session.timeout.ms": 4000})
    leader = leader_of(case, zookeeper)
    follower = Follower(case, zookeeper, leader)
    create_topic(controller, "t")
    wait_until(lambda: leads(follower, "t") == 1, 30, "the leader knows")
    assert follower.zookeeper.get_json("/controller")["brokerid"] == OTHER
    controller.pause()
    try:
        with producing(leader, "t") as answers:
            follower.wait_isr("t", [LEADER], 60)
        assert answers == [NONE], answers
        assert follower.zookeeper.get_json("/controller")["brokerid"] == LEADER
    finally:
        controller.resume()


def test_a_change_that_was_written_and_never_answered(case):
    zookeeper = case.zookeeper()
    controller = case.broker(zookeeper, OTHER, settings={"zookeeper.session.timeout.ms": 60000})
    leader = leader_of(case, zookeeper)
    follower = Follower(case, zookeeper, leader)
    create_topic(controller, "t")
    wait_until(lambda: leads(follower, "t") == 1, 30, "the leader knows")
    controller.pause()
    try:
        with producing(leader, "t") as answers:
            leader.log.wait_for(r"partition t-0 proposes isr=1 ", 30)
            state, version = follower.state("t")
            assert state["isr"] == [LEADER, FOLLOWER]
            path = "/brokers/topics/t/partitions/0/state"
            follower.zookeeper.set(path, json.dumps(dict(state, isr=[LEADER])), version)
        assert answers == [NONE], answers
        leader.log.wait_for(r"partition t-0 has isr=1 leader_epoch=0 partition_epoch=1", 10)
    finally:
        controller.resume()


def test_consumers_are_not_told_an_end_that_a_new_leader_does_not_know(case):
    zookeeper = case.zookeeper()
    leader = leader_of(case, zookeeper, **{"replica.lag.time.max.ms": 60000})
    follower = Follower(case, zookeeper, leader)
    create_topic(leader, "t")
    assert produce(leader, "t", acks=1) == NONE
    assert end_offset(leader, "t", 5) == (NONE, 0)
    # Elected again with a record above its high watermark.
    leader.kill()
    leader.start()
    wait_until(
        lambda: end_offset(leader, "t", 5)[0] == OFFSET_NOT_AVAILABLE, 30, "it leads again"
    )
    assert end_offset(leader, "t", 4)[0] == LEADER_NOT_AVAILABLE
    assert end_offset(leader, "t", 5, timestamp=-2) == (NONE, 0)
    assert end_offset(leader, "t", 5, timestamp=1 << 62)[0] == OFFSET_NOT_AVAILABLE
    assert end_offset(leader, "t", 5, replica=FOLLOWER) == (NONE, 1)
    assert follower.fetch("t", 1) == (NONE, 1)
    assert end_offset(leader, "t", 5) == (NONE, 1)


def end_offset(leader, topic, version, timestamp=-1, replica=-1):
    answer = ask(
        leader.port,
        "ListOffsets",
        version,
        replica_id=replica,
        topics=[
            {"name": topic, "partitions": [{"partition_index": 0, "timestamp": timestamp}]}
        ],
    )
    partition = answer["topics"][0]["partitions"][0]
    return partition["error_code"], partition["offset"]


def many_at_once(case, protocol):
    """More than one request holds."""
    count = places.sized(1200, 10_000)
    zookeeper = case.zookeeper()
    leader = leader_of(case, zookeeper, protocol)
    follower = Follower(case, zookeeper, leader)
    create_topic(leader, "t", partitions=count)
    batches = {p: wire.batch([b"v"]) for p in range(count)}
    with Wire(leader.port, timeout_s=60) as client:
        answers = client.produce("t", batches)
    assert all(error == NONE for error, _offset in answers.values()), answers
    wait_until(
        lambda: isrs(follower, "t", count) == {(LEADER,): count}, 60, "all shrank", poll_s=0.2
    )
    partitions = [
        {"partition": p, "fetch_offset": 1, "partition_max_bytes": 1000} for p in range(count)
    ]
    answer = ask(
        leader.port,
        "Fetch",
        11,
        replica_id=FOLLOWER,
        max_wait_ms=0,
        topics=[{"topic": "t", "partitions": partitions}],
    )
    told = answer["responses"][0]["partitions"]
    assert all(p["error_code"] == NONE and p["high_watermark"] == 1 for p in told), told[:3]
    both = {(LEADER, FOLLOWER): count}
    wait_until(lambda: isrs(follower, "t", count) == both, 60, "all grew", poll_s=0.2)


def leads(follower, topic):
    partitions = follower.metadata([topic])["topics"][0]["partitions"]
    return sum(p["leader_id"] == LEADER for p in partitions)


def isrs(follower, topic, count):
    """{ISR: number of partitions that have it}, by the state znodes."""
    found = {}
    for partition in range(count):
        path = f"/brokers/topics/{topic}/partitions/{partition}/state"
        isr = tuple(follower.zookeeper.get_json(path)["isr"])
        found[isr] = found.get(isr, 0) + 1
    return found


def test_many_at_once_by_the_controller(case):
    many_at_once(case, "3.9")


def test_many_at_once_by_the_leader_itself(case):
    many_at_once(case, "2.4")
