"""The tools of dist/bin, word for word as a user types them."""

import subprocess

from harness import kafka_tools, kcat
from harness.ports import free_port
from harness.waiting import wait_until

LINES = b"".join(b"line %d\n" % i for i in range(1000))


def bootstrap(broker):
    return ["--bootstrap-server", broker.address]


def test_console_tools(case):
    broker = case.single()
    kafka_tools.create_topic(broker, "t")
    kafka_tools.ok("kafka-console-producer", *bootstrap(broker), "--topic", "t", input_bytes=LINES)
    got = kafka_tools.ok(
        "kafka-console-consumer",
        *bootstrap(broker),
        "--topic",
        "t",
        "--from-beginning",
        "--max-messages",
        900,
    )
    assert got.encode() == b"".join(b"line %d\n" % i for i in range(900))
    got = kafka_tools.ok(
        "kafka-console-consumer",
        *bootstrap(broker),
        "--topic",
        "t",
        "--partition",
        0,
        "--offset",
        890,
        "--max-messages",
        10,
    )
    assert got.encode() == b"".join(b"line %d\n" % i for i in range(890, 900))


def test_the_old_name_of_the_address(case):
    broker = case.single()
    kafka_tools.create_topic(broker, "t")
    kafka_tools.ok(
        "kafka-console-producer",
        "--broker-list",
        broker.address,
        "--topic",
        "t",
        input_bytes=b"x\n",
    )
    assert kcat.consume(broker, "t") == b"x\n"


def test_every_codec(case):
    broker = case.single()
    for codec in kcat.CODECS:
        kafka_tools.ok(
            "kafka-console-producer",
            *bootstrap(broker),
            "--topic",
            f"t-{codec}",
            "--compression-codec",
            codec,
            input_bytes=LINES,
        )
        assert kcat.consume(broker, f"t-{codec}") == LINES


def test_keys(case):
    broker = case.single()
    kafka_tools.ok(
        "kafka-console-producer",
        *bootstrap(broker),
        "--topic",
        "t",
        "--property",
        "parse.key=true",
        "--property",
        "key.separator=:",
        input_bytes=b"k:v\nk:w\nk:x\n",
    )
    got = kafka_tools.ok(
        "kafka-console-consumer",
        *bootstrap(broker),
        "--topic",
        "t",
        "--from-beginning",
        "--max-messages",
        1,
        "--property",
        "print.key=true",
    )
    assert got == "k\tv\n", got


def test_the_consumer_gives_up_in_time(case):
    broker = case.single()
    kafka_tools.create_topic(broker, "t")
    done = kafka_tools.tool(
        "kafka-console-consumer",
        *bootstrap(broker),
        "--topic",
        "t",
        "--from-beginning",
        "--timeout-ms",
        1500,
    )
    assert done.stdout == ""
    assert "Processed a total of 0 messages" in done.stderr, done.stderr


def test_a_consumer_sees_what_comes_later(case):
    broker = case.single()
    kafka_tools.create_topic(broker, "t")
    kcat.produce(broker, "t", b"early\n")
    consumer = kafka_tools.start_tool(
        case, "kafka-console-consumer", *bootstrap(broker), "--topic", "t", "--from-beginning"
    )
    consumer.log.wait_for("^early$")
    kcat.produce(broker, "t", b"later\n")
    consumer.log.wait_for("^later$")
    consumer.terminate()


def test_a_producer_that_is_typed_into(case):
    broker = case.single()
    kafka_tools.create_topic(broker, "t")
    producer = kafka_tools.start_tool(
        case, "kafka-console-producer", *bootstrap(broker), "--topic", "t", stdin=subprocess.PIPE
    )
    producer.stdin.write(b"typed\n")
    producer.stdin.flush()
    wait_until(lambda: kafka_tools.end_offsets(broker, "t") == {0: 1}, 20, "the line arrives")
    producer.stdin.close()
    assert producer.wait() == 0


def test_versions(case):
    broker = case.single()
    printed = kafka_tools.ok("kafka-broker-api-versions", *bootstrap(broker))
    assert "Produce(0): " in printed and "Fetch(1): " in printed, printed


