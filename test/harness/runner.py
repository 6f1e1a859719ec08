#!/usr/bin/python3
"""Finds and runs the tests written in Python.

Usage: test/harness/runner.py [--only PATTERN] [--json FILE] [--jobs N] [--seed N] [--list]
         [FOLDER|FILE...]

A test is a function test_*(case) in a file test_*.py. Each one runs in a process group of its own,
which is ended with it, and has a time limit (the file's LIMIT_S, or 120 s; stretched for a broker
built with sanitizers). A file with SANITIZED = True also runs in the sanitizer passes.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import queue
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import places  # noqa: E402
from harness.case import Case, Skipped  # noqa: E402

EXIT_SKIPPED = 77
DEFAULT_LIMIT_S = 120
# Of what a test that passed has printed.
SAID_LINES = 10
SAID_CHARACTERS = 1000
DEFAULT_FOLDERS = ("test/tidy", "test/integration", "test/interop", "test/chaos")


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Test:
    def __init__(self, path, function, module):
        self.path = path
        self.function = function
        self.name = f"{path.resolve().relative_to(places.ROOT)}::{function}"
        self.limit_s = getattr(module, "LIMIT_S", DEFAULT_LIMIT_S) * places.SLOWNESS
        self.sanitized = getattr(module, "SANITIZED", False)


def discover(roots):
    tests = []
    for root in roots:
        root = pathlib.Path(root)
        files = [root] if root.is_file() else sorted(root.rglob("test_*.py"))
        for file in files:
            module = load(file)
            names = [
                name
                for name in vars(module)
                if name.startswith("test_") and callable(getattr(module, name))
            ]
            tests += [Test(file, name, module) for name in names]
    return tests


def run_inside(path, function, directory, seed):
    """The child's side: one test, its outcome as exit code."""
    # The runner's SIGTERM becomes an exception, so that the test ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by the runner"))
    case = Case(directory, seed)
    outcome = 0
    try:
        getattr(load(pathlib.Path(path)), function)(case)
    except Skipped as e:
        print(f"skipped: {e}")
        outcome = EXIT_SKIPPED
    except BaseException:  # pylint: disable=broad-except
        traceback.print_exc()
        outcome = 1
    try:
        case.finish()
    except Exception:  # pylint: disable=broad-except
        traceback.print_exc()
        outcome = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(outcome)


class Outcome:
    def __init__(self, test, kind, seconds, output, directory):
        self.test = test
        self.kind = kind  # ok, FAIL or skip
        self.seconds = seconds
        self.output = output
        self.directory = directory


def end_group(group):
    """The group is the child's own: started here, ended here."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass


def run_one(test, seed, base):
    directory = tempfile.mkdtemp(prefix=test.function + "-", dir=base)
    output_path = pathlib.Path(directory, "test.out")
    began = time.monotonic()
    with open(output_path, "wb") as output:
        child = subprocess.Popen(
            [
                sys.executable,
                __file__,
                "--inside",
                str(test.path),
                test.function,
                directory,
                str(seed),
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = child.wait(test.limit_s)
        except subprocess.TimeoutExpired:
            code = None
            child.terminate()
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                pass
        end_group(child.pid)
        child.wait()
    text = output_path.read_text(errors="replace")
    if code is None:
        text += f"\nover its limit of {test.limit_s} s\n"
    kind = {0: "ok", EXIT_SKIPPED: "skip"}.get(code, "FAIL")
    if kind != "FAIL":
        shutil.rmtree(directory, ignore_errors=True)
    return Outcome(test, kind, time.monotonic() - began, text, directory)


def report(outcome, seed):
    print(f"{outcome.kind:4} {outcome.test.name} ({outcome.seconds:.1f} s)", flush=True)
    if outcome.kind == "ok":  # the figures it measured
        for line in outcome.output.strip().splitlines()[-SAID_LINES:]:
            print("     " + line[:SAID_CHARACTERS], flush=True)
    if outcome.kind == "skip":
        print("     " + outcome.output.strip().splitlines()[-1], flush=True)
    if outcome.kind == "FAIL":
        for line in outcome.output.strip().splitlines()[-60:]:
            print("     " + line)
        print(f"     seed {seed}; logs of brokers and ZooKeeper: {outcome.directory}", flush=True)


def run_all(tests, seed, jobs, base):
    outcomes = []
    waiting = queue.Queue()
    for test in tests:
        waiting.put(test)
    printing = threading.Lock()

    def work():
        while True:
            try:
                test = waiting.get_nowait()
            except queue.Empty:
                return
            outcome = run_one(test, seed, base)
            with printing:
                outcomes.append(outcome)
                report(outcome, seed)

    threads = [threading.Thread(target=work) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def main():
    if sys.argv[1:2] == ["--inside"]:
        _, _, path, function, directory, seed = sys.argv
        run_inside(path, function, directory, int(seed))
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="part of a test's name")
    parser.add_argument("--json", help="file for the counts")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--list", action="store_true")
    parser.add_argument(
        "--sanitized", action="store_true", help="only files meant for sanitizer passes"
    )
    parser.add_argument("where", nargs="*")
    options = parser.parse_args()
    where = options.where or [places.ROOT / folder for folder in DEFAULT_FOLDERS]
    tests = [
        t
        for t in discover(where)
        if options.only in t.name and (t.sanitized or not options.sanitized)
    ]
    if options.list:
        for test in tests:
            print(test.name)
        return 0
    base = tempfile.mkdtemp(prefix="barnabas-test-")
    print(f"{len(tests)} tests, seed {options.seed}", flush=True)
    outcomes = run_all(tests, options.seed, options.jobs, base)
    counts = {kind: sum(o.kind == kind for o in outcomes) for kind in ("ok", "FAIL", "skip")}
    if counts["FAIL"] == 0:
        shutil.rmtree(base, ignore_errors=True)
    numbers = {"passed": counts["ok"], "failed": counts["FAIL"], "skipped": counts["skip"]}
    if options.json:
        failures = [o.test.name for o in outcomes if o.kind == "FAIL"]
        pathlib.Path(options.json).write_text(json.dumps({**numbers, "failures": failures}))
    print(f"{numbers['passed']} passed, {numbers['failed']} failed, {numbers['skipped']} skipped")
    return 1 if counts["FAIL"] or not tests else 0


if __name__ == "__main__":
    sys.exit(main())
