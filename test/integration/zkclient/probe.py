"""Drives zk_probe: commands in, JSON lines out."""

import itertools
import json
import os
import queue
import signal
import subprocess
import threading
import time

PROBE = os.environ["BARNABAS_ZK_PROBE"]


class Probe:
    def __init__(self, connect_string, **options):
        self.process = subprocess.Popen(
            [PROBE, connect_string] + [f"{name}={value}" for name, value in options.items()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.tags = itertools.count(1)
        self.answers = {}
        self.watches = queue.Queue()
        self.states = queue.Queue()
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            message = json.loads(line)
            if message.get("event") == "watch":
                self.watches.put((message["type"], message["path"]))
            elif message.get("event") == "session":
                self.states.put(message["state"])
            else:
                with self.changed:
                    self.answers[message["tag"]] = message
                    self.changed.notify_all()

    def start(self, command):
        """Sends a command; result() waits for its answer."""
        tag = str(next(self.tags))
        self.process.stdin.write(f"{tag} {command}\n")
        self.process.stdin.flush()
        return tag

    def result(self, tag, timeout_s=60):
        with self.changed:
            if not self.changed.wait_for(lambda: tag in self.answers, timeout_s):
                raise TimeoutError(f"no answer to command {tag}")
            return self.answers.pop(tag)

    def do(self, command, timeout_s=60):
        return self.result(self.start(command), timeout_s)

    def connect(self):
        answer = self.do("connect 30000")
        if not answer.get("ok"):
            raise AssertionError(f"no session: {answer}")
        return self

    def wait_for_state(self, state, timeout_s=60):
        end = time.monotonic() + timeout_s
        while self.states.get(timeout=max(0.01, end - time.monotonic())) != state:
            pass

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self.reader.join(5)
            self.process.stdout.close()
        if self.process.returncode != 0:
            raise AssertionError(f"the probe ended with {self.process.returncode}")
