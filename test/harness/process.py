"""A child process whose output is kept in a file and can be waited for, line by line."""

import os
import re
import signal
import subprocess
import threading
import time

from harness.waiting import TimedOut

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Log:
    """Lines of a process: written to a file as they come, and kept for whoever waits for one."""

    def __init__(self, path):
        self.path = path
        self._lines = []
        self._news = threading.Condition()
        self._ended = False

    def read_from(self, stream):
        with stream, open(self.path, "ab", buffering=0) as file:
            for line in stream:
                file.write(line)
                with self._news:
                    self._lines.append(line.decode(errors="replace").rstrip("\n"))
                    self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def position(self):
        """To be passed to wait_for and lines as `since`: only what comes after now."""
        with self._news:
            return len(self._lines)

    def lines(self, pattern="", since=0):
        with self._news:
            return [line for line in self._lines[since:] if re.search(pattern, line)]

    def wait_for(self, pattern, timeout_s=30, since=0):
        """The first line that matches; fails when the process ends without one."""
        deadline = time.monotonic() + timeout_s
        at = since
        with self._news:
            while True:
                while at < len(self._lines):
                    if re.search(pattern, self._lines[at]):
                        return self._lines[at]
                    at += 1
                if self._ended:
                    raise AssertionError(
                        f"{self.path} ended without a line like {pattern!r}:\n{self._tail()}"
                    )
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimedOut(
                        f"no line like {pattern!r} within {timeout_s} s in {self.path}:\n"
                        + self._tail()
                    )
                self._news.wait(left)

    def _tail(self):
        return "\n".join(self._lines[-15:])


class Process:
    def __init__(
        self, command, log_path, environment=None, directory=None, stdin=subprocess.DEVNULL
    ):
        self.command = [str(part) for part in command]
        self.log = Log(log_path)
        self._child = subprocess.Popen(
            self.command,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=directory,
            env={**os.environ, **(environment or {})},
        )
        self.stdin = self._child.stdin
        self._reader = threading.Thread(
            target=self.log.read_from, args=(self._child.stdout,), daemon=True
        )
        self._reader.start()

    @property
    def pid(self):
        return self._child.pid

    def running(self):
        return self._child.poll() is None

    def send(self, number):
        if self.running():
            self._child.send_signal(number)

    def wait(self, timeout_s=60):
        """The exit code as a shell shows it: 128 + n after signal n."""
        try:
            code = self._child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise TimedOut(
                f"pid {self.pid} still runs after {timeout_s} s: {' '.join(self.command)}"
            ) from None
        self._reader.join(10)
        return code if code >= 0 else 128 - code

    def terminate(self, timeout_s=60):
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        return self.wait(timeout_s)

    def kill(self):
        self.send(signal.SIGKILL)
        return self.wait(20)

    def pause(self):
        self.send(signal.SIGSTOP)

    def resume(self):
        self.send(signal.SIGCONT)

    def resident_bytes(self):
        with open(f"/proc/{self.pid}/statm") as file:
            return int(file.read().split()[1]) * PAGE_BYTES

    def peak_resident_bytes(self):
        with open(f"/proc/{self.pid}/status") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        return 0

    def open_sockets(self):
        count = 0
        directory = f"/proc/{self.pid}/fd"
        for name in os.listdir(directory):
            try:
                count += os.readlink(f"{directory}/{name}").startswith("socket:")
            except FileNotFoundError:
                pass  # closed since it was listed
        return count

    def open_descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def thread_count(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))


def run(command, input_bytes=None, timeout_s=60, environment=None, directory=None):
    """Runs to the end. Returns subprocess.CompletedProcess with text in stdout and stderr."""
    command = [str(part) for part in command]
    try:
        done = subprocess.run(
            command,
            input=input_bytes,
            stdin=subprocess.DEVNULL if input_bytes is None else None,
            capture_output=True,
            timeout=timeout_s,
            env={**os.environ, **(environment or {})},
            cwd=directory,
        )
    except subprocess.TimeoutExpired as e:
        raise TimedOut(
            f"not done in {timeout_s} s: {' '.join(command)}\nstdout: {(e.stdout or b'')[-2000:]}\n"
            f"stderr: {(e.stderr or b'')[-2000:]}"
        ) from None
    done.stdout = done.stdout.decode(errors="replace")
    done.stderr = done.stderr.decode(errors="replace")
    return done
