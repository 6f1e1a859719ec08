"""A raw Kafka connection: frames as a test wants them, right or wrong. Only old, plain versions."""

import socket
import struct
import zlib

PRODUCE, FETCH, LIST_OFFSETS, METADATA, API_VERSIONS = 0, 1, 2, 3, 18
CREATE_TOPICS, DELETE_TOPICS, INIT_PRODUCER_ID = 19, 20, 22


def text(value):
    if value is None:
        return struct.pack(">h", -1)
    data = value.encode()
    return struct.pack(">h", len(data)) + data


def sized(data):
    return struct.pack(">i", -1) if data is None else struct.pack(">i", len(data)) + data


def array(items):
    return struct.pack(">i", len(items)) + b"".join(items)


def header(api, version, correlation=1, client="wire"):
    return struct.pack(">hhi", api, version, correlation) + text(client)


def fetch_body(topic, partition, offset, max_wait_ms=500, min_bytes=1, max_bytes=1 << 20):
    """Of version 4, for one partition."""
    body = struct.pack(">iiiib", -1, max_wait_ms, min_bytes, max_bytes, 0)
    return body + array([text(topic) + array([struct.pack(">iqi", partition, offset, max_bytes)])])


class Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def unpack(self, form):
        values = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return values[0] if len(values) == 1 else values

    def text(self):
        length = self.unpack("h")
        return None if length < 0 else self.take(length).decode()

    def take(self, count):
        assert self.at + count <= len(self.data), "the answer is cut short"
        self.at += count
        return self.data[self.at - count : self.at]

    def array(self, read):
        return [read(self) for _ in range(self.unpack("i"))]

    def done(self):
        return self.at == len(self.data)