def test_class_names(case):
    """kafka-run-class.sh knows the classes that scripts call."""
    broker = case.single()
    kafka_tools.ok(
        "kafka-run-class",
        "kafka.admin.TopicCommand",
        *bootstrap(broker),
        "--create",
        "--topic",
        "t",
    )
    listed = kafka_tools.ok(
        "kafka-run-class", "org.apache.kafka.tools.TopicCommand", *bootstrap(broker), "--list"
    )
    assert listed.split() == ["t"]
    assert kafka_tools.tool("kafka-run-class", "no.such.Thing").returncode == 1


def test_zookeeper_shell(case):
    zookeeper = case.zookeeper()
    broker = case.broker(zookeeper)
    kafka_tools.create_topic(broker, "t")
    printed = kafka_tools.ok("zookeeper-shell", zookeeper.connect_string, "ls", "/brokers/topics")
    assert printed.startswith(f"Connecting to {zookeeper.connect_string}\n"), printed
    assert printed.rstrip().endswith("[t]"), printed
    printed = kafka_tools.ok("zookeeper-shell", zookeeper.connect_string, "get", "/brokers/ids/0")
    assert f'"port":{broker.port}' in printed
    failed = kafka_tools.tool("zookeeper-shell", zookeeper.connect_string, "get", "/none")
    assert failed.returncode == 1 and "Node does not exist" in failed.stdout + failed.stderr


def test_dump_log(case):
    broker = case.single()
    kcat.produce(broker, "t", b"one\ntwo\n")
    broker.stop()
    file = broker.log_dirs[0] / "t-0" / "00000000000000000000.log"
    printed = kafka_tools.ok("kafka-dump-log", "--print-data-log", "--files", file)
    assert "Log starting offset: 0" in printed
    assert "payload: one\n" in printed and "payload: two\n" in printed, printed


def test_help_and_usage(case):
    for name in (
        "kafka-topics",
        "kafka-console-producer",
        "kafka-console-consumer",
        "kafka-consumer-groups",
        "kafka-get-offsets",
        "kafka-dump-log",
        "kafka-broker-api-versions",
    ):
        done = kafka_tools.tool(name, "--help")
        assert done.returncode == 1 and done.stdout == "" and "--" in done.stderr, (name, done)
        wrong = kafka_tools.tool(name, "--no-such-option")
        assert wrong.returncode == 1 and "no-such-option" in wrong.stderr, (name, wrong)


def test_a_server_that_is_not_there(case):
    del case
    done = kafka_tools.tool(
        "kafka-topics", "--bootstrap-server", "127.0.0.1:1", "--list", timeout_s=90
    )
    assert done.returncode == 1 and "127.0.0.1:1" in done.stdout + done.stderr


def test_the_console_producer_waits_as_long_as_javas(case):
    """Two minutes for a delivery unless batching takes longer; what the user says must fit."""
    broker = case.single()
    options = ["--bootstrap-server", broker.address, "--topic", "t", "--timeout", "120001"]
    kafka_tools.ok("kafka-console-producer", *options)
    told = ["--producer-property", "delivery.timeout.ms=120000"]
    done = kafka_tools.tool("kafka-console-producer", *options, *told)
    assert done.returncode == 1 and "linger.ms" in done.stderr, done


def test_help_of_the_shell(case):
    del case
    done = kafka_tools.tool("zookeeper-shell", "--help")
    assert done.returncode == 1 and done.stderr.startswith("USAGE: zookeeper-shell.sh "), done
    assert done.stdout == "", done


def test_the_verifiable_tools_name_a_broker_that_is_absent(case):
    """They try on, as Kafka's do, but not without a word."""
    address = f"127.0.0.1:{free_port()}"
    for name, options in (
        ("kafka-verifiable-producer", ["--max-messages", "1"]),
        ("kafka-verifiable-consumer", ["--group-id", "g"]),
    ):
        command = ["--bootstrap-server", address, "--topic", "t", *options]
        process = kafka_tools.start_tool(case, name, *command)
        process.log.wait_for(rf"WARN No broker can be reached \({address}.*\), trying on", 20)
        assert process.running()
