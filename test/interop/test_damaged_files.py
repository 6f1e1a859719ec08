"""Damaged files and odd config files: what a start makes of them here and in Apache Kafka.

docs/OPERATIONS.md holds the table; each row is done again, and both brokers must do what it says.
A cell begins with what is compared, up to its first semicolon; the rest is for the reader.
"""

import re
import shutil

from harness import kafka_tools, kcat, places
from harness.apache_kafka import LOG4J, jars
from harness.messages import Messages
from harness.ports import free_port
from harness.process import Process, run
from harness.waiting import TimedOut, wait_until
from interop import damage

LIMIT_S = 1800
START_LIMIT_S = 120
VERSION = "3.9.1"
RECORDS = 20
# The log start that log-start-offset-checkpoint holds, within the only segment.
HIDDEN = 5
BROKER = 4
WITHOUT_IT = "starts without this directory"
DOCUMENT = places.ROOT / "docs" / "OPERATIONS.md"


class Side:
    """One of the two brokers, started on a properties file."""

    def __init__(self, case, name):
        self.case = case
        self.name = name
        self.count = 0

    def command(self, properties):
        raise NotImplementedError

    def start(self, properties):
        """(process, whether it has started)"""
        self.count += 1
        log = self.case.path(self.name, f"start-{self.count}.log")
        logs = self.case.path(self.name, f"logs-{self.count}", "x").parent
        process = Process(self.command(properties), log, {"LOG_DIR": str(logs)}, log.parent)
        self.case.at_end(lambda: process.kill() if process.running() else None)
        try:
            process.log.wait_for(r"started \(kafka\.server\.KafkaServer\)", START_LIMIT_S)
            return process, True
        except TimedOut:
            raise
        except AssertionError:  # it ended without that line
            process.wait(30)
            for line in process.log.lines(r"ERROR|FATAL|Exception|error=")[:3]:
                print(f"     {self.name}: {line[:300]}", flush=True)
            return process, False


class Ours(Side):
    def command(self, properties):
        return [places.SERVER, properties]


