"""A driver: a small program around one client, spoken to in lines.

A command is a line `verb key=value ...` on its stdin; what happens comes as JSON objects on its
stdout, one a line, each with "event". What a driver writes to stderr is kept in a file.

    produce topic partition count prefix [size codec idempotent headers tombstone max_bytes
            timeout_ms]         -> produced, or error with kind unknown_topic, too_large or other
    read    topic partition count [time_ms max_bytes]     -> record per record, then read
    join    group topic [protocol=eager|cooperative instance session_ms limit]
                                -> owned whenever the owned partitions change, record per record
    commit                      -> committed (what was reported as record, and no more)
    leave                       -> left

The records produced are key k0, value <prefix>0, and so on; `size` pads a value with dots. In a
record event "p" is the partition, "o" the offset, "k" and "v" key and value (the first 64 bytes,
null for none), "n" the value's length, "h" the headers as pairs. After `limit` records a member
stays in its group and reports no more.
"""

import json
import os
import signal
import subprocess
import threading
import time

from harness.waiting import TimedOut

# Slow starts (a JVM on a busy machine) are in it.
ANSWER_S = 60


class DriverFailed(AssertionError):
    """The client told of an error where none belongs, or its driver ended."""


class ClientError(Exception):
    """What the client made of a broker's refusal."""

    def __init__(self, kind, text):
        super().__init__(f"{kind}: {text}")
        self.kind = kind


class Driver:
    def __init__(self, command, address, log_path):
        self._log_path = log_path
        with open(log_path, "ab") as log:
            # A group of its own, so that a kill takes what the driver started along.
            self._child = subprocess.Popen(
                [*map(str, command), address],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                text=True,
                bufsize=1,
            )
        self._events = []
        self._news = threading.Condition()
        self._ended = False
        threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self):
        for line in self._child.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                event = {"event": "chatter", "text": line}
            with self._news:
                self._events.append(event)
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def send(self, verb, **options):
        """Returns the position from which the answer's events count."""
        with self._news:
            position = len(self._events)
        words = [f"{key}={value}" for key, value in options.items() if value is not None]
        try:
            self._child.stdin.write(" ".join([verb, *words]) + "\n")
            self._child.stdin.flush()
        except OSError as e:
            raise DriverFailed(f"the driver has ended ({e}); see {self._log_path}") from None
        return position

    def wait_for(self, *names, since=0, timeout_s=ANSWER_S):
        """The first event of these names from a position on; an error event is raised."""
        deadline = time.monotonic() + timeout_s
        with self._news:
            while True:
                for event in self._events[since:]:
                    if event["event"] in names:
                        return event
                    if event["event"] == "error":
                        raise ClientError(event["kind"], event["text"])
                if self._ended:
                    raise DriverFailed(f"the driver ended without {names}; see {self._log_path}")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimedOut(f"no {' or '.join(names)} within {timeout_s} s")
                self._news.wait(left)

    def events(self, name, since=0):
        with self._news:
            return [event for event in self._events[since:] if event["event"] == name]

    def ask(self, verb, answer, **options):
        since = self.send(verb, **options)
        self.wait_for(answer, since=since)
        return self.events("record", since)

    def produce(self, topic, count, prefix, partition=0, **options):
        self.ask(
            "produce",
            "produced",
            topic=topic,
            partition=partition,
            count=count,
            prefix=prefix,
            **options,
        )

    def read(self, topic, count, partition=0, **options):
        return self.ask("read", "read", topic=topic, partition=partition, count=count, **options)

    # Of a member of a group:

    @property
    def owned(self):
        """The partitions it owns now; None before the first assignment."""
        history = self.ownership()
        return history[-1] if history else None

    def ownership(self):
        return [set(event["partitions"]) for event in self.events("owned")]

    def check_alive(self):
        for event in self.events("error"):
            raise ClientError(event["kind"], event["text"])
        if self._ended:
            raise DriverFailed(f"the driver has ended; see {self._log_path}")

    def leave(self):
        self.ask("leave", "left")
        self.close()

    def kill(self):
        """SIGKILL: neither the client nor its driver gets to say anything."""
        try:
            os.killpg(self._child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._child.wait()

    def close(self):
        try:
            self._child.stdin.close()
        except OSError:
            pass
        try:
            self._child.wait(5)
        except subprocess.TimeoutExpired:
            pass
        self.kill()
