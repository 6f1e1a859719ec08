"""Waiting for what happens, with a limit. Nothing here sleeps longer than a poll of a few ms."""

import socket
import time

# Between two looks at a state that nobody announces (a port that opens, a znode of another client).
POLL_S = 0.01


class TimedOut(AssertionError):
    """Something did not happen in time."""


def wait_until(condition, timeout_s, what, poll_s=POLL_S):
    """Returns the first true value of condition(); what names it if it does not come."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise TimedOut(f"not within {timeout_s} s: {what}")
        time.sleep(poll_s)


def accepts_connections(port, host="127.0.0.1"):
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def wait_for_port(port, timeout_s=30, host="127.0.0.1"):
    wait_until(
        lambda: accepts_connections(port, host), timeout_s, f"{host}:{port} accepts connections"
    )