class Wire:
    def __init__(self, port, timeout_s=20, host="127.0.0.1"):
        self.socket = socket.create_connection((host, port), timeout=timeout_s)
        self._correlation = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send_frame(self, body):
        self.socket.sendall(struct.pack(">i", len(body)) + body)

    def receive_exactly(self, count):
        parts = []
        while count > 0:
            part = self.socket.recv(count)
            if not part:
                raise ConnectionError("closed by the broker")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def receive_frame(self):
        return self.receive_exactly(struct.unpack(">i", self.receive_exactly(4))[0])

    def send(self, api, version, body=b""):
        """Returns the correlation id."""
        self._correlation += 1
        self.send_frame(header(api, version, self._correlation) + body)
        return self._correlation

    def answer(self, correlation):
        reader = Reader(self.receive_frame())
        got = reader.unpack("i")
        assert got == correlation, f"correlation id {got}, not {correlation}"
        return reader

    def request(self, api, version, body=b""):
        return self.answer(self.send(api, version, body))

    def is_closed(self):
        """Whether the broker closes this connection within the socket's time limit."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    def api_versions(self):
        """{api: (lowest, highest)}"""
        reader = self.request(API_VERSIONS, 0)
        error = reader.unpack("h")
        assert error == 0, error
        ranges = reader.array(lambda r: r.unpack("hhh"))
        assert reader.done()
        return {api: (low, high) for api, low, high in ranges}

    def finalized_features_epoch(self):
        """From ApiVersions 3; -1 when the broker does not know."""
        body = b"\0" + b"\5wire" + b"\2" + b"1" + b"\0"
        reader = self.request(API_VERSIONS, 3, body)
        error, count = reader.unpack("hB")
        assert error == 0 and count < 0x80, (error, count)
        for _ in range(count - 1):
            reader.unpack("hhhB")
        reader.unpack("i")
        for _ in range(reader.unpack("B")):
            tag, size = reader.unpack("BB")
            value = reader.take(size)
            if tag == 1:
                return struct.unpack(">q", value)[0]
        return -1

    def produce(self, topic, batches, acks=1, timeout_ms=10000, version=7):
        """batches: {partition: bytes}. Returns {partition: (error, base offset)}, or None."""
        partitions = [struct.pack(">i", p) + sized(data) for p, data in batches.items()]
        body = text(None) + struct.pack(">hi", acks, timeout_ms)
        body += array([text(topic) + array(partitions)])
        correlation = self.send(PRODUCE, version, body)
        if acks == 0:
            return None
        reader = self.answer(correlation)
        answers = {}

        def partition(r):
            index, error, offset, _time, _start = r.unpack("ihqqq")
            answers[index] = (error, offset)

        reader.array(lambda r: (r.text(), r.array(partition)))
        return answers

    def list_offsets(self, topic, partition, timestamp=-1):
        """(error, offset) by version 1."""
        body = struct.pack(">i", -1) + array(
            [text(topic) + array([struct.pack(">iq", partition, timestamp)])]
        )
        reader = self.request(LIST_OFFSETS, 1, body)
        answers = reader.array(lambda r: (r.text(), r.array(lambda p: p.unpack("ihqq"))))
        _index, error, _time, offset = answers[0][1][0]
        return error, offset

    def init_producer_id(self):
        """(error, producer id, epoch)"""
        reader = self.request(INIT_PRODUCER_ID, 0, text(None) + struct.pack(">i", 60000))
        _throttle, error, producer, epoch = reader.unpack("ihqh")
        return error, producer, epoch

    def fetch(self, topic, partition, offset, max_wait_ms=500, min_bytes=1, max_bytes=1 << 20):
        """(error, high watermark, record bytes) by version 4, without a session."""
        body = fetch_body(topic, partition, offset, max_wait_ms, min_bytes, max_bytes)
        reader = self.request(FETCH, 4, body)
        reader.unpack("i")

        def read_partition(r):
            _index, error, watermark, _stable = r.unpack("ihqq")
            r.array(lambda a: a.unpack("qq"))
            length = r.unpack("i")
            return error, watermark, r.take(max(length, 0))

        return reader.array(lambda r: (r.text(), r.array(read_partition)))[0][1][0]

    def fetch_in_session(self, session, epoch, wanted, forgotten=(), max_wait_ms=500):
        """Fetch 7. wanted, forgotten: [(topic, partition, offset)], [(topic, partition)].

        Returns (error, session, {(topic, partition): (error, high watermark, record bytes)}).
        """
        body = struct.pack(">iiiib", -1, max_wait_ms, 1, 1 << 20, 0) + struct.pack(
            ">ii", session, epoch
        )
        body += array(
            [
                text(t) + array([struct.pack(">iqqi", p, offset, -1, 1 << 20)])
                for t, p, offset in wanted
            ]
        )
        body += array([text(t) + array([struct.pack(">i", p)]) for t, p in forgotten])
        reader = self.request(FETCH, 7, body)
        _throttle, error, session = reader.unpack("ihi")
        answers = {}

        def read_partition(r, topic):
            index, code, watermark, _stable, _start = r.unpack("ihqqq")
            r.array(lambda a: a.unpack("qq"))
            length = r.unpack("i")
            answers[topic, index] = (code, watermark, r.take(max(length, 0)))

        def read_topic(r):
            topic = r.text()
            r.array(lambda p: read_partition(p, topic))

        reader.array(read_topic)
        return error, session, answers


def _crc32c_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = (n >> 1) ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


_TABLE = _crc32c_table()


def crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value = _TABLE[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ 0xFFFFFFFF


def varint(value):
    value = (value << 1) ^ (value >> 63)
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def record(delta, value, key=None, time_delta=0):
    body = b"\0" + varint(time_delta) + varint(delta)
    body += varint(-1) if key is None else varint(len(key)) + key
    body += varint(-1) if value is None else varint(len(value)) + value
    body += varint(0)
    return varint(len(body)) + body


def batch(
    values,
    timestamp=1_700_000_000_000,
    producer=-1,
    epoch=-1,
    sequence=-1,
    attributes=0,
    base_offset=0,
    magic=2,
):
    """A record batch of format 2, uncompressed unless attributes say what the caller did to it."""
    records = b"".join(record(i, value) for i, value in enumerate(values))
    return batch_of(
        records, len(values), timestamp, producer, epoch, sequence, attributes, base_offset, magic
    )


def batch_of(
    records,
    count,
    timestamp=1_700_000_000_000,
    producer=-1,
    epoch=-1,
    sequence=-1,
    attributes=0,
    base_offset=0,
    magic=2,
    crc=None,
):
    after_crc = (
        struct.pack(
            ">hiqqqhii",
            attributes,
            count - 1,
            timestamp,
            timestamp,
            producer,
            epoch,
            sequence,
            count,
        )
        + records
    )
    crc = crc32c(after_crc) if crc is None else crc
    body = struct.pack(">ibI", 0, magic, crc) + after_crc
    return struct.pack(">qi", base_offset, len(body)) + body


def old_message(value, magic=0):
    """One message of format 0, as clients before 0.10 send it."""
    body = struct.pack(">bb", magic, 0) + sized(None) + sized(value)
    message = struct.pack(">I", zlib.crc32(body)) + body
    return struct.pack(">qi", 0, len(message)) + message
