"""scripts/local-cluster.sh: a cluster by one command, with a line for each node."""

from harness import kafka_tools, places
from harness.ports import free_port
from harness.process import run
from harness.waiting import wait_until

LIMIT_S = 240


def test_start_status_stop(case):
    environment = {
        "BARNABAS_DIST": str(places.DIST),
        "BARNABAS_CLUSTER_DIR": str(case.path("cluster")),
        "BARNABAS_CLUSTER_PORT": str(free_run()),
    }

    def cluster(*arguments):
        command = [places.ROOT / "scripts" / "local-cluster.sh", *arguments]
        return run(command, None, 180, environment)

    assert cluster("status").returncode == 3
    case.at_end(lambda: cluster("stop"))
    started = cluster("start", "--brokers", "2", "--zookeepers", "1")
    assert started.returncode == 0, started
    lines = cluster("status").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["zookeeper-1", "broker-1", "broker-2"], lines
    assert all(" runs pid=" in line for line in lines), lines

    class Address:
        address = started.stdout.splitlines()[-1].removeprefix("bootstrap servers: ")

    kafka_tools.create_topic(Address, "t", 4, 2)
    wait_until(lambda: "t" in kafka_tools.topics(Address), 20, "the topic is there")
    again = cluster("start", "--brokers", "2", "--zookeepers", "1")
    assert again.returncode == 0 and again.stdout == started.stdout, (started, again)
    other = cluster("start", "--zookeepers", "3")
    assert other.returncode == 1 and "keeps its size" in other.stderr, other
    assert cluster("stop").returncode == 0
    stopped = cluster("status")
    assert stopped.returncode == 3 and stopped.stdout.count(" stopped") == 3, stopped


def free_run():
    """A port with free ones after it, for the cluster's own arithmetic."""
    while True:
        port = free_port()
        if port + 3010 < 32768:
            return port
