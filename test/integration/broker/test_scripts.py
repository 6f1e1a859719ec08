"""The start scripts of dist/bin: the variables of Kafka's scripts mean what they mean there, or do
no harm."""

import os
import shlex
import shutil

from harness import kafka_tools, places
from harness.ports import free_port
from harness.process import Process, run
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


def copied_installation(case, name="barnabas dist"):
    """A copy of the installation that shares nothing with it but the programs."""
    home = case.path(name, "x").parent
    shutil.copytree(places.DIST / "bin", home / "bin")
    shutil.copytree(places.DIST / "config", home / "config")
    (home / "libexec").symlink_to(places.DIST / "libexec")
    return home


def test_scripts_run_however_they_are_called(case):
    """By sh and by bash, from PATH, through a symbolic link, in a path with spaces."""
    home = copied_installation(case)
    link = case.path("topics")
    link.symlink_to(home / "bin" / "kafka-topics.sh")
    script = home / "bin" / "kafka-topics.sh"
    path = {"PATH": f"{home / 'bin'}:{os.environ['PATH']}"}
    for command, environment in (
        ([script], None),
        (["sh", script], None),
        (["bash", script], None),
        ([link], None),
        (["sh", link], None),
        (["kafka-topics.sh"], path),
        (["bash", "kafka-topics.sh"], path),
    ):
        done = run([*command, "--version"], environment=environment)
        assert (done.returncode, done.stderr) == (0, ""), (command, done)
        assert done.stdout.strip(), (command, done)
    for script in {*(home / "bin").glob("*.sh")} - {home / "bin" / "barnabas-env.sh"}:
        assert "BASH_VERSION" in script.read_text().splitlines()[1], script


def test_a_daemon_that_cannot_begin_says_so(case):
    """Its own words would go to a file where nobody looks."""
    logs = case.path("logs")
    environment = {"LOG_DIR": str(logs)}
    missing = case.path("missing.properties")
    blocked = case.path("blocked")
    (blocked / "kafkaServer.out").mkdir(parents=True)
    (blocked / "zookeeper.out").mkdir()
    config = case.path("server.properties")
    config.write_text("")
    for name in ("kafka-server-start", "zookeeper-server-start"):
        done = kafka_tools.tool(name, "-daemon", missing, environment=environment)
        assert done.returncode == 1 and str(missing) in done.stderr, done
        done = kafka_tools.tool(name, "-daemon", environment=environment)
        assert done.returncode == 1 and done.stdout.startswith("USAGE: "), done
        done = kafka_tools.tool(name, "-daemon", config, environment={"LOG_DIR": str(blocked)})
        assert done.returncode == 1 and "LOG_DIR" in done.stderr, done


def test_asking_the_other_scripts_for_help_does_nothing_else(case):
    zookeeper = case.zookeeper()
    for option in ("--help", "-h"):
        for name in ("zookeeper-server-stop", "zookeeper-server-start", "kafka-run-class"):
            done = kafka_tools.tool(name, option)
            assert done.returncode == 1 and done.stdout.startswith("USAGE: "), (name, done)
    listed = kafka_tools.ok("zookeeper-shell", zookeeper.connect_string, "ls", "/")
    assert "zookeeper" in listed, listed


def test_a_broker_of_another_user_is_not_said_to_be_absent(case):
    """Only its command can be read then; the signal is 0, and refused."""
    if os.geteuid() != 0:
        case.skip("needs root, to be another user")
    broker = case.single()
    options = ["--reuid", "65534", "--regid", "65534", "--clear-groups"]
    script = kafka_tools.script("kafka-server-stop.sh")
    as_nobody = ["setpriv", *options]
    if run([*as_nobody, "test", "-r", script]).returncode != 0:
        case.skip("another user cannot read this installation")
    done = run([*as_nobody, script], environment={"SIGNAL": "0"})
    assert "No kafka server" not in done.stdout and done.returncode == 1, done
    assert str(broker.process.pid) in done.stderr, done


def test_stop_takes_a_configuration_as_kafkas_does(case):
    broker = case.single()
    done = kafka_tools.tool(
        "kafka-server-stop", "config/server.properties", environment={"SIGNAL": "0"}
    )
    assert done.returncode == 0, done
    assert broker.process.running()
    done = kafka_tools.tool("kafka-server-stop", "0", environment={"SIGNAL": "0"})
    assert done.returncode == 1 and done.stdout.startswith("USAGE: "), done


def test_closed_standard_descriptors(case):
    """They are not given to sockets and files: libuv would end the tool, and lines of a log would
    be written into whatever has the number."""
    broker = case.single()
    list_topics = [kafka_tools.script("kafka-topics.sh"), "--bootstrap-server", broker.address]
    list_topics = shlex.join(map(str, [*list_topics, "--list"]))
    for closed, code in (("<&-", 0), (">&-", 1), ("2>&-", 0), ("<&- 2>&-", 0), ("<&- >&- 2>&-", 1)):
        done = run(["sh", "-c", f"{list_topics} {closed}"])
        assert done.returncode == code, (closed, done)
        assert "Assertion" not in done.stderr, done
    server = case.broker(case.zookeeper(name="second"), start=False, name="closed")
    command = [kafka_tools.script("kafka-server-start.sh"), server.write_properties()]
    command = shlex.join(map(str, command))
    logs = case.path("closed-logs")
    process = Process(
        ["sh", "-c", f"exec {command} <&- >&- 2>&-"],
        case.path("closed.log"),
        {"LOG_DIR": str(logs)},
    )
    case.at_end(lambda: process.kill() if process.running() else None)
    log = logs / "server.log"
    wait_until(
        lambda: not process.running() or (log.exists() and "started (kafka" in log.read_text()),
        60,
        "the broker",
    )
    assert process.running(), process.log.lines()
    assert process.terminate() == 143
