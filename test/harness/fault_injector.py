"""Arms the library that is preloaded into a broker: what fails, how often; and what it did."""

import os
import pathlib

from harness import places

LIBRARY = places.BUILD / "test" / "integration" / "faults" / "libfault_injector.so"


class Event:
    """One fault that has happened."""

    def __init__(self, line):
        self.at_ms, self.thread, self.operation, self.effect, *path = line.split(" ", 4)
        self.path = path[0] if path else ""

    def __repr__(self):
        return f"{self.operation} {self.effect} {self.path}"


class FaultInjector:
    def __init__(self, directory):
        self.control = pathlib.Path(directory, "faults")
        self.trace = pathlib.Path(directory, "faults.trace")
        self._rules = []

    @property
    def environment(self):
        return {"LD_PRELOAD": str(LIBRARY), "FAULT_CONTROL": str(self.control)}

    def rule(self, operation, effect, per_mille=1000, count=0, prefix="-", suffix="-"):
        """Joins the rules that the next arm() puts in force. A directory as prefix ends in /."""
        self._rules.append(f"rule {operation} {effect} {per_mille} {count} {prefix} {suffix}\n")
        return self

    def arm(self, seed):
        new = self.control.with_suffix(".new")
        new.write_text(f"seed {seed}\n" + "".join(self._rules))
        os.rename(new, self.control)
        return self

    def disarm(self):
        self._rules.clear()
        self.control.unlink(missing_ok=True)

    def events(self):
        if not self.trace.exists():
            return []
        lines = self.trace.read_text(errors="replace").splitlines(keepends=True)
        return [Event(line.rstrip("\n")) for line in lines if line.endswith("\n")]
