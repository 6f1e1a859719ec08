"""Apache Kafka itself, its jars brought by Maven into a cache outside the tree."""

import os
import pathlib
import shutil
import subprocess
import tempfile

from harness import places
from harness.ports import free_port
from harness.process import Process, run

# Scala version and further artifacts of each release. Before 3.0 the tools were part of the core.
RELEASES = {
    "3.9.1": ("2.13", ["kafka-tools"]),
    "2.4.1": ("2.13", ["kafka-tools"]),
}
MAVEN_LIMIT_S = 600

POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>barnabas</groupId><artifactId>apache-kafka</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies>{dependencies}</dependencies>
</project>
"""
DEPENDENCY = (
    "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"
)
LOG4J = """log4j.rootLogger=INFO, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=[%d] %p %m (%c)%n
"""
QUIET_LOG4J = (
    LOG4J.replace("INFO, out", "WARN, err").replace(".out", ".err")
    + "log4j.appender.err.target=System.err\n"
)


def jars(case, version):
    """The folder of a release's jars; skips the test when Maven cannot bring them."""
    folder = places.CACHE / f"kafka-{version}"
    if (folder / "complete").exists():
        return folder
    if shutil.which("mvn") is None:
        case.skip("Maven is not installed")
    scala, further = RELEASES[version]
    artifacts = [("org.apache.kafka", f"kafka_{scala}", version)]
    artifacts += [("org.apache.kafka", name, version) for name in further]
    artifacts.append(("org.slf4j", "slf4j-reload4j", "1.7.36"))
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        dependencies = "".join(DEPENDENCY.format(*artifact) for artifact in artifacts)
        pathlib.Path(work, "pom.xml").write_text(POM.format(dependencies=dependencies))
        try:
            done = subprocess.run(
                [
                    "mvn",
                    "-q",
                    "-B",
                    "dependency:copy-dependencies",
                    f"-DoutputDirectory={work}/jars",
                ],
                cwd=work,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=MAVEN_LIMIT_S,
            )
        except subprocess.TimeoutExpired:
            case.skip(f"Maven did not answer within {MAVEN_LIMIT_S} s")
        if done.returncode != 0:
            case.skip(f"Maven cannot bring Apache Kafka {version}: {done.stdout.decode()[-300:]}")
        # One binding of slf4j is enough, and two print a warning at every start.
        for path in pathlib.Path(work, "jars").glob("slf4j-log4j12-*.jar"):
            path.unlink()
        pathlib.Path(work, "jars", "complete").touch()
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(pathlib.Path(work, "jars"), folder)
    return folder


class ApacheKafka:
    """A release: its tools and, with start_broker, its broker."""

    def __init__(self, case, version):
        self.case = case
        self.version = version
        self._jars = jars(case, version)
        self._log4j = case.path("apache-log4j.properties")
        self._log4j.write_text(LOG4J)
        self._quiet_log4j = case.path("apache-log4j-quiet.properties")
        self._quiet_log4j.write_text(QUIET_LOG4J)

    def _java(self, log4j, *options):
        return [
            "java",
            "-Xms64m",
            "-Xmx512m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            f"-Dlog4j.configuration=file:{log4j}",
            *options,
            "-cp",
            f"{self._jars}/*",
        ]

    def java(self):
        """The command to which a tool's class and arguments are added."""
        return self._java(self._quiet_log4j)

    def tool(self, class_name, *arguments, input_bytes=None, timeout_s=120):
        return run([*self._java(self._quiet_log4j), class_name, *arguments], input_bytes, timeout_s)

    def ok(self, class_name, *arguments, **options):
        done = self.tool(class_name, *arguments, **options)
        assert done.returncode == 0, (
            f"{class_name} of {self.version}: exit code {done.returncode}\n"
            + done.stdout
            + done.stderr
        )
        return done.stdout

    def dump_log(self, *files, deep=True):
        options = ["--print-data-log"] if deep else []
        done = self.tool(
            "kafka.tools.DumpLogSegments", *options, "--files", ",".join(map(str, files))
        )
        assert done.returncode == 0, f"DumpLogSegments: {done.stdout}\n{done.stderr}"
        return done

    def start_broker(self, properties_file, name="apache-kafka", timeout_s=120):
        process = Process(
            [
                *self._java(self._log4j, "-Dkafka.logs.dir=" + str(self.case.path(name, "logs"))),
                "kafka.Kafka",
                properties_file,
            ],
            self.case.path(name, "kafka.log"),
        )
        self.case.at_end(lambda: process.kill() if process.running() else None)
        process.log.wait_for(r"started \(kafka\.server\.KafkaServer\)", timeout_s)
        return process

    def write_properties(
        self, zookeeper_connect, broker_id, log_dir, port=None, settings=None, name="apache-kafka"
    ):
        """server.properties of an Apache broker; returns (file, port)."""
        port = port or free_port()
        values = {
            "broker.id": broker_id,
            "listeners": f"PLAINTEXT://127.0.0.1:{port}",
            "log.dirs": log_dir,
            "zookeeper.connect": zookeeper_connect,
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            **(settings or {}),
        }
        path = self.case.path(name, "server.properties")
        path.write_text("".join(f"{key}={value}\n" for key, value in values.items()))
        return path, port
