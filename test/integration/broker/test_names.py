"""A name server that hangs for 25 s, while another ZooKeeper server answers."""

import subprocess
import time

from harness import places
from harness.waiting import wait_until
from harness.zkcli import ZkClient
from harness.zookeeper_proxy import ZooKeeperProxy


def slow_names(case):
    library = case.path("slow_names.so")
    source = places.ROOT / "test" / "harness" / "slow_names.c"
    subprocess.run(
        ["clang-19", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True, timeout=60
    )
    return {"LD_PRELOAD": str(library)}


def test_a_hanging_name_server_costs_neither_start_nor_session_nor_stop(case):
    zookeeper = case.zookeeper()
    proxy = ZooKeeperProxy(zookeeper.connect_string)
    case.at_end(proxy.close)
    broker = case.broker(
        f"zookeeper.slow:2181,{proxy.connect_string}", start=False, environment=slow_names(case)
    )
    broker.start()
    assert broker.start_seconds < 10, f"{broker.start_seconds:.1f} s"
    with ZkClient(zookeeper) as client:
        session = client.get("/brokers/ids/0")[1].ephemeral_owner
        for _ in range(3):
            # The servers are tried in turn: the slow one every other time.
            since = broker.log.position()
            proxy.drop()
            wait_until(lambda: broker.log.lines("session resumed", since), 5, "the other server")
        assert client.get("/brokers/ids/0")[1].ephemeral_owner == session
    began = time.monotonic()
    broker.stop()
    assert time.monotonic() - began < 8
