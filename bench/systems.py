"""The servers that the bench compares, each with its own data directory and a fresh port."""

import json
import subprocess
import time

from harness import places
from harness.apache_kafka import LOG4J, jars
from harness.ports import free_port
from harness.process import Process
from harness.waiting import wait_for_port

KAFKA_VERSION = "3.9.1"
# bin/kafka-server-start.sh and kafka-run-class.sh set these.
KAFKA_JVM = [
    "-Xmx1G",
    "-Xms1G",
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
    "-Djava.awt.headless=true",
]
LOADER_LIMIT_S = 600


class LoadFailed(Exception):
    pass


def run_loader(mode, port, **options):
    """Runs the loader to its end; returns what it printed."""
    command = [str(places.BUILD / "bench" / "loader"), mode, "--port", str(port)]
    for name, value in options.items():
        command += ["--" + name.replace("_", "-"), str(value)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LOADER_LIMIT_S)
    if done.returncode != 0:
        raise LoadFailed(f"{' '.join(command)}: {done.stderr.strip()}")
    return json.loads(done.stdout)


class System:
    """Something that answers on `port` as process `pid`."""

    name = ""
    warmup_rounds = 1
    has_groups = True

    def create_topic(self, topic, partitions=1, topics=1):
        run_loader("create", self.port, topic=topic, partitions=partitions, topics=topics)


class Floor(System):
    name = "floor"
    has_groups = False

    def __init__(self, case):
        self.port = free_port()
        directory = case.path("floor", "data")
        directory.mkdir()
        command = [places.BUILD / "bench" / "floor", "--port", self.port, "--directory", directory]
        self.process = Process(command, case.path("floor", "floor.log"))
        case.at_end(self.process.kill)
        wait_for_port(self.port)
        self.pid = self.process.pid

    def create_topic(self, topic, partitions=1, topics=1):
        """It makes a log at the first request for it."""


class Barnabas(System):
    name = "Barnabas"

    def __init__(
        self, case, zookeeper, name="barnabas", settings=None, environment=None, binary=None
    ):
        binary = binary or places.BUILD / "broker" / "server" / "barnabas-server"
        connect = f"{zookeeper.connect_string}/{name}"
        # Only what has no default is set.
        nothing_else = {
            "zookeeper.session.timeout.ms": None,
            "group.initial.rebalance.delay.ms": None,
        }
        self.broker = case.broker(
            connect,
            name=name,
            binary=binary,
            settings=nothing_else | (settings or {}),
            environment=environment,
        )
        self.port = self.broker.port
        self.pid = self.broker.process.pid


class Before(Barnabas):
    """An older build, to be held against this one."""

    name = "before"

    def __init__(self, case, zookeeper, binary):
        super().__init__(case, zookeeper, "before", binary=binary)


class Kafka(System):
    name = f"Apache Kafka {KAFKA_VERSION}"
    # The compiler of the JVM works in the first ten thousands of requests.
    warmup_rounds = 4

    def __init__(self, case, zookeeper, settings=None, environment=None):
        self.port = free_port()
        connect = zookeeper.connect_string + "/kafka"
        self.process = start_kafka(
            case, connect, self.port, "kafka", settings=settings, environment=environment
        )
        self.pid = self.process.pid


def start_kafka(case, connect, port, name, wait=True, settings=None, environment=None):
    """Default configuration; skips (case.skip) when Maven cannot bring the jars."""
    folder = jars(case, KAFKA_VERSION)
    log4j = case.path(name, "log4j.properties")
    log4j.write_text(LOG4J)
    properties = case.path(name, "server.properties")
    properties.write_text(
        f"broker.id=0\nlisteners=PLAINTEXT://127.0.0.1:{port}\n"
        f"log.dirs={case.path(name, 'data')}\nzookeeper.connect={connect}\n"
        "offsets.topic.replication.factor=1\n"
        + "".join(f"{key}={value}\n" for key, value in (settings or {}).items())
    )
    command = [
        "java",
        *KAFKA_JVM,
        f"-Dlog4j.configuration=file:{log4j}",
        "-cp",
        f"{folder}/*",
        "kafka.Kafka",
        properties,
    ]
    log = case.path(name, f"kafka-{time.monotonic_ns()}.log")
    process = Process(command, log, environment=environment)
    case.at_end(lambda: process.kill() if process.running() else None)
    if wait:
        process.log.wait_for(r"started \(kafka\.server\.KafkaServer\)", 120)
    return process
