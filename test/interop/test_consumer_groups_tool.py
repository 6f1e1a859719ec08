"""kafka-consumer-groups beside the tool it is modelled on, both against one broker: Apache Kafka's
and ours."""

import re

from harness import kafka_tools
from harness.apache_kafka import ApacheKafka

LIMIT_S = 900
CLASSES = {
    "3.9.1": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "2.4.1": "kafka.admin.ConsumerGroupCommand",
}


class Scene:
    """A topic of three partitions, a group that has read two of them and left."""

    def __init__(self, case, version, broker=None):
        self.version = version
        self.kafka = ApacheKafka(case, version)
        address = broker.address if broker else self.start_apache_broker(case)
        self.server = ["--bootstrap-server", address]
        kafka_tools.ok("kafka-topics", *self.server, "--create", "--topic", "t", "--partitions", 3)
        kafka_tools.ok(
            "kafka-verifiable-producer",
            *self.server,
            "--topic",
            "t",
            "--max-messages",
            20,
            "--repeating-keys",
            2,
        )
        self.consume("gone", 19)

    def start_apache_broker(self, case):
        path, port = self.kafka.write_properties(
            case.zookeeper().connect_string,
            0,
            case.path("apache-data", "x").parent,
            settings={"offsets.topic.num.partitions": 3, "group.initial.rebalance.delay.ms": 0},
        )
        self.kafka.start_broker(path)
        return f"127.0.0.1:{port}"

    def consume(self, group, count):
        kafka_tools.ok(
            "kafka-console-consumer",
            *self.server,
            "--topic",
            "t",
            "--group",
            group,
            "--from-beginning",
            "--max-messages",
            count,
        )

    def start_member(self, case, group):
        member = kafka_tools.start_tool(
            case, "kafka-verifiable-consumer", *self.server, "--topic", "t", "--group-id", group
        )
        member.log.wait_for("offsets_committed", 60)
        return member

    def ours(self, *arguments):
        return kafka_tools.tool("kafka-consumer-groups", *self.server, *arguments)

    def theirs(self, *arguments):
        return self.kafka.tool(CLASSES[self.version], *self.server, *arguments)

    def compare(self, *arguments, change=lambda text: text, change_ours=None):
        """Both print the same lines, in any order, and end with the same code."""
        ours, theirs = self.ours(*arguments), self.theirs(*arguments)
        pairs = [
            (
                lines_of((change_ours or change)(ours.stdout)),
                lines_of(change(theirs.stdout)),
            ),
            (ours.returncode, theirs.returncode),
        ]
        for mine, original in pairs:
            assert mine == original, (
                f"{self.version} {arguments}\nours:\n{ours.stdout}{ours.stderr}\n"
                f"theirs:\n{theirs.stdout}{theirs.stderr}"
            )
        return ours


def lines_of(text):
    return sorted(line for line in text.splitlines() if line.strip())


def squeezed(text):
    return re.sub(" +", " ", text)


def without_reasons(text):
    """The words behind the name of an exception are our own."""
    return re.sub(r"(Exception): [^\n]*\.?$", r"\1", text, flags=re.M)


def looks(case, version, broker=None):
    scene = Scene(case, version, broker)
    scene.start_member(case, "stays")
    assert lines_of(scene.ours("--list").stdout) == ["gone", "stays"]
    scene.compare("--list")
    scene.compare("--describe", "--group", "gone")
    scene.compare("--describe", "--group", "stays", "--offsets")
    scene.compare("--describe", "--group", "stays", "--members")
    scene.compare("--describe", "--group", "stays", "--state", change=squeezed)
    scene.compare("--describe", "--all-groups")
    scene.compare("--describe", "--group", "none")
    note = scene.ours("--describe", "--group", "gone").stderr
    assert "Consumer group 'gone' has no active members." in note, note
    return scene


