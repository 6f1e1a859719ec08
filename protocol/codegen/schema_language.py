"""The notation of protocol/schema/*.schema: parser and model.

One file describes one API:

    # Comments run to the end of the line.
    api       Fetch
    key       1
    versions  0-17
    flexible  12+          first version with compact types and tagged fields, or: none
    borrow                 optional: strings are views into the frame, not copies

    request
      cluster_id   ?string       12+    tag 0 = null ignorable
      replica_id   int32         0-14   = -1
      topics       []FetchTopic  0+
        topic      string        0-12   ignorable
    response
      ...

    struct LeaderAndIsrPartitionState    used by more than one field of the message above it
      ...

A field is: name, type, versions in which it exists, then any of
    = VALUE          the default (else 0, false, "", an empty array, the zero uuid)
    ignorable        dropped silently where a version lacks it; without it encoding a value other
                     than the default in such a version is a caller's error
    nullable 7+      null is allowed in these versions only
    tag 0            a tagged field of flexible versions
Types: bool int8 int16 int32 int64 uint16 uint32 float64 uuid string bytes records, a struct's
name, []TYPE for an array; a leading ? allows null in every version of the field. The fields of a
struct stand indented below the first field that uses it.
"""

import dataclasses
import re

OPEN_END = 32767
PRIMITIVES = {
    'bool', 'int8', 'int16', 'int32', 'int64', 'uint16', 'uint32', 'float64', 'uuid', 'string',
    'bytes', 'records'}


class SchemaError(Exception):
    """A schema file breaks a rule of the notation."""


@dataclasses.dataclass(frozen=True)
class Versions:
    """An inclusive range of message versions."""
    low: int
    high: int

    @staticmethod
    def parse(text):
        match = re.fullmatch(r'(\d+)(?:(\+)|-(\d+))?', text)
        if not match:
            raise SchemaError(f'not a version range: {text}')
        low = int(match[1])
        high = OPEN_END if match[2] else int(match[3] or low)
        if high < low:
            raise SchemaError(f'empty version range: {text}')
        return Versions(low, high)

    def intersect(self, other):
        return Versions(max(self.low, other.low), min(self.high, other.high))

    def contains(self, other):
        return self.low <= other.low and other.high <= self.high

    def __iter__(self):
        return iter(range(self.low, self.high + 1))


NO_VERSIONS = Versions(OPEN_END, OPEN_END)


@dataclasses.dataclass
class Field:
    name: str
    type: str            # element type for arrays
    is_array: bool
    versions: Versions
    nullable: Versions   # NO_VERSIONS if never null
    default: str = None
    ignorable: bool = False
    tag: int = None
    struct: 'Struct' = None  # of a field whose type is a struct

    @property
    def is_nullable(self):
        return self.nullable is not NO_VERSIONS


@dataclasses.dataclass
class Struct:
    name: str
    versions: Versions
    fields: list
    parent: 'Struct' = None  # None: a message itself
    nested: list = dataclasses.field(default_factory=list)

    @property
    def qualified_name(self):
        return f'{self.parent.qualified_name}::{self.name}' if self.parent else self.name

    def all_nested(self):
        for struct in self.nested:
            yield from struct.all_nested()
            yield struct


@dataclasses.dataclass
class Api:
    name: str
    key: int
    versions: Versions
    first_flexible: int  # OPEN_END: none
    borrow: bool
    comment: list
    request: Struct = None
    response: Struct = None


