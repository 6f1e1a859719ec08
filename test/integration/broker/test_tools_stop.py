"""Tools that stop while the topic has more for them, as they do in a user's hands: what they showed
is committed and nothing else, the group is left, and the exit code is Kafka's."""

import json
import signal
import subprocess
import threading

from harness import kafka_tools, kcat
from harness.waiting import wait_until

COUNT = 5000
LINES = [f"line {number}" for number in range(COUNT)]
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM


def server(broker):
    return ["--bootstrap-server", broker.address]


def full_topic(case, partitions=1):
    broker = case.single()
    kafka_tools.create_topic(broker, "t", partitions=partitions)
    kafka_tools.ok(
        "kafka-console-producer",
        *server(broker),
        "--topic",
        "t",
        input_bytes="".join(line + "\n" for line in LINES).encode(),
    )
    return broker


def console(broker, *options):
    """Its lines; it must end by itself, with 0."""
    done = kafka_tools.tool("kafka-console-consumer", *server(broker), "--topic", "t", *options)
    assert done.returncode == 0, (done.returncode, done.stderr)
    lines = done.stdout.splitlines()
    assert done.stderr.endswith(f"Processed a total of {len(lines)} messages\n"), done.stderr
    assert "WARN" not in done.stderr, done.stderr
    return lines


def group_rows(broker, *view):
    printed = kafka_tools.ok(
        "kafka-consumer-groups", *server(broker), "--describe", "--group", "g", *view
    )
    return [line.split() for line in printed.splitlines() if line.startswith("g ")]


def committed(broker):
    """{partition: offset}"""
    return {int(row[2]): int(row[3]) for row in group_rows(broker) if row[3] != "-"}


def members(broker):
    return group_rows(broker, "--members")


class Traffic:
    """Records that keep coming while a tool is stopped."""

    def __init__(self, broker):
        self._broker = broker
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self._is_over.is_set():
            kcat.produce(self._broker, "t", b"more\n" * 2000)

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *_):
        self._is_over.set()
        self._thread.join(30)


def test_a_limit_below_what_is_there(case):
    """Again and again: each run goes on exactly where the one before stopped."""
    broker = full_topic(case)
    group = ["--group", "g", "--from-beginning"]
    for first, last in ((0, 10), (10, 11), (11, 1511)):
        assert console(broker, *group, "--max-messages", last - first) == LINES[first:last]
        assert committed(broker) == {0: last}
        assert members(broker) == []


def test_a_limit_over_several_partitions(case):
    broker = full_topic(case, partitions=3)
    group = ["--group", "g", "--from-beginning"]
    shown = console(broker, *group, "--max-messages", 700)
    assert sum(committed(broker).values()) == 700
    shown += console(broker, *group, "--max-messages", 800)
    assert sum(committed(broker).values()) == 1500
    assert len(set(shown)) == 1500, "a record was shown twice"


def test_one_partition_by_itself(case):
    broker = full_topic(case)
    got = console(broker, "--partition", 0, "--offset", 100, "--max-messages", 50)
    assert got == LINES[100:150]


def test_topics_by_regular_expression(case):
    broker = full_topic(case)
    done = kafka_tools.tool(
        "kafka-console-consumer",
        *server(broker),
        *("--include", "t.*", "--group", "g", "--from-beginning", "--max-messages", 7),
    )
    assert (done.returncode, done.stdout.splitlines()) == (0, LINES[:7]), done
    assert committed(broker) == {0: 7}


def test_a_reader_that_goes_away(case):
    """... | head -1"""
    broker = full_topic(case)
    with Traffic(broker):
        done = kafka_tools.run(
            [
                "bash",
                "-c",
                'set -o pipefail; "$@" | head -n 1',
                "bash",
                kafka_tools.script("kafka-console-consumer.sh"),
                *server(broker),
                *("--topic", "t", "--group", "g", "--from-beginning"),
            ]
        )
    assert (done.returncode, done.stdout) == (0, LINES[0] + "\n"), done
    assert "Unable to write to standard out, closing consumer." in done.stderr, done.stderr
    assert members(broker) == []