def test_looks_like_3_9(case):
    scene = looks(case, "3.9.1")
    scene.compare("--list", "--state", "stable,empty", "--type")
    scene.compare("--list", "--state", "wrong")
    scene.compare(
        "--describe",
        "--group",
        "stays",
        "--members",
        "--verbose",
        change_ours=lambda text: text.replace("t(", "("),  # 3.9 forgets the topic
    )


def test_looks_like_2_4(case):
    scene = looks(case, "2.4.1")
    scene.compare("--describe", "--group", "stays", "--members", "--verbose")


def resets(case, version, change):
    scene = Scene(case, version)
    reset = ["--reset-offsets", "--group", "gone"]
    targets = [
        ["--topic", "t", "--to-earliest"],
        ["--topic", "t:0,1", "--to-latest"],
        ["--topic", "t", "--to-offset", 5],
        ["--all-topics", "--shift-by", -3],
        ["--topic", "t", "--to-current"],
        ["--all-topics", "--to-datetime", "2020-01-01T00:00:00.000+01:00"],
        ["--all-topics", "--by-duration", "P1DT2H"],
    ]
    for target in targets:
        scene.compare(*reset, *target, "--dry-run", "--export")
    scene.compare(*reset, "--topic", "t", "--to-latest", "--dry-run", change=change)
    exported = scene.ours(*reset, "--all-topics", "--shift-by", -3, "--dry-run", "--export").stdout
    plan = case.path("plan.csv")
    plan.write_text(exported)
    scene.ours(*reset, "--from-file", plan, "--execute")
    after = scene.compare("--describe", "--group", "gone").stdout
    lags = [line.split()[5] for line in lines_of(after) if line.startswith("gone")]
    assert sorted(lags) == ["3", "4"], after  # three back, and one was never read
    scene.compare(*reset, "--from-file", plan, "--dry-run", change=change)
    # What cannot be.
    scene.compare(*reset, "--topic", "t", "--by-duration", "1D", "--dry-run")
    scene.compare(*reset, "--to-latest", "--dry-run")
    return scene


def test_resets_like_3_9(case):
    # 3.9 ends no line of the table.
    def change(text):
        return re.sub(r" +(?=gone )", "\n", text).replace(" \n", "\n").rstrip(" ")

    def trimmed(text):
        return "\n".join(line.rstrip() for line in change(text).splitlines())

    scene = resets(case, "3.9.1", trimmed)
    reset = ["--reset-offsets", "--group", "gone", "--topic", "t"]
    scene.compare(*reset, "--shift-by", 1)
    for wrong in ("2020-01-01", "2020-01-01T", "2020-01-01T00:00", "2020-02-30T00:00:00.000+01"):
        scene.compare(*reset, "--to-datetime", wrong, "--dry-run")


def test_resets_like_2_4(case):
    resets(case, "2.4.1", lambda text: text)


def deletes(case, broker=None):
    scene = Scene(case, "2.4.1", broker)
    scene.start_member(case, "stays")
    for group in ("stays", "none"):
        scene.compare("--delete", "--group", group, change=without_reasons)
    delete = ["--delete-offsets", "--group"]
    scene.compare(*delete, "stays", "--topic", "t:0", change=without_reasons)
    scene.compare(*delete, "none", "--topic", "t", change=without_reasons)
    scene.compare(*delete, "gone", "--topic", "t:0", "--topic", "none", change=without_reasons)
    left = lines_of(scene.ours("--describe", "--group", "gone").stdout)
    assert len(left) == 2, left  # the header and the other partition
    deleted = scene.ours("--delete", "--group", "gone")
    assert deleted.stdout == "Deletion of requested consumer groups ('gone') was successful.\n"
    assert lines_of(scene.theirs("--list").stdout) == ["stays"]


def test_deletes_like_2_4(case):
    deletes(case)


def test_both_tools_on_our_broker_3_9(case):
    scene = looks(case, "3.9.1", case.single())
    scene.compare("--list", "--state", "stable,empty", "--type")


def test_both_tools_on_our_broker_2_4(case):
    looks(case, "2.4.1", case.single())


def test_both_tools_delete_on_our_broker(case):
    deletes(case, case.single())
