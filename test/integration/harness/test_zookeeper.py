"""The harness itself: ZooKeeper starts, answers, fails over; sessions are ended from outside."""

from harness.zkcli import Rejected, ZkClient, expire_session


def test_single_server(case):
    server = case.zookeeper()
    with ZkClient(server) as client:
        client.create("/a", b"data")
        assert client.get("/a")[0] == b"data"
        assert client.exists("/b") is None
        client.set("/a", b"more")
        assert client.get("/a")[1].version == 1
        assert client.children("/") == ["a", "zookeeper"]
        client.delete("/a")
        assert client.exists("/a") is None


def test_session_is_ended_from_outside(case):
    server = case.zookeeper()
    owner = ZkClient(server)
    owner.create("/mine", flags=1)
    expire_session(server, owner.session_id, owner.password)
    with ZkClient(server) as client:
        client.wait_gone("/mine", timeout_s=5)
    try:
        ZkClient(server, owner.session_id, owner.password)
    except Rejected:
        return
    raise AssertionError("the session is still known")


def test_ensemble_survives_its_leader(case):
    ensemble = case.ensemble(3)
    with ZkClient(ensemble.servers[0]) as client:
        client.create("/kept", b"1")
    first = ensemble.leader()
    first.kill()
    second = ensemble.leader()
    assert second is not first
    with ZkClient(second) as client:
        assert client.get("/kept")[0] == b"1"


def test_observer(case):
    ensemble = case.ensemble(4, observers=1)
    assert ensemble.servers[3].mode() == "observer"