def stop_on_a_busy_topic(case, broker, name, arguments, number, exit_code, last_words):
    tool = kafka_tools.start_tool(case, name, *server(broker), "--topic", "t", *arguments)
    with Traffic(broker):
        tool.log.wait_for("line 4999|records_consumed", 60)
        tool.send(number)
        assert tool.wait(30) == exit_code, tool.log.lines()[-5:]
    assert tool.log.lines(last_words), tool.log.lines()[-5:]
    assert members(broker) == []
    return tool


def test_control_c_on_a_busy_topic(case):
    broker = full_topic(case)
    tool = stop_on_a_busy_topic(
        case,
        broker,
        "kafka-console-consumer",
        ["--group", "g", "--from-beginning"],
        signal.SIGINT,
        INTERRUPTED,
        "Processed a total of ",
    )
    shown = len(tool.log.lines("^(line|more)"))
    assert committed(broker) == {0: shown}
    assert tool.log.lines(f"Processed a total of {shown} messages")


def test_the_verifiable_consumer_on_a_busy_topic(case):
    broker = full_topic(case)
    for number, exit_code in ((signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)):
        tool = stop_on_a_busy_topic(
            case,
            broker,
            "kafka-verifiable-consumer",
            ["--group-id", "g"],
            number,
            exit_code,
            '"shutdown_complete"',
        )
        events = [json.loads(line) for line in tool.log.lines("^{")]
        assert events[-2]["name"] == "partitions_revoked", events[-2:]
        last = [event for event in events if event["name"] == "offsets_committed"][-1]
        assert committed(broker) == {0: last["offsets"][0]["offset"]}


def test_the_verifiable_consumer_with_a_limit(case):
    broker = full_topic(case)
    command = ["kafka-verifiable-consumer", *server(broker), "--topic", "t", "--group-id", "g"]
    for end in (10, 20):
        events = [
            json.loads(line)
            for line in kafka_tools.ok(*command, "--max-messages", 10).splitlines()
        ]
        assert [event["name"] for event in events] == [
            "startup_complete",
            "partitions_assigned",
            "records_consumed",
            "offsets_committed",
            "partitions_revoked",
            "shutdown_complete",
        ]
        assert committed(broker) == {0: end}
        assert members(broker) == []


def test_a_member_that_stopped_is_not_missed(case):
    """The next one gets the partition at once, long before the first one's session would end."""
    broker = full_topic(case)
    console(broker, "--group", "g", "--from-beginning", "--max-messages", 3)
    tool = kafka_tools.start_tool(
        case, "kafka-console-consumer", *server(broker), "--topic", "t", "--group", "g"
    )
    tool.log.wait_for("^line 3$", 30)
    tool.terminate()
    wait_until(lambda: members(broker) == [], 20, "the group is empty")


def test_a_reader_that_has_seen_enough(case):
    """As `| head -3` does: the consumer ends with what the pipe holds, not with the topic."""
    broker = case.single()
    count = 200_000
    kafka_tools.create_topic(broker, "t")
    lines = "".join(f"line {number}\n" for number in range(count)).encode()
    options = [*server(broker), "--topic", "t"]
    kafka_tools.ok("kafka-console-producer", *options, input_bytes=lines)
    script = kafka_tools.script("kafka-console-consumer.sh")
    command = [str(script), *options, "--group", "g", "--from-beginning"]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as consumer:
        case.at_end(consumer.kill)
        assert [consumer.stdout.readline() for _ in range(3)] == lines.splitlines(True)[:3]
        consumer.stdout.close()
        said = consumer.stderr.read().decode()
        assert consumer.wait(60) == 0, said
    assert said.startswith("Unable to write to standard out, closing consumer.\n"), said
    # Some buffers of 64 KiB.
    assert 0 < committed(broker)[0] < count // 2, said
    assert members(broker) == []
