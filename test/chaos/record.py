"""The history of a run while it is made: from many threads, kept when something was wrong."""

import json
import threading
import time


class Record:
    def __init__(self):
        self._events = []
        self._lock = threading.Lock()

    def add(self, kind, **values):
        event = {"kind": kind, "at": time.monotonic(), **values}
        with self._lock:
            self._events.append(event)

    def events(self):
        with self._lock:
            return list(self._events)

    def count(self, kind):
        return sum(event["kind"] == kind for event in self.events())

    def write(self, path):
        with open(path, "w") as file:
            for event in self.events():
                file.write(json.dumps(event) + "\n")
