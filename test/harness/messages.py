"""Requests and answers of any API in any version, by the schemas of protocol/schema.

A message is a dict by field name; what a request leaves out has its default. An answer is a dict of
exactly the fields that its bytes held, so null and empty are told apart.
"""

import struct
import sys

from harness import places
from harness.wire import Wire

sys.path.insert(0, str(places.ROOT / "protocol"))
from codegen import schema_language  # noqa: E402

NUMBERS = {
    "bool": "?",
    "int8": "b",
    "int16": "h",
    "int32": "i",
    "int64": "q",
    "uint16": "H",
    "uint32": "I",
    "float64": "d",
}
SIZED = {"bytes": "i", "records": "i", "string": "h"}


def load():
    """{name: schema_language.Api}"""
    folder = places.ROOT / "protocol" / "schema"
    return {api.name: api for api in map(schema_language.parse, folder.glob("*.schema"))}


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def default_of(field):
    if field.default == "null":
        return None
    if field.is_array:
        return []
    if field.struct:
        return {}
    if field.type == "string":
        return (field.default or "").strip('"')
    if field.type == "bytes":
        return b""
    if field.type == "records":
        return None
    if field.type == "uuid":
        return bytes(16)
    if field.type == "bool":
        return field.default == "true"
    return int(field.default or "0", 0)


def fields_of(parent, version):
    return [f for f in parent.fields if f.versions.low <= version <= f.versions.high]


class Encoder:
    def __init__(self, version, is_flexible):
        self.version = version
        self.is_flexible = is_flexible

    def length(self, count, form):
        if self.is_flexible:
            return varint(0 if count is None else count + 1)
        return struct.pack(">" + form, -1 if count is None else count)

    def value(self, field, value):
        if field.is_array:
            head = self.length(None if value is None else len(value), "i")
            return head + b"".join(self.single(field, item) for item in value or [])
        return self.single(field, value)

    def single(self, field, value):
        if field.struct:
            return self.message(field.struct, value)
        if field.type in SIZED:
            if isinstance(value, str):
                value = value.encode()
            count = None if value is None else len(value)
            return self.length(count, SIZED[field.type]) + (value or b"")
        if field.type == "uuid":
            return value
        return struct.pack(">" + NUMBERS[field.type], value)

    def message(self, parent, values):
        unknown = set(values) - {field.name for field in parent.fields}
        assert not unknown, f"{parent.name} has no {unknown}"
        out = b""
        tagged = {}
        for field in fields_of(parent, self.version):
            value = values.get(field.name, default_of(field))
            if field.tag is None:
                out += self.value(field, value)
            elif field.name in values:
                tagged[field.tag] = self.value(field, value)
        if self.is_flexible:
            out += varint(len(tagged))
            for tag, data in sorted(tagged.items()):
                out += varint(tag) + varint(len(data)) + data
        return out


class Decoder:
    def __init__(self, data, version, is_flexible):
        self.data = data
        self.at = 0
        self.version = version
        self.is_flexible = is_flexible

    def take(self, count):
        assert self.at + count <= len(self.data), "the answer is cut short"
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

    def length(self, form):
        return self.varint() - 1 if self.is_flexible else self.number(form)

    def value(self, field):
        if not field.is_array:
            return self.single(field)
        count = self.length("i")
        return None if count < 0 else [self.single(field) for _ in range(count)]

    def single(self, field):
        if field.struct:
            return self.message(field.struct)
        if field.type in SIZED:
            count = self.length(SIZED[field.type])
            if count < 0:
                return None
            data = self.take(count)
            return data.decode() if field.type == "string" else data
        if field.type == "uuid":
            return self.take(16)
        return self.number(NUMBERS[field.type])

    def message(self, parent):
        values = {}
        for field in fields_of(parent, self.version):
            if field.tag is None:
                values[field.name] = self.value(field)
        if self.is_flexible:
            by_tag = {f.tag: f for f in fields_of(parent, self.version) if f.tag is not None}
            for _ in range(self.varint()):
                tag = self.varint()
                inner = Decoder(self.take(self.varint()), self.version, True)
                field = by_tag.get(tag)
                values[field.name if field else f"tag {tag}"] = (
                    inner.value(field) if field else inner.data
                )
        return values


class Messages(Wire):
    """A connection on which whole messages are exchanged."""

    APIS = load()

    def ask(self, name, version, request):
        """The answer as a dict; None when the broker closes the connection instead."""
        api = self.APIS[name]
        is_flexible = version >= api.first_flexible
        body = Encoder(version, is_flexible).message(api.request, request)
        try:
            reader = self.request(api.key, version, (b"\0" if is_flexible else b"") + body)
        except ConnectionError:
            return None
        data = reader.take(len(reader.data) - reader.at)
        decoder = Decoder(data, version, is_flexible)
        if is_flexible and name != "ApiVersions":
            assert decoder.varint() == 0, "tagged fields in the header"
        answer = decoder.message(api.response)
        assert decoder.at == len(data), f"{name} {version}: {len(data) - decoder.at} bytes left"
        return answer

    def versions(self, name):
        api = self.APIS[name]
        return range(api.versions.low, api.versions.high + 1)
