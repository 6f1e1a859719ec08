"""The installation's bin/*.sh, run as a user runs them."""

from harness import places
from harness.process import Process, run


def script(name):
    return places.DIST / "bin" / name


def tool(name, *arguments, input_bytes=None, timeout_s=60, environment=None):
    """tool("kafka-topics", "--list", ...): to the end, whatever the exit code."""
    return run([script(name + ".sh"), *arguments], input_bytes, timeout_s, environment)


def ok(name, *arguments, **options):
    """As tool, but a failure fails the test. Returns what was printed on stdout."""
    done = tool(name, *arguments, **options)
    assert done.returncode == 0, (
        f"{name} {' '.join(map(str, arguments))}: exit code {done.returncode}\n"
        f"stdout: {done.stdout}\nstderr: {done.stderr}"
    )
    return done.stdout


def create_topic(broker, topic, partitions=1, replication_factor=1, **configs):
    arguments = [
        "--bootstrap-server",
        broker.address,
        "--create",
        "--topic",
        topic,
        "--partitions",
        partitions,
        "--replication-factor",
        replication_factor,
    ]
    for key, value in configs.items():
        arguments += ["--config", f"{key.replace('_', '.')}={value}"]
    return ok("kafka-topics", *arguments)


def topics(broker):
    return ok("kafka-topics", "--bootstrap-server", broker.address, "--list").split()


def end_offsets(broker, topic, time=-1):
    """{partition: offset} by kafka-get-offsets."""
    printed = ok(
        "kafka-get-offsets", "--bootstrap-server", broker.address, "--topic", topic, "--time", time
    )
    offsets = {}
    for line in printed.splitlines():
        name, partition, offset = line.rsplit(":", 2)
        assert name == topic, line
        offsets[int(partition)] = int(offset)
    return offsets


def start_tool(case, name, *arguments, log_name=None, environment=None, stdin=None):
    """A tool that goes on until it is ended; its output is in .log."""
    options = {} if stdin is None else {"stdin": stdin}
    process = Process(
        [script(name + ".sh"), *arguments],
        case.path(log_name or name + ".log"),
        environment,
        **options,
    )
    case.at_end(lambda: process.kill() if process.running() else None)
    return process