class Parser:
    def __init__(self, path):
        self.path = path
        self.lines = []  # (number, indent, words)
        self.comment = []
        with open(path, encoding='utf-8') as file:
            for number, line in enumerate(file, 1):
                text, _, remark = line.rstrip('\n').partition('#')
                if not text.strip():
                    if not self.lines and remark:
                        self.comment.append(remark.strip())
                    continue
                indent = len(text) - len(text.lstrip(' '))
                self.lines.append((number, indent, text.split()))
        self.at = 0

    def parse(self):
        try:
            return self._parse_api()
        except SchemaError as error:
            number = self.lines[min(self.at, len(self.lines) - 1)][0]
            raise SchemaError(f'{self.path}:{number}: {error}') from None

    def _parse_api(self):
        head = {}
        while self.at < len(self.lines) and self.lines[self.at][2][0] not in ('request',
                                                                             'response'):
            words = self.lines[self.at][2]
            if words[0] not in ('api', 'key', 'versions', 'flexible', 'borrow'):
                raise SchemaError(f'unknown word {words[0]}')
            head[words[0]] = words[1] if len(words) > 1 else ''
            self.at += 1
        flexible = head['flexible']
        api = Api(
            name=head['api'], key=int(head['key']), versions=Versions.parse(head['versions']),
            first_flexible=OPEN_END if flexible == 'none' else Versions.parse(flexible).low,
            borrow='borrow' in head, comment=self.comment)
        for kind in ('request', 'response'):
            setattr(api, kind, self._parse_message(api, kind))
        if self.at != len(self.lines):
            raise SchemaError('unexpected text after the response')
        return api

    def _parse_message(self, api, kind):
        if self.at >= len(self.lines) or self.lines[self.at][2] != [kind]:
            raise SchemaError(f'expected "{kind}"')
        self.at += 1
        message = Struct(api.name + kind.capitalize(), api.versions, [])
        self._parse_fields(message, 0)
        shared = []
        while self.at < len(self.lines) and self.lines[self.at][2][0] == 'struct':
            struct = Struct(self.lines[self.at][2][1], api.versions, [], message)
            shared.append(struct)
            self.at += 1
            self._parse_fields(struct, 0)
        message.nested = shared + message.nested
        self._resolve(message, shared)
        self._check_tags(api, message)
        return message

    def _check_tags(self, api, struct):
        for field in struct.fields:
            if field.tag is not None and field.versions.low < api.first_flexible:
                raise SchemaError(f'{field.name}: tagged field in a version without tags')
        for nested in struct.nested:
            self._check_tags(api, nested)

    def _parse_fields(self, struct, parent_indent):
        """Reads the fields that are indented deeper than their parent into the struct."""
        indent = None
        while self.at < len(self.lines) and self.lines[self.at][1] > parent_indent:
            _, this_indent, words = self.lines[self.at]
            indent = this_indent if indent is None else indent
            if this_indent != indent:
                raise SchemaError('uneven indentation')
            field = self._parse_field(words)
            self.at += 1
            struct.fields.append(field)
            if self.at < len(self.lines) and self.lines[self.at][1] > indent:
                child = Struct(field.type, field.versions.intersect(struct.versions), [], struct)
                self._parse_fields(child, indent)
                struct.nested.append(child)
                field.struct = child
        names = [field.name for field in struct.fields]
        if len(set(names)) != len(names):
            raise SchemaError(f'{struct.name} has a field twice')

    @staticmethod
    def _parse_field(words):
        if len(words) < 3:
            raise SchemaError('a field needs name, type and versions')
        name, type_name, versions = words[0], words[1], Versions.parse(words[2])
        nullable = versions if type_name.startswith('?') else NO_VERSIONS
        type_name = type_name.lstrip('?')
        field = Field(name, type_name.removeprefix('[]'), type_name.startswith('[]'), versions,
                      nullable)
        options = words[3:]
        while options:
            option = options.pop(0)
            if option == '=':
                field.default = options.pop(0)
            elif option == 'ignorable':
                field.ignorable = True
            elif option == 'nullable':
                field.nullable = Versions.parse(options.pop(0))
            elif option == 'tag':
                field.tag = int(options.pop(0))
            else:
                raise SchemaError(f'unknown option {option}')
        return field

    def _resolve(self, struct, common):
        """Points fields at the structs they name and checks that the names exist."""
        for field in struct.fields:
            if field.type not in PRIMITIVES and field.struct is None:
                matches = [s for s in [*struct.nested, *common] if s.name == field.type]
                if not matches:
                    raise SchemaError(f'unknown type {field.type} of {field.name}')
                field.struct = matches[0]
        for nested in struct.nested:
            self._resolve(nested, common)


def parse(path):
    return Parser(path).parse()
