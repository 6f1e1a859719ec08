"""kcat: each command is a run of the program, a member of a group a run that goes on.

It commits by itself what it has printed, at the latest when it ends: `commit` lets a member that
has reached its limit end, and looks at its exit code.
"""

import json
import re
import signal
import subprocess
import sys
import threading

from protocol import Member, Refused, emit, serve

KINDS = {
    "Message size too large": "too_large",
    "Unknown topic": "unknown_topic",
}
# "rebalanced (memberid m): assigned: t [0]", or
# "rebalanced: incremental assignment of 1 partition(s) (memberid m, COOPERATIVE ...): t [0]".
CHANGE = re.compile(
    r"rebalanced(?: \(memberid .*?\))?: "
    r"(assigned|revoked|incremental assignment|incremental revoke)(.*)$"
)
PARTITION = re.compile(r"\[(\d+)\]")


def properties(**settings):
    return [
        word
        for key, value in settings.items()
        if value is not None
        for word in ("-X", f"{key.replace('_', '.')}={value}")
    ]


def tell(line):
    """kcat -J prints headers as a flat list of names and values."""
    record = json.loads(line)
    flat = record.get("headers", [])
    value = record["payload"]
    emit(
        "record",
        p=record["partition"],
        o=record["offset"],
        k=record["key"],
        v=None if value is None else value[:64],
        n=0 if value is None else len(value),
        h=[list(pair) for pair in zip(flat[::2], flat[1::2])],
    )


def refusal(stderr):
    kind = next((kind for words, kind in KINDS.items() if words in stderr), "other")
    return Refused(kind, stderr.strip()[-300:])


class Kcat(Member):
    # Its process polls the group; this one waits for commands.
    joined = False

    def __init__(self, address):
        self._address = address
        self._member = None

    def _command(self, *options):
        return ["kcat", "-b", self._address, *map(str, options)]

    def produce(self, options):
        words = ["-P", "-t", options["topic"], "-p", options["partition"], "-K", "\t", "-Z"]
        for name, value in options.headers():
            words += ["-H", f"{name}={value.decode()}"]
        words += ["-z", options.get("codec", "none")]
        words += properties(
            enable_idempotence="true" if "idempotent" in options else None,
            message_max_bytes=options.get("max_bytes"),
            message_timeout_ms=options.get("timeout_ms"),
            topic_metadata_propagation_max_ms=500,
        )
        lines = b"".join(key + b"\t" + (value or b"") + b"\n" for key, value in options.records())
        done = subprocess.run(self._command(*words), input=lines, capture_output=True)
        stderr = done.stderr.decode()
        if done.returncode != 0 or "Delivery failed" in stderr:
            raise refusal(stderr)
        emit("produced")

    def read(self, options):
        start = "s@" + options["time_ms"] if "time_ms" in options else "beginning"
        words = ["-C", "-q", "-J", "-t", options["topic"], "-p", options["partition"], "-o", start]
        words += ["-c", options["count"], "-e"]
        words += properties(fetch_message_max_bytes=options.get("max_bytes"))
        done = subprocess.run(self._command(*words), capture_output=True)
        if done.returncode != 0:
            raise refusal(done.stderr.decode())
        lines = done.stdout.splitlines()
        for line in lines:
            tell(line)
        if len(lines) != options.number("count"):
            raise Refused("other", f"{len(lines)} records came")
        emit("read")

    def join(self, options):
        session_ms = options.number("session_ms", 10_000)
        cooperative = options.get("protocol") == "cooperative"
        words = ["-J", "-u"]
        if "limit" in options:
            words += ["-c", options["limit"]]
        words += properties(
            session_timeout_ms=session_ms,
            heartbeat_interval_ms=min(500, session_ms // 3),
            auto_offset_reset="earliest",
            group_instance_id=options.get("instance"),
            partition_assignment_strategy="cooperative-sticky" if cooperative else "range",
        )
        self._member = subprocess.Popen(
            self._command(*words, "-G", options["group"], options["topic"]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._records, daemon=True).start()
        threading.Thread(target=self._changes, daemon=True).start()

    def _records(self):
        for line in self._member.stdout:
            tell(line)

    def _changes(self):
        owned = set()
        for line in self._member.stderr:
            sys.stderr.write(line)
            sys.stderr.flush()
            change = CHANGE.search(line)
            if change:
                partitions = {int(number) for number in PARTITION.findall(change[2])}
                if change[1] in ("assigned", "incremental assignment"):
                    owned = owned | partitions
                else:
                    owned = owned - partitions
                emit("owned", partitions=sorted(owned))

    def commit(self, _options):
        code = self._member.wait(20)
        if code != 0:
            raise Refused("other", f"kcat ended with {code}")
        emit("committed")

    def leave(self, _options):
        if self._member.poll() is None:
            self._member.send_signal(signal.SIGTERM)
            self._member.wait(20)
        emit("left")


if __name__ == "__main__":
    serve(Kcat(sys.argv[1]))