class Apache(Side):
    def __init__(self, case, name):
        super().__init__(case, name)
        self.jars = jars(case, VERSION)
        self.log4j = case.path("apache-log4j.properties")
        self.log4j.write_text(LOG4J)

    def command(self, properties):
        options = ["-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        options += [f"-Dlog4j.configuration=file:{self.log4j}", "-cp", f"{self.jars}/*"]
        return ["java", *options, "kafka.Kafka", properties]


def both(case):
    return (Ours(case, "ours"), Apache(case, "apache"))


def usual_settings(zookeeper, port, log_dirs):
    return {
        "broker.id": 0,
        "listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "log.dirs": log_dirs,
        "zookeeper.connect": zookeeper.connect_string,
        "zookeeper.session.timeout.ms": 6000,
        "offsets.topic.replication.factor": 1,
    }


class Address:
    def __init__(self, port):
        self.address = f"127.0.0.1:{port}"


def first_directory(case, zookeeper, port):
    """A directory after a clean stop: topic t with RECORDS records, and all its checkpoints."""
    data = case.path("first", "x").parent
    broker = case.broker(zookeeper, port=port, log_dirs=[data])
    kafka_tools.create_topic(broker, "t")
    kcat.produce(broker, "t", b"".join(b"%d\n" % i for i in range(RECORDS)))
    broker.stop()
    for name in ("log-start-offset-checkpoint", "cleaner-offset-checkpoint"):
        (data / name).write_text(f"0\n1\nt 0 {HIDDEN}\n")
    return data


def serves(port):
    """How many records of t there are to read; None when its directory has gone offline."""
    command = ["kcat", "-b", f"127.0.0.1:{port}", "-C", "-q", "-e", "-t", "t", "-o", "beginning"]
    try:
        done = run(command, timeout_s=15)
    except TimedOut:
        return None
    return done.stdout.count("\n") if done.returncode == 0 else None


def has_leader(port):
    topics = kcat.metadata(Address(port))["topics"]
    return any(t["topic"] == "t" and t["partitions"][0]["leader"] == 0 for t in topics)


def outcome_on_files(side, work, directories, name, settings):
    """Two directories, the first of which is damaged."""
    first, other = directories
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    shutil.copytree(first, work / "a")
    shutil.copytree(other, work / "b")
    damage.file_cases()[name](work / "a")
    port = free_port()
    values = settings(port, f"{work}/a,{work}/b")
    file = work / "server.properties"
    file.write_text("".join(f"{key}={value}\n" for key, value in values.items()))
    process, has_started = side.start(file)
    try:
        if not has_started:
            return "ends with 1" if process.wait(10) == 1 else f"ends with {process.wait(10)}"
        try:
            wait_until(lambda: has_leader(port), 15, "a leader of t")
        except TimedOut:
            return WITHOUT_IT
        count = serves(port)
        if count is None:
            return WITHOUT_IT
        said = re.escape(damage.NAMES.get(name[0], name[0]))
        warns = process.log.lines(" (WARN|ERROR) .*" + said)
        return f"starts with {count} records" + (", with a warning" if warns else "")
    finally:
        if process.running():
            process.terminate(90)


def second_directory(case, first):
    """Of the same broker, empty."""
    other = case.path("other", "x").parent
    shutil.copy(first / "meta.properties", other)
    for name in ("recovery-point-offset-checkpoint", "replication-offset-checkpoint"):
        (other / name).write_text("0\n0\n")
    (other / ".kafka_cleanshutdown").write_text("")
    return other


def table(heading):
    """{(first cells...): (ours, Apache's)} of the document's table below a heading."""
    text = DOCUMENT.read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) < 3 or set(cells[0]) <= {"-"}:
            continue
        rows[tuple(cells[:-2])] = tuple(cell.split(";")[0].strip() for cell in cells[-2:])
    return dict(list(rows.items())[1:])


def compare(found, heading):
    """found: {row: (ours, Apache's)}"""
    told = table(heading)
    problems = []
    for row, pair in found.items():
        if told.get(row) != pair:
            problems.append(f"| {' | '.join(row)} | {' | '.join(pair)} |, not {told.get(row)}")
    assert not problems, f"{DOCUMENT.name}, {heading}:\n" + "\n".join(problems)


def test_files_of_a_log_directory(case):
    sides = both(case)
    zookeeper = case.zookeeper()
    first = first_directory(case, zookeeper, free_port())
    other = second_directory(case, first)
    cases = damage.file_cases()
    names = places.sized(case.random.sample(sorted(cases), 4), sorted(cases))
    found = {}
    for name in names:
        found[name] = tuple(
            outcome_on_files(
                side,
                case.path("work", "x").parent,
                (first, other),
                name,
                lambda port, dirs: usual_settings(zookeeper, port, dirs),
            )
            for side in sides
        )
        print("| " + " | ".join([*name, *found[name]]) + " |", flush=True)
    compare(found, "Damaged files, here and in Apache Kafka")


def config_value(port, key):
    resource = {"resource_type": BROKER, "resource_name": "0", "configuration_keys": [key]}
    with Messages(port) as client:
        try:
            answer = client.ask("DescribeConfigs", 1, {"resources": [resource]})
        except UnicodeDecodeError:
            return "bytes that are no UTF-8"
    result = answer["results"][0]
    if result["error_code"] != 0 or not result["configs"]:
        return f"error {result['error_code']}"
    return result["configs"][0]["value"]


def outcome_on_config(side, work, zookeeper, change, key):
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    port = free_port()
    values = usual_settings(zookeeper, port, work / "data")
    usual = "".join(f"{name}={value}\n" for name, value in values.items()).encode()
    file = work / "server.properties"
    if change:
        file.write_bytes(change(usual))
    process, has_started = side.start(file)
    try:
        if not has_started:
            return f"ends with {process.wait(10)}"
        if key is None:
            return "starts"
        value = config_value(port, key)
        return f"starts with {'null' if value is None else repr(value)}"
    finally:
        if process.running():
            process.terminate(90)


def test_config_files(case):
    sides = both(case)
    zookeeper = case.zookeeper()
    cases = damage.CONFIG_CASES
    names = places.sized(case.random.sample(sorted(cases), 4), list(cases))
    found = {}
    for name in names:
        change, key = cases[name]
        work = case.path("work", "x").parent
        found[name,] = tuple(
            outcome_on_config(side, work, zookeeper, change, key) for side in sides
        )
        print("| " + " | ".join([name, *found[name,]]) + " |", flush=True)
    compare(found, "Config files, here and in Apache Kafka")
