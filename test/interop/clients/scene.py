"""What a scenario is given: topics on a live broker, and drivers of the client under test."""

import contextlib
import itertools
import shutil
import tempfile

from harness import kafka_tools
from harness.apache_kafka import ApacheKafka
from harness.case import Case
from interop.clients.driver_process import Driver

BROKER_SETTINGS = {
    # An unknown topic shall be an error, not a new topic.
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": 0,
    "group.min.session.timeout.ms": 1000,
    # A consumer's first fetch of its offsets should not wait for 50 partitions to be made.
    "offsets.topic.num.partitions": 5,
}


class Server:
    """A running broker: its address, and where its partitions are."""

    def __init__(self, name, address, log_dir):
        self.name = name
        self.address = address
        self.log_dir = log_dir


def start_barnabas(case, settings=None):
    broker = case.single(settings={**BROKER_SETTINGS, **(settings or {})})
    return Server("Barnabas", broker.address, broker.log_dirs[0])


def start_apache(case, version="3.9.1", settings=None):
    kafka = ApacheKafka(case, version)
    zookeeper = case.zookeeper()
    log_dir = case.path("data", "x").parent
    config, port = kafka.write_properties(
        zookeeper.connect_string, 0, log_dir, settings={**BROKER_SETTINGS, **(settings or {})}
    )
    kafka.start_broker(config)
    return Server(f"Apache Kafka {version}", f"127.0.0.1:{port}", log_dir)


def start(case, against, settings=None):
    """against: barnabas or kafka."""
    starter = start_apache if against == "kafka" else start_barnabas
    return starter(case, settings=settings)


@contextlib.contextmanager
def own_case(prefix, keep):
    """For a program that is no test of the suite. keep: its directory stays, and is named."""
    directory = tempfile.mkdtemp(prefix=prefix)
    case = Case(directory, 0)
    try:
        yield case
    finally:
        case.finish()
        if keep:
            print(f"logs: {directory}", flush=True)
        else:
            shutil.rmtree(directory, ignore_errors=True)


class Bench:
    """One client on one broker, with a driver for producing and reading kept between scenarios."""

    _numbers = itertools.count()

    def __init__(self, case, server, client, command):
        self.case = case
        self.server = server
        self.client = client
        self._command = command
        self._tool = None

    def driver(self):
        name = f"{self.client.name}-{self.client.version}-{next(self._numbers)}.err"
        return Driver(self._command, self.server.address, self.case.path("drivers", name))

    def tool(self):
        if self._tool is None:
            self._tool = self.driver()
        return self._tool

    def close(self):
        """Also after a failure: the next scenario gets a driver without a past."""
        if self._tool is not None:
            self._tool.close()
            self._tool = None


class Scene:
    """One scenario of one client."""

    _numbers = itertools.count()

    def __init__(self, bench):
        self._bench = bench
        self._name = f"t{next(self._numbers)}"
        self._members = []

    def topic(self, partitions=1, **configs):
        kafka_tools.create_topic(self._bench.server, self._name, partitions, **configs)
        return self._name

    def segment(self, topic):
        return self._bench.server.log_dir / f"{topic}-0" / ("0" * 20 + ".log")

    def tool(self):
        return self._bench.tool()

    def member(self, topic, **options):
        """A process of its own that has been told to join this scenario's group."""
        member = self._bench.driver()
        self._members.append(member)
        member.send("join", group="group-" + self._name, topic=topic, **options)
        return member

    def close(self):
        for member in self._members:
            member.kill()
