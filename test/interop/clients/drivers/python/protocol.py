"""The driver's side of the lines in driver_process.py, shared by the drivers in Python."""

import json
import queue
import sys
import threading
import time

# What is shown of a value.
SHOWN_BYTES = 64
READ_S = 30


class Refused(Exception):
    """An error of the client, told as an event."""

    def __init__(self, kind, text):
        super().__init__(text)
        self.kind = kind


_printing = threading.Lock()


def emit(event, **fields):
    """From any thread: print() alone may put two lines into one."""
    with _printing:
        print(json.dumps({"event": event, **fields}), flush=True)


def text(data):
    return None if data is None else bytes(data)[:SHOWN_BYTES].decode()


def emit_record(partition, offset, key, value, headers):
    emit(
        "record",
        p=partition,
        o=offset,
        k=text(key),
        v=text(value),
        n=0 if value is None else len(value),
        h=[[name, text(data)] for name, data in headers or []],
    )


class Options(dict):
    def number(self, name, default=None):
        return int(self[name]) if name in self else default

    def headers(self):
        return (
            [
                (name, value.encode())
                for name, value in (each.split(":") for each in self["headers"].split(","))
            ]
            if "headers" in self
            else []
        )

    def records(self):
        """(key, value) of what `produce` asks for."""
        size = self.number("size", 0)
        for i in range(self.number("count")):
            value = f"{self.get('prefix', '')}{i}".encode().ljust(size, b".")
            yield f"k{i}".encode(), None if "tombstone" in self else value


def parse(line):
    verb, *words = line.split()
    return verb, Options(word.split("=", 1) for word in words)


def commands():
    """A queue of lines; None at the end of the input."""
    lines = queue.Queue()

    def read():
        for line in sys.stdin:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    return lines


class Member:
    """A client that may have joined a group. What is here is the same for every library."""

    def __init__(self, address):
        self._address = address
        self._consumer = None  # the one of the group
        self._owned = set()
        self._next = {}  # partition, as the library names it: the offset to commit
        self._left = None  # records that may still come; None: any number
        self.joined = False

    def poll(self):
        """One look at the group, short; tells of records and changes."""

    def change(self, how):
        """how(owned) gives the partitions that are owned now."""
        self._owned = how(self._owned)
        emit("owned", partitions=sorted(self._owned))

    def may_take(self):
        """Whether one more record may be taken; counts it."""
        if self._left == 0:
            return False
        self._left = None if self._left is None else self._left - 1
        return True

    def leave(self, _options):
        self._consumer.close()
        self.joined = False
        emit("left")


def read_all(options, consumer, take):
    """take(left) tells of records that came and returns how many."""
    left, deadline = options.number("count"), time.monotonic() + READ_S
    while left and time.monotonic() < deadline:
        left -= take(left)
    consumer.close()
    if left:
        raise Refused("other", f"{left} records did not come")
    emit("read")


def serve(client):
    """Commands are carried out one by one; a member polls its group between them."""
    lines = commands()
    while True:
        try:
            line = lines.get(block=not client.joined)
            if line is None:
                return
            verb, options = parse(line)
            try:
                getattr(client, verb)(options)
            except Refused as e:
                emit("error", kind=e.kind, text=str(e))
        except queue.Empty:
            client.poll()
