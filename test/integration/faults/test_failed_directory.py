"""A log directory that fails is told to the controller; the last one takes the broker with it."""

import pathlib
import sys

from harness.fault_injector import LIBRARY, FaultInjector
from harness.waiting import wait_until
from harness.wire import Wire, batch
from harness.zkcli import ZkClient

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import disk_load  # noqa: E402

LIMIT_S = 120
KAFKA_STORAGE_ERROR = 56
PARTITIONS = range(4)
# What a broker says when its node below /log_dir_event_notification is written.
TOLD = r"told the controller of a failed log directory node=(\S+)"


def append(port, partition):
    with Wire(port) as connection:
        return connection.produce("t", {partition: batch([b"x"])}, timeout_ms=5000)[partition][0]


def test_one_fails_and_then_the_other(case):
    if not LIBRARY.exists():
        case.skip(f"{LIBRARY} is not built")
    zookeeper = case.zookeeper()
    faults = FaultInjector(case.path("faults", "x").parent)
    directories = [case.path("data-a"), case.path("data-b")]
    broker = case.broker(zookeeper, log_dirs=directories, environment=faults.environment)
    with Wire(broker.port) as connection:
        assert disk_load.create_topic(connection, "t", len(PARTITIONS), {}) == 0
    wait_until(lambda: append(broker.port, 0) == 0, 30, "the topic has a leader")
    first, second = directories
    ill = [p for p in PARTITIONS if (first / f"t-{p}").is_dir()]
    healthy = [p for p in PARTITIONS if p not in ill]
    assert ill and healthy, "both directories have partitions"

    faults.rule("write", "EIO", prefix=f"{first}/").arm(1)
    assert append(broker.port, ill[0]) == KAFKA_STORAGE_ERROR
    broker.log.wait_for(TOLD, 30)
    assert append(broker.port, healthy[0]) == 0
    wait_until(lambda: append(broker.port, ill[-1]) != 0, 30, "all of the directory are offline")
    assert broker.running()

    faults.rule("write", "EIO", prefix=f"{second}/").arm(2)
    assert append(broker.port, healthy[0]) == KAFKA_STORAGE_ERROR
    assert broker.wait(30) == 1
    assert broker.log.lines("the broker ends: all log directories have failed")
    with ZkClient(zookeeper) as client:
        assert not client.exists("/brokers/ids/0"), "the registration goes with the broker"
