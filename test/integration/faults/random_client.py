"""A client that knows every API in every version and does with them whatever comes.

Requests are valid, nearly valid, or valid and large; versions change within a fetch session;
several go out in one write; connections are half closed, reset or left in the middle of a frame.
Each answer must be what its schema says. What was sent last is kept, for a reproducer:

    test/integration/faults/random_client.py PORT FILE      sends the frames of FILE again
"""

import collections
import os
import pathlib
import select
import socket
import struct
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from harness import schema_wire, wire  # noqa: E402

# What only the controller sends, and what takes a topic or a group from under others: with values
# that a broker refuses, unless all is allowed.
CONTROL = {"LeaderAndIsr", "StopReplica", "UpdateMetadata", "ControlledShutdown"}
STALE_EPOCHS = (0, -1, -2, -(1 << 31))
STRINGS = (
    "t",
    "t",
    "u",
    "",
    "nope%d",
    "__consumer_offsets",
    "bad/name",
    "g",
    "g%d",
    "range",
    "consumer",
    "classic",
    "Stable",
    "PLAINTEXT",
    "1",
    "0",
    "cleanup.policy",
    "compact",
    "retention.ms",
    "min.insync.replicas",
    "segment.bytes",
    "127.0.0.1",
    "..",
    ".",
    "a\0b",
    "é",
    "x" * 300,
    "y" * 32767,
)
INTEGERS = {
    "int8": (0, 1, -1, 2, 3, 4, 8, 32, 127, -128),
    "int16": (0, 0, 1, -1, 2, 3, -2, 100, 32767, -32768),
    "uint16": (0, 1, 9092, 65535),
    "int32": (0, 0, 0, 1, -1, 2, 3, -2, 5, 100, 1000, 60000, (1 << 31) - 1, -(1 << 31)),
    "int64": (0, 0, 1, -1, -2, 2, 100, -4, -5, 1_700_000_000_000, (1 << 63) - 1, -(1 << 63)),
    "uint32": (0, 1, (1 << 32) - 1),
}
SUBSCRIPTION = struct.pack(">h", 0) + wire.array([wire.text("t")]) + wire.sized(None)
# What a frame may hold without being refused for its size alone, and much less than that mostly.
LARGE_BYTES = (100_000, 400_000, 1_000_000, 4_000_000)
KEPT_FRAMES = 400
# Numbers of requests lie so far apart that one spoiled in a byte or two is not another's: the
# broker answers a spoiled request under the number that it then bears. Odd, so that none returns.
CORRELATION_STEP = 0x1E3779B1
ANSWER_BYTES_MAX = 256 << 20


