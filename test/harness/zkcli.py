"""A small ZooKeeper client in plain Python: reads znodes from outside, ends others' sessions."""

import json
import socket
import struct

from harness.waiting import wait_until

CREATE, DELETE, EXISTS, GET_DATA, SET_DATA, GET_CHILDREN, CLOSE = 1, 2, 3, 4, 5, 8, -11
NO_NODE, NODE_EXISTS = -101, -110
OPEN_ACL = (
    struct.pack(">ii", 1, 31) + struct.pack(">i", 5) + b"world" + struct.pack(">i", 6) + b"anyone"
)


class ZkError(Exception):
    def __init__(self, code, path):
        super().__init__(f"ZooKeeper error {code} for {path}")
        self.code = code


class Rejected(Exception):
    """The server does not know the session (any more), or the password is wrong."""


def _text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack(">i", len(data)) + data


class Stat:
    FIELDS = (
        "czxid",
        "mzxid",
        "ctime",
        "mtime",
        "version",
        "cversion",
        "aversion",
        "ephemeral_owner",
        "data_length",
        "child_count",
        "pzxid",
    )

    def __init__(self, data):
        values = struct.unpack(">qqqqiiiqiiq", data[:68])
        for name, value in zip(self.FIELDS, values):
            setattr(self, name, value)


class ZkClient:
    """One session over one connection to one server; no pings, so short-lived."""

    def __init__(
        self, server, session_id=0, password=b"\0" * 16, timeout_ms=30000, limit_s=10
    ):
        """limit_s: of each wait for the server."""
        address = server if isinstance(server, str) else server.connect_string
        host, port = address.split(",")[0].split("/")[0].rsplit(":", 1)
        self._socket = socket.create_connection((host, int(port)), timeout=limit_s)
        self._xid = 0
        # Protocol version, last zxid seen, timeout, session, password, not read-only.
        self._send(struct.pack(">iqiq", 0, 0, timeout_ms, session_id) + _text(password) + b"\0")
        reply = self._receive()
        _, self.timeout_ms, self.session_id = struct.unpack(">iiq", reply[:16])
        self.password = reply[20:36]
        if self.timeout_ms <= 0:
            self._socket.close()
            raise Rejected(f"session {session_id:#x}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _send(self, body):
        self._socket.sendall(struct.pack(">i", len(body)) + body)

    def _receive_exactly(self, count):
        parts = b""
        while len(parts) < count:
            part = self._socket.recv(count - len(parts))
            if not part:
                raise ConnectionError("ZooKeeper closed the connection")
            parts += part
        return parts

    def _receive(self):
        return self._receive_exactly(struct.unpack(">i", self._receive_exactly(4))[0])

    def _request(self, kind, body, path=""):
        self._xid += 1
        self._send(struct.pack(">ii", self._xid, kind) + body)
        while True:
            reply = self._receive()
            xid, _, error = struct.unpack(">iqi", reply[:16])
            if xid == self._xid:
                break
        if error:
            raise ZkError(error, path)
        return reply[16:]

    def get(self, path):
        """(data, Stat)."""
        reply = self._request(GET_DATA, _text(path) + b"\0", path)
        (length,) = struct.unpack(">i", reply[:4])
        length = max(length, 0)
        return reply[4 : 4 + length], Stat(reply[4 + length :])

    def get_json(self, path):
        return json.loads(self.get(path)[0])

    def exists(self, path):
        """The Stat, or None."""
        try:
            return Stat(self._request(EXISTS, _text(path) + b"\0", path))
        except ZkError as e:
            if e.code == NO_NODE:
                return None
            raise

    def children(self, path):
        reply = self._request(GET_CHILDREN, _text(path) + b"\0", path)
        (count,) = struct.unpack(">i", reply[:4])
        names, at = [], 4
        for _ in range(count):
            (length,) = struct.unpack(">i", reply[at : at + 4])
            names.append(reply[at + 4 : at + 4 + length].decode())
            at += 4 + length
        return sorted(names)

    def create(self, path, data=b"", flags=0):
        self._request(CREATE, _text(path) + _text(data) + OPEN_ACL + struct.pack(">i", flags), path)

    def set(self, path, data, version=-1):
        self._request(SET_DATA, _text(path) + _text(data) + struct.pack(">i", version), path)

    def delete(self, path, version=-1):
        self._request(DELETE, _text(path) + struct.pack(">i", version), path)

    def wait_exists(self, path, timeout_s=30):
        return wait_until(lambda: self.exists(path), timeout_s, f"znode {path} exists")

    def wait_gone(self, path, timeout_s=30):
        wait_until(lambda: self.exists(path) is None, timeout_s, f"znode {path} is gone")

    def close(self):
        """Closes the session, whoever opened it."""
        try:
            self._request(CLOSE, b"")
        except (OSError, ZkError):
            pass
        self._socket.close()

    def drop(self):
        """Lets go of the connection; the session lives on until it times out."""
        self._socket.close()


def expire_session(server, session_id, password):
    """To its owner this is what expiry looks like: the session is gone at the server.

    The owner notices that its connection was taken over and takes it back: who is faster wins, so
    this goes on until the server no longer knows the session.
    """

    def gone():
        try:
            ZkClient(server, session_id, password).close()
        except Rejected:
            return True
        except OSError:
            pass
        return False

    wait_until(gone, 10, f"session {session_id:#x} is gone", poll_s=0)


def stored_session(log_dir):
    """(id, password) of the session that a broker keeps in its log directory."""
    values = {}
    for line in (log_dir / ".barnabas-session").read_text().splitlines():
        key, separator, value = line.partition("=")
        if separator and not line.startswith("#"):
            values[key.strip()] = value.strip()
    return int(values["session.id"]), bytes.fromhex(values["session.password"])
