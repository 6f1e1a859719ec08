"""kcat (librdkafka) as a client that we did not write."""

import json
import shutil
import subprocess

from harness.process import run
from harness.waiting import wait_until

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


def available():
    return shutil.which("kcat") is not None


def produce(broker, topic, lines, *options, timeout_s=300, partition=None):
    """lines: bytes, one message a line."""
    command = ["kcat", "-b", broker.address, "-P", "-t", topic, *options]
    if partition is not None:
        command += ["-p", str(partition)]
    done = run(command, input_bytes=lines, timeout_s=timeout_s)
    assert done.returncode == 0, f"kcat -P: {done.stderr[:500]}"


def produce_file(broker, topic, path, *options, timeout_s=600):
    """Messages are the lines of a file."""
    with open(path, "rb") as file:
        done = subprocess.run(
            ["kcat", "-b", broker.address, "-P", "-t", topic, *options],
            stdin=file,
            capture_output=True,
            timeout=timeout_s,
        )
    assert done.returncode == 0, f"kcat -P: {done.stderr.decode(errors='replace')[:500]}"


def consume(
    broker, topic, *options, format_string=None, timeout_s=300, offset="beginning", partition=None
):
    """Everything up to the end of each partition, as kcat prints it."""
    command = [
        "kcat",
        "-b",
        broker.address,
        "-C",
        "-q",
        "-e",
        "-t",
        topic,
        "-o",
        str(offset),
        *options,
    ]
    if partition is not None:
        command += ["-p", str(partition)]
    if format_string:
        command += ["-f", format_string]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s)
    assert done.returncode == 0, f"kcat -C: {done.stderr.decode(errors='replace')[:500]}"
    return done.stdout


def wait_for_topic(broker, topic, timeout_s=30):
    """Until every partition has a leader: another broker may say "started" before it knows."""

    def has_leaders():
        topics = {t["topic"]: t["partitions"] for t in metadata(broker)["topics"]}
        return topics.get(topic) and all(p["leader"] >= 0 for p in topics[topic])

    wait_until(has_leaders, timeout_s, f"topic {topic} has leaders", poll_s=0.1)


def wait_for_brokers(broker, timeout_s=30):
    """Until it knows a live broker: before that Apache Kafka creates no topic on first use."""
    wait_until(
        lambda: metadata(broker)["brokers"], timeout_s, "a broker in the metadata", poll_s=0.1
    )


def metadata(broker, timeout_s=30):
    done = run(["kcat", "-b", broker.address, "-L", "-J"], timeout_s=timeout_s)
    assert done.returncode == 0, f"kcat -L: {done.stderr}"
    return json.loads(done.stdout)
