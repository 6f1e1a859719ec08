"""Clients that mean harm: what they send. Everything seeded, nothing awaited."""

import gzip
import socket
import struct

from harness import wire

BIG_FRAME = 100 * 1024 * 1024
# Not those of the controller: a valid one would change the broker's state by right.
APIS = [0, 1, 2, 3, *range(8, 17), 18, 19, 20, 22, 23, 32, 33, 37, 42, 44, 47, 60]


def bomb(megabytes):
    """A small batch that unpacks to many megabytes."""
    packed = gzip.compress(b"\0" * (megabytes * 1024 * 1024), 1)
    return wire.batch_of(packed, 1, attributes=1)


class Attacker:
    def __init__(self, port, random, topic):
        self.port = port
        self.random = random
        self.topic = topic
        self.attacks = 0
        self.open = []
        self._bomb = bomb(64)
        self._good = wire.batch([b"value"] * 10)

    def connection(self):
        """An open one or a new one; closes old ones so that there are never more than 1,000."""
        if len(self.open) >= 1000:
            victim = self.open.pop(self.random.randrange(len(self.open)))
            if self.random.random() < 0.3:
                victim.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            victim.close()
        if self.open and self.random.random() < 0.3:
            return self.random.choice(self.open)
        made = socket.socket()
        made.settimeout(2)
        try:
            made.connect(("127.0.0.1", self.port))
        except OSError:
            made.close()
            return None
        made.setblocking(False)
        self.open.append(made)
        return made

    def attack(self):
        connection = self.connection()
        if connection is None:
            return
        kind = self.random.choice(
            [
                self.garbage,
                self.lengths,
                self.half_a_frame,
                self.mutated,
                self.huge_arrays,
                self.bad_batch,
                self.unread_answers,
                self.bombs,
                self.unknown_api,
            ]
        )
        try:
            connection.send(kind())
            self.attacks += 1
        except BlockingIOError:
            self.attacks += 1
        except OSError:
            self.open.remove(connection)
            connection.close()

    @staticmethod
    def framed(body):
        return struct.pack(">i", len(body)) + body

    def garbage(self):
        return self.random.randbytes(self.random.randrange(1, 3000))

    def lengths(self):
        return struct.pack(
            ">i", self.random.choice([0, -1, -(1 << 31), (1 << 31) - 1, 7, BIG_FRAME + 1])
        )

    def half_a_frame(self):
        """Announces much, sends a part, and stays."""
        return struct.pack(">i", BIG_FRAME) + b"\0" * self.random.randrange(200_000)

    def produce_body(self, batch):
        partition = struct.pack(">i", 0) + wire.sized(batch)
        return (
            wire.text(None)
            + struct.pack(">hi", self.random.choice([0, 1, -1]), 1000)
            + wire.array([wire.text(self.topic) + wire.array([partition])])
        )

    def group_request(self):
        """Of a consumer group, in an old version."""
        group = wire.text(f"group-{self.random.randrange(20)}")
        member = wire.text(self.random.choice(["", "member"]))
        topic = wire.text(self.topic)
        return self.random.choice(
            [
                wire.header(8, 2)
                + (group + struct.pack(">i", -1) + wire.text("") + struct.pack(">q", -1))
                + wire.array([topic + wire.array([struct.pack(">iq", 0, 5) + wire.text("m")])]),
                wire.header(9, 1)
                + (group + wire.array([topic + wire.array([struct.pack(">i", 0)])])),
                wire.header(10, 0) + group,
                wire.header(11, 1)
                + (group + struct.pack(">ii", 6000, 6000) + wire.text("") + wire.text("consumer"))
                + wire.array([wire.text("range") + wire.sized(b"\0\0\0\0\0\0\0\0")]),
                wire.header(12, 0) + group + struct.pack(">i", 1) + member,
                wire.header(13, 0) + group + member,
                wire.header(14, 0)
                + (group + struct.pack(">i", 1) + member)
                + wire.array([member + wire.sized(b"assignment")]),
                wire.header(15, 0) + wire.array([group]),
                wire.header(16, 0),
                wire.header(42, 0) + wire.array([group]),
                wire.header(47, 0)
                + (group + wire.array([topic + wire.array([struct.pack(">i", 0)])])),
            ]
        )

    def valid(self):
        return self.random.choice(
            [
                self.group_request(),
                self.group_request(),
                self.group_request(),
                wire.header(0, 7) + self.produce_body(self._good),
                wire.header(1, 4)
                + struct.pack(">iiiib", -1, 100, 1, 1 << 20, 0)
                + wire.array(
                    [wire.text(self.topic) + wire.array([struct.pack(">iqi", 0, 0, 1 << 20)])]
                ),
                wire.header(2, 1)
                + struct.pack(">i", -1)
                + wire.array([wire.text(self.topic) + wire.array([struct.pack(">iq", 0, -1)])]),
                wire.header(3, 1) + wire.array([wire.text(self.topic)]),
                wire.header(18, 0),
                wire.header(22, 0) + wire.text(None) + struct.pack(">i", 1000),
            ]
        )

    def mutated(self):
        body = bytearray(self.valid())
        for _ in range(self.random.randrange(1, 5)):
            # Not the API key and version: what would become of them is another attack.
            body[self.random.randrange(4, len(body))] = self.random.randrange(256)
        return self.framed(bytes(body))

    def huge_arrays(self):
        api = self.random.choice(APIS)
        body = struct.pack(">i", self.random.choice([(1 << 31) - 1, 1 << 28, -2])) * 8
        return self.framed(wire.header(api, self.random.randrange(0, 5)) + body)

    def bad_batch(self):
        batch = bytearray(self._good)
        batch[self.random.randrange(len(batch))] ^= 1 << self.random.randrange(8)
        return self.framed(wire.header(0, 7) + self.produce_body(bytes(batch)))

    def bombs(self):
        if self.random.random() < 0.9:
            return self.garbage()
        return self.framed(wire.header(0, 7) + self.produce_body(self._bomb))

    def unread_answers(self):
        """Many requests with large answers, none of which is read."""
        return self.framed(wire.header(18, 0)) * 50

    def unknown_api(self):
        return self.framed(
            wire.header(self.random.choice([99, -1, 500]), self.random.randrange(99))
        )

    def close(self):
        for connection in self.open:
            connection.close()
        self.open.clear()
