"""Requests and answers of every API in every version, as protocol/schema says they are.

A message is a dict by field name; what a request leaves out has its default.
"""

import functools
import pathlib
import struct
import sys

from harness.places import ROOT

sys.path.insert(0, str(ROOT / "protocol" / "codegen"))
import schema_language  # noqa: E402

NUMBERS = {
    "int8": "b",
    "int16": "h",
    "int32": "i",
    "int64": "q",
    "uint16": "H",
    "uint32": "I",
    "float64": "d",
    "bool": "?",
}
API_VERSIONS, CONTROLLED_SHUTDOWN = 18, 7


class Malformed(Exception):
    """An answer that its schema does not describe."""


class Encoded:
    """The elements of an array, encoded by the caller."""

    def __init__(self, count, data):
        self.count = count
        self.data = data


@functools.cache
def apis():
    """{name: Api}"""
    files = sorted(pathlib.Path(ROOT, "protocol", "schema").glob("*.schema"))
    parsed = [schema_language.parse(str(file)) for file in files]
    return {api.name: api for api in parsed}


def unsigned_varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def exists(field, version):
    return field.versions.low <= version <= field.versions.high


def may_be_null(field, version):
    return field.is_nullable and field.nullable.low <= version <= field.nullable.high


def default_of(field):
    if field.is_array:
        return None if field.default == "null" else []
    if field.default == "null":
        return None
    if field.struct:
        return {}
    if field.type == "string":
        return (field.default or "").strip('"')
    if field.type in ("bytes", "records"):
        return b"" if field.type == "bytes" else None
    if field.type == "uuid":
        return bytes(16)
    if field.type == "bool":
        return field.default == "true"
    return float(field.default or 0) if field.type == "float64" else int(field.default or "0", 0)


class Encoder:
    def __init__(self, api, version):
        self.api = api
        self.version = version
        self.flexible = version >= api.first_flexible

    def length(self, count, narrow):
        """Of a string (narrow) or anything else; None: null."""
        if self.flexible:
            return unsigned_varint(0 if count is None else count + 1)
        return struct.pack(">h" if narrow else ">i", -1 if count is None else count)

    def element(self, field, value):
        if field.struct:
            return self.struct(field.struct, value)
        if field.type in ("string", "bytes", "records"):
            narrow = field.type == "string"
            if value is None:
                return self.length(None, narrow)
            data = value.encode() if isinstance(value, str) else value
            return self.length(len(data), narrow) + data
        if field.type == "uuid":
            return value
        return struct.pack(">" + NUMBERS[field.type], value)

    def field(self, field, value):
        if field.is_array:
            if value is None:
                return self.length(None, False)
            if isinstance(value, Encoded):
                return self.length(value.count, False) + value.data
            encoded = [self.element(field, each) for each in value]
            return self.length(len(value), False) + b"".join(encoded)
        if field.struct and field.is_nullable:
            return b"\xff" if value is None else b"\1" + self.element(field, value)
        return self.element(field, value)

    def struct(self, struct_, values):
        unknown = values.keys() - {field.name for field in struct_.fields}
        assert not unknown, f"{struct_.name} has no {unknown}"
        out, tagged = [], []
        for field in struct_.fields:
            if not exists(field, self.version):
                continue
            if field.tag is None:
                out.append(self.field(field, values.get(field.name, default_of(field))))
            elif field.name in values:
                tagged.append((field.tag, self.field(field, values[field.name])))
        if self.flexible:
            out.append(unsigned_varint(len(tagged)))
            for tag, data in sorted(tagged):
                out.append(unsigned_varint(tag) + unsigned_varint(len(data)) + data)
        return b"".join(out)


def request(api, version, values, correlation=1, client="schema"):
    """A frame without its length."""
    head = struct.pack(">hhi", api.key, version, correlation)
    if not (api.key == CONTROLLED_SHUTDOWN and version == 0):
        head += struct.pack(">h", len(client)) + client.encode()
        if version >= api.first_flexible:
            head += b"\0"
    return head + Encoder(api, version).struct(api.request, values)


class Decoder:
    def __init__(self, data, api, version):
        self.data = data
        self.at = 0
        self.version = version
        self.flexible = version >= api.first_flexible

    def take(self, count):
        if count < 0 or self.at + count > len(self.data):
            raise Malformed(f"cut short at {self.at} of {len(self.data)}, {count} wanted")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, form):
        return struct.unpack(">" + form, self.take(struct.calcsize(">" + form)))[0]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            if shift > 35:
                raise Malformed("endless number")

    def length(self, narrow):
        return self.varint() - 1 if self.flexible else self.number("h" if narrow else "i")

    def element(self, field):
        if field.struct:
            return self.struct(field.struct)
        if field.type in ("string", "bytes", "records"):
            size = self.length(field.type == "string")
            if size < 0:
                if not may_be_null(field, self.version):
                    raise Malformed(f"{field.name} is null")
                return None
            data = self.take(size)
            return data.decode() if field.type == "string" else data
        return self.take(16) if field.type == "uuid" else self.number(NUMBERS[field.type])

    def field(self, field):
        if field.is_array:
            count = self.length(False)
            if count < 0:
                if not may_be_null(field, self.version):
                    raise Malformed(f"{field.name} is null")
                return None
            if count > len(self.data):
                raise Malformed(f"{count} elements of {field.name}")
            return [self.element(field) for _ in range(count)]
        if field.struct and field.is_nullable and self.number("b") < 0:
            return None
        return self.element(field)

    def struct(self, struct_):
        values = {
            field.name: self.field(field)
            for field in struct_.fields
            if field.tag is None and exists(field, self.version)
        }
        if self.flexible:
            known = {field.tag: field for field in struct_.fields if field.tag is not None}
            for _ in range(self.varint()):
                tag, size = self.varint(), self.varint()
                end = self.at + size
                if tag in known and exists(known[tag], self.version):
                    values[known[tag].name] = self.field(known[tag])
                    if self.at != end:
                        raise Malformed(f"tag {tag} of {self.at - end + size} bytes, {size} told")
                else:
                    values[f"tag {tag}"] = self.take(size)
        return values


def correlation_of(frame):
    if len(frame) < 4:
        raise Malformed(f"an answer of {len(frame)} bytes")
    return struct.unpack_from(">i", frame)[0]


def response(api, version, frame):
    """The values of an answer, all of which has been read."""
    return response_body(api, version, frame[4:])


def response_body(api, version, data):
    """The same of what follows the correlation id. An answer is a dict of exactly the fields that
    its bytes held, so null and empty are told apart."""
    decoder = Decoder(data, api, version)
    if decoder.flexible and api.key != API_VERSIONS and decoder.varint() != 0:
        raise Malformed("tags in the header")
    values = decoder.struct(api.response)
    if decoder.at != len(data):
        raise Malformed(f"{len(data) - decoder.at} bytes left over")
    return values