class Values:
    """Makes up messages."""

    def __init__(self, random, everything_allowed=False):
        self.random = random
        self.everything_allowed = everything_allowed
        self.topic_ids = [bytes(16)]
        self._number = 0

    def text(self):
        chosen = self.random.choice(STRINGS)
        if len(chosen) > 1000 and self.random.random() < 0.9:
            chosen = "t"
        self._number += 1
        return chosen.replace("%d", str(self._number % 50))

    def records(self):
        count = self.random.choice((1, 1, 2, 5))
        producer = self.random.choice((-1, -1, -1, 5, 0))
        batch = wire.batch(
            [b"abc"] * count,
            attributes=self.random.choice((0, 0, 0, 0, 1, 2, 3, 4, 8, 16, 32)),
            producer=producer,
            epoch=self.random.choice((-1, 0, 1)),
            sequence=self.random.choice((-1, 0, 1, (1 << 31) - 1)),
            magic=self.random.choice((2, 2, 2, 2, 2, 1, 0, 3)),
        )
        return self.random.choice((batch, batch, batch, batch[:-1], batch + batch, b"", None))

    def element(self, field, version, api):
        if field.struct:
            return self.struct(field.struct, version, api)
        if field.type == "string":
            if schema_wire.may_be_null(field, version) and self.random.random() < 0.2:
                return None
            return self.text()
        if field.type == "records":
            return self.records()
        if field.type == "bytes":
            return self.random.choice((b"", b"abc", SUBSCRIPTION, SUBSCRIPTION[:-3], bytes(100)))
        if field.type == "uuid":
            return self.random.choice(self.topic_ids + [bytes(15) + b"\1", b"\xff" * 16])
        if field.type == "bool":
            return self.random.random() < 0.5
        if field.type == "float64":
            return self.random.choice((0.0, 0.5, -1.0, float("nan"), float("inf")))
        return self.number(field, api)

    def number(self, field, api):
        if not self.everything_allowed:
            if api.name in CONTROL and field.name in ("controller_epoch", "broker_epoch"):
                return self.random.choice([v for v in STALE_EPOCHS if field.type != "int16"])
            if field.name in ("num_partitions", "count"):
                return self.random.choice((-1, 0, 1, 2, 3))
            if api.name in ("AlterConfigs", "IncrementalAlterConfigs"):
                if field.name == "resource_type":  # never a broker's own settings
                    return self.random.choice((2, 2, 2, 0, 8, 127))
        if api.name in CONTROL and self.everything_allowed:
            # Mostly such that it is listened to.
            if field.name == "controller_epoch":
                return self.random.choice((1, 1, 1, 1, 2, 0, -1))
            if field.name == "broker_epoch":
                return self.random.choice((-1, -1, -1, 0, (1 << 63) - 1))
            if field.name == "security_protocol":
                return self.random.choice((0, 1, 2, 3, -1, 32767))
        if field.name in ("max_wait_ms", "timeout_ms", "rebalance_timeout_ms"):
            return self.random.choice((0, 1, 50, 300, -1, INTEGERS[field.type][-2]))
        return self.random.choice(INTEGERS[field.type])

    def field(self, field, version, api):
        if field.is_array:
            if schema_wire.may_be_null(field, version) and self.random.random() < 0.1:
                return None
            count = self.random.choice((0, 1, 1, 1, 2, 3))
            return [self.element(field, version, api) for _ in range(count)]
        if (
            field.struct
            and schema_wire.may_be_null(field, version)
            and self.random.random() < 0.3
        ):
            return None
        return self.element(field, version, api)

    def struct(self, struct_, version, api):
        return {
            field.name: self.field(field, version, api)
            for field in struct_.fields
            if schema_wire.exists(field, version)
            and (field.tag is None or self.random.random() < 0.3)
        }

    def request(self, api, version):
        values = self.struct(api.request, version, api)
        if api.name == "CreateTopics" and not self.everything_allowed:
            for topic in values["topics"]:
                topic["assignments"] = topic["assignments"][:2]
        if api.name == "DeleteTopics" and self.random.random() < 0.8:
            for name in ("topic_names", "topics"):
                if name in values:
                    values[name] = []
        return values

    def enlarge(self, api, version, values):
        """One array of the message with as many elements as fit some size."""
        arrays = [
            (values, field)
            for field in api.request.fields
            if field.is_array and schema_wire.exists(field, version)
        ]
        for field in api.request.fields:
            if field.struct and field.is_array and schema_wire.exists(field, version):
                for each in values.get(field.name) or []:
                    arrays += [
                        (each, inner)
                        for inner in field.struct.fields
                        if inner.is_array and schema_wire.exists(inner, version)
                    ]
        # Topics by the ten thousand would be made, which is another test's.
        arrays = [a for a in arrays if self.everything_allowed or api.name != "CreateTopics"]
        if not arrays:
            return values
        holder, field = self.random.choice(arrays)
        encoder = schema_wire.Encoder(api, version)
        size = self.random.choice(LARGE_BYTES)
        made = b"".join(
            encoder.element(field, self.element(field, version, api)) for _ in range(100)
        )
        times = max(min(size // max(len(made), 1), 5000), 1)
        holder[field.name] = schema_wire.Encoded(100 * times, made * times)
        return values


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.socket.setblocking(False)
        self.received = bytearray()
        self.expected = collections.deque()  # (correlation, api, version)
        self.session = None  # (id, next epoch)
        self.is_over = False
        self.is_garbled = False

    def close(self, reset=False):
        if self.socket.fileno() < 0:
            return
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
        self.is_over = True


class RandomClient:
    def __init__(self, port, random, everything_allowed=False):
        self.port = port
        self.random = random
        self.values = Values(random, everything_allowed)
        self.apis = list(schema_wire.apis().values())
        self.open = []
        self.sent = 0
        self.large = 0
        self.answered = collections.Counter()  # (api, version)
        self.closed = collections.Counter()  # what had been sent last, by api
        self.malformed = []
        self.last_frames = collections.deque(maxlen=KEPT_FRAMES)
        self._correlation = 0

    # --- what is sent --------------------------------------------------------------------------

    def frame(self, connection):
        api = self.random.choice(self.apis)
        if self.random.random() < 0.15:
            api = schema_wire.apis()["Fetch"]
        version = self.random.randint(api.versions.low, api.versions.high)
        values = self.values.request(api, version)
        is_valid = self.random.random() < 0.85
        if self.random.random() < 0.03:
            values = self.values.enlarge(api, version, values)
            self.large += 1
        elif api.name == "Fetch" and version >= 7 and self.random.random() < 0.8:
            values = self.fetch_in_session(connection, version, values)
        self._correlation = (self._correlation + CORRELATION_STEP) & 0x7FFFFFFF
        body = schema_wire.request(api, version, values, self._correlation, "random")
        if not is_valid:
            body = self.spoiled(body)
        has_answer = is_valid and not (api.name == "Produce" and values.get("acks") == 0)
        if has_answer:
            connection.expected.append((self._correlation, api, version))
        elif is_valid is False:
            connection.expected.append((None, api, version))
        return struct.pack(">i", len(body)) + body

    def fetch_in_session(self, connection, version, values):
        session, epoch = connection.session or (0, 0)
        values["session_id"] = session
        other = self.random.choice((0, -1, epoch + 1, max(epoch - 1, 0)))
        values["session_epoch"] = epoch if self.random.random() < 0.9 else other
        values["replica_id"] = self.random.choice((-1, -1, -1, 0, 1))
        values.update(max_wait_ms=0, min_bytes=0, max_bytes=1 << 20)
        if connection.session is not None:
            connection.session = session, epoch % 0x7FFFFFFF + 1
        for topic in values["topics"]:
            topic["topic"] = self.random.choice(("t", "u", "nope1"))
            topic["topic_id"] = self.random.choice(self.values.topic_ids)
            for partition in topic["partitions"]:
                partition["partition"] = self.random.choice((0, 1, 2, 9))
                partition["fetch_offset"] = self.random.choice((0, 0, 1, 5, 1 << 40))
                partition["partition_max_bytes"] = self.random.choice((0, 1, 1 << 20))
                partition["last_fetched_epoch"] = self.random.choice((-1, 0, 1, 7))
                partition["current_leader_epoch"] = self.random.choice((-1, -1, 0, 1))
        return values

    def spoiled(self, body):
        body = bytearray(body)
        for _ in range(self.random.choice((1, 1, 2, 5))):
            kind = self.random.randrange(5)
            at = self.random.randrange(len(body)) if body else 0
            if kind == 0 and body:
                body[at] = self.random.randrange(256)
            elif kind == 1:
                del body[at:]
            elif kind == 2:
                body[at:at] = bytes(self.random.choice((0, 1, 0x7F, 0x80, 0xFF)) for _ in range(4))
            elif kind == 3 and len(body) >= 4:
                body[2:4] = struct.pack(">h", self.random.choice((-1, 0, 99, 32767)))
            else:
                body += os.urandom(3)
        return bytes(body)

    # --- what comes back -----------------------------------------------------------------------

    def receive(self, connection):
        """What has come by now."""
        try:
            while part := connection.socket.recv(1 << 20):
                connection.received += part
                if len(part) < 1 << 20:
                    break
            else:
                connection.is_over = True
        except BlockingIOError:
            pass
        except OSError:
            connection.is_over = True
        while len(connection.received) >= 4:
            (size,) = struct.unpack_from(">i", connection.received)
            if size < 4 or size > ANSWER_BYTES_MAX:
                self.malformed.append(f"an answer of {size} bytes")
                connection.is_over = True
                return
            if len(connection.received) < 4 + size:
                return
            frame = bytes(connection.received[4 : 4 + size])
            del connection.received[: 4 + size]
            self.check_answer(connection, frame)

    def check_answer(self, connection, frame):
        correlation = schema_wire.correlation_of(frame)
        # What was spoiled may have been answered all the same, under whatever number it had become.
        if connection.is_garbled or all(each[0] != correlation for each in connection.expected):
            return
        while connection.expected[0][0] is None:
            connection.expected.popleft()
        if connection.expected[0][0] != correlation:
            self.malformed.append(f"answer {correlation} before {connection.expected[0]}")
            return
        _, api, version = connection.expected.popleft()
        # A large one is like a small one, and takes this client much longer than the broker.
        if len(frame) > 100_000 and self.random.random() < 0.8:
            return
        try:
            values = schema_wire.response(api, version, frame)
        except (schema_wire.Malformed, UnicodeDecodeError, struct.error) as e:
            self.malformed.append(f"{api.name} {version}: {e}: {frame[:200].hex()}")
            return
        self.answered[api.name, version] += 1
        self.learn(connection, api, version, values)

    def learn(self, connection, api, version, values):
        if api.name == "Fetch" and version >= 7:
            session = values["session_id"]
            if values["error_code"] != 0:
                connection.session = None
            elif session and (connection.session is None or connection.session[0] != session):
                connection.session = session, 1
        if api.name == "Metadata" and version >= 10:
            for topic in values["topics"]:
                if topic["name"] in ("t", "u") and topic["topic_id"] not in self.values.topic_ids:
                    self.values.topic_ids.append(topic["topic_id"])

    # --- one step -------------------------------------------------------------------------------

    def step(self):
        if len(self.open) < 20 or self.random.random() < 0.05:
            try:
                self.open.append(Connection(self.port))
            except OSError:
                return
        if len(self.open) > 60:
            self.open.pop(0).close(self.random.random() < 0.3)
        connection = self.random.choice(self.open)
        frames = [self.frame(connection) for _ in range(self.random.choice((1, 1, 1, 2, 5)))]
        data = b"".join(frames)
        self.sent += len(frames)
        if self.random.random() < 0.03:
            data = data[: self.random.randrange(1, len(data))]
            # What follows completes the frame, to something that nobody meant.
            connection.is_garbled = True
        self.last_frames.append((id(connection), data))
        self.send(connection, data)
        how = self.random.random()
        if how < 0.03:
            connection.close(reset=True)
        elif how < 0.08 and not connection.is_over:
            try:
                connection.socket.shutdown(socket.SHUT_WR)
            except OSError:
                connection.is_over = True
        self.collect()

    def send(self, connection, data):
        until = time.monotonic() + 5
        view = memoryview(data)
        while view and not connection.is_over:
            try:
                view = view[connection.socket.send(view) :]
            except BlockingIOError:
                if time.monotonic() > until:
                    # It has answers that nobody took, or waits for memory: let it go.
                    connection.close(reset=True)
                    return
                self.receive(connection)
                select.select([connection.socket], [connection.socket], [], 0.2)
            except OSError:
                connection.is_over = True
            if connection.socket.fileno() < 0:
                return

    def collect(self):
        by_socket = {c.socket: c for c in self.open if not c.is_over}
        readable, _, _ = select.select(list(by_socket), [], [], 0.001)
        for each in readable:
            self.receive(by_socket[each])
        for connection in [c for c in self.open if c.is_over]:
            if connection.expected and not connection.is_garbled:
                self.closed[connection.expected[0][1].name] += 1
            connection.close()
            self.open.remove(connection)

    def close(self):
        for connection in self.open:
            connection.close()
        self.open.clear()

    def write_reproducer(self, path):
        with open(path, "w") as file:
            for connection, data in self.last_frames:
                file.write(f"{connection} {data.hex()}\n")


def replay(port, path):
    connections = {}
    with open(path) as file:
        for line in file:
            key, data = line.split()
            try:
                if key not in connections:
                    connections[key] = socket.create_connection(("127.0.0.1", port), timeout=5)
                connections[key].sendall(bytes.fromhex(data))
            except OSError as e:
                print(f"{key}: {e}")
                connections.pop(key, None)


if __name__ == "__main__":
    replay(int(sys.argv[1]), sys.argv[2])
