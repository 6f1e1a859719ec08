"""The start scripts of dist/bin: the variables of Kafka's scripts mean what they mean there, or do
no harm."""

from harness import kafka_tools
from harness.ports import free_port
from harness.waiting import wait_until

BINDING = "binding to port"
# What installations set for a JVM: of no use to a broker that is none.
FOR_A_JVM = {
    "KAFKA_HEAP_OPTS": "-Xmx256M -Xms64M",
    "KAFKA_JVM_PERFORMANCE_OPTS": "-server -XX:+UseSerialGC",
    "KAFKA_OPTS": "-Dsome.property=1",
    "KAFKA_GC_LOG_OPTS": "-verbose:gc",
    "CLASSPATH": "/nonexistent.jar",
    "KAFKA_MODE": "jvm",
    "SCALA_VERSION": "2.13",
    "INCLUDE_TEST_JARS": "false",
}


def zookeeper_properties(case):
    file = case.path("zookeeper.properties")
    file.write_text(
        f"dataDir={case.path('zookeeper-data')}\nclientPort={free_port()}\n"
        "clientPortAddress=127.0.0.1\nadmin.enableServer=false\n"
    )
    return file


def start_zookeeper(case, environment):
    logs = case.path("logs", "x").parent
    return kafka_tools.start_tool(
        case,
        "zookeeper-server-start",
        zookeeper_properties(case),
        environment={"LOG_DIR": str(logs), **environment},
    )


def test_zookeeper_shows_what_fixtures_wait_for(case):
    start_zookeeper(case, {}).log.wait_for(BINDING, 60)


def test_zookeeper_takes_the_variables_of_a_jvm(case):
    process = start_zookeeper(case, {**FOR_A_JVM, "EXTRA_ARGS": "-name other -loggc"})
    process.log.wait_for(BINDING, 60)
    with open(f"/proc/{process.pid}/cmdline", encoding="utf-8") as file:
        command = file.read()
    assert "-Xmx256M\0" in command and "-Dsome.property=1\0" in command, command
    assert "-XX:+UseSerialGC\0" in command, command


def test_zookeeper_logs_as_it_is_told(case):
    """KAFKA_LOG4J_OPTS replaces our configuration; kafka.logs.dir is known to it."""
    config = case.path("log4j.properties")
    config.write_text(
        "log4j.rootLogger=INFO, file\n"
        "log4j.appender.file=org.apache.log4j.FileAppender\n"
        "log4j.appender.file.File=${kafka.logs.dir}/mine.log\n"
        "log4j.appender.file.layout=org.apache.log4j.PatternLayout\n"
        "log4j.appender.file.layout.ConversionPattern=MINE %m%n\n"
    )
    process = start_zookeeper(case, {"KAFKA_LOG4J_OPTS": f"-Dlog4j.configuration=file:{config}"})
    mine = case.path("logs", "mine.log")
    wait_until(lambda: mine.exists() and BINDING in mine.read_text(), 60, "our own log")
    assert not process.log.lines(BINDING)
    assert "MINE" in mine.read_text()


def test_the_broker_takes_the_variables_of_a_jvm(case):
    broker = case.broker(case.zookeeper(), start=False)
    environment = {**FOR_A_JVM, "JMX_PORT": "1", "KAFKA_DEBUG": "y", "JAVA_HOME": "/nonexistent"}
    logs = case.path("elsewhere")
    process = kafka_tools.start_tool(
        case,
        "kafka-server-start",
        broker.write_properties(),
        environment={
            **environment,
            "LOG_DIR": str(case.path("logs")),
            "KAFKA_LOG4J_OPTS": f"-Dkafka.logs.dir={logs}",
        },
    )
    process.log.wait_for(r"started \(kafka\.server\.KafkaServer\)", 60)
    assert "started" in (logs / "server.log").read_text()
    assert process.terminate() == 143


def test_help_of_the_start_script(case):
    del case
    for option in ("--help", "-help"):
        done = kafka_tools.tool("kafka-server-start", option)
        assert done.returncode == 1 and done.stdout == "", done
        for word in ("USAGE", "-daemon", "--override", "--version", "server.log"):
            assert word in done.stderr, done.stderr
    assert kafka_tools.tool("kafka-server-start").stdout.startswith("USAGE: ")


def test_class_names_of_older_scripts(case):
    zookeeper = case.zookeeper()
    printed = kafka_tools.ok(
        "kafka-run-class",
        *("org.apache.zookeeper.ZooKeeperMain", "-server", zookeeper.connect_string, "ls", "/"),
    )
    assert "zookeeper" in printed, printed
    helped = kafka_tools.tool(
        "kafka-run-class", "-name", "kafkaServer", "-loggc", "kafka.Kafka", "--help"
    )
    assert "USAGE" in helped.stderr, helped
