#!/usr/bin/env python3
"""Goal: protocol/schema says what Apache Kafka's message definitions say: names, order, types,
nulls, tags and defaults of every field in every version; and the notation's parser refuses what it
must.

Method: test/data/protocol/layouts.txt holds Kafka's own layouts, recorded by
test/oracle/RecordLayouts.java; the same lines are made from our schema files and compared.
"""

import collections
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / 'protocol'))

from codegen import schema_language

# Tags from here on are our own additions, which Kafka's brokers and clients skip.
OUR_TAGS = 31000


def kafkas_fields(struct):
    return [f for f in struct.fields if f.tag is None or f.tag < OUR_TAGS]


def fields_text(struct, version):
    """The fields of the struct in that version, as layouts.txt writes them."""
    present = [f for f in kafkas_fields(struct) if f.versions.low <= version <= f.versions.high]
    untagged = [f for f in present if f.tag is None]
    tagged = sorted((f for f in present if f.tag is not None), key=lambda f: f.tag)
    parts = [f'{f.name}:{type_text(f, version)}' for f in untagged]
    parts += [f'{f.name}@{f.tag}:{type_text(f, version)}' for f in tagged]
    return ' '.join(parts)


def type_text(field, version):
    element = f'({fields_text(field.struct, version)})' if field.struct else field.type
    null = '?' if field.nullable.low <= version <= field.nullable.high else ''
    if field.type == 'records':
        null = '?'  # Kafka's schemas have no other records type
    return null + ('[]' if field.is_array else '') + element


def default_text(field):
    """The value of a new object's field as Java shows it."""
    if field.is_array:
        return 'null' if field.default == 'null' else '[]'
    if field.struct:
        return 'struct'
    if field.type == 'records' or field.default == 'null':
        return 'null'
    if field.type in ('string', 'bytes'):
        return (field.default or '').strip('"')
    if field.type == 'uuid':
        return 'A' * 22
    if field.type == 'bool':
        return field.default or 'false'
    if field.type == 'float64':
        return field.default or '0.0'
    return str(int(field.default or '0', 0))


def squeezed(name):
    """isKRaftController and is_kraft_controller alike."""
    return name.replace('_', '').lower()


class LayoutTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.layouts = {}
        cls.defaults = collections.defaultdict(dict)
        path = ROOT / 'test' / 'data' / 'protocol' / 'layouts.txt'
        for line in path.read_text(encoding='utf-8').splitlines():
            api, kind, version, *rest = line.split(' ')
            if version == 'default':
                values = dict(word.split('=', 1) for word in rest[1:])
                cls.defaults[api, kind][rest[0]] = {
                    squeezed(name): value for name, value in values.items()}
            else:
                cls.layouts[api, kind, int(version)] = ' '.join(rest)
        cls.apis = [schema_language.parse(path)
                    for path in sorted((ROOT / 'protocol' / 'schema').glob('*.schema'))]

    def test_every_version_has_kafkas_fields(self):
        seen = set()
        for api in self.apis:
            for kind in ('request', 'response'):
                for version in api.versions:
                    with self.subTest(api=api.name, kind=kind, version=version):
                        ours = fields_text(getattr(api, kind), version)
                        self.assertEqual(ours, self.layouts[api.name, kind, version])
                    seen.add((api.name, kind, version))
        self.assertEqual(seen, set(self.layouts))

    def test_every_field_has_kafkas_default(self):
        for api in self.apis:
            for kind in ('request', 'response'):
                message = getattr(api, kind)
                structs = [message, *message.all_nested()]
                ours = {struct.name: {squeezed(f.name): default_text(f)
                                      for f in kafkas_fields(struct)}
                        for struct in structs}
                with self.subTest(api=api.name, kind=kind):
                    self.assertEqual(ours, self.defaults[api.name, kind])


HEAD = 'api X\nkey 1\nversions 0-3\nflexible 2+\n'


class NotationTest(unittest.TestCase):
    def parse(self, text):
        with tempfile.NamedTemporaryFile('w', suffix='.schema') as file:
            file.write(text)
            file.flush()
            return schema_language.parse(file.name)

    def test_nesting_follows_indentation(self):
        api = self.parse(HEAD + 'request\n  a []A 0+\n    b int8 1+\n  c ?string 0+ = null\n'
                         'response\n')
        self.assertEqual([f.name for f in api.request.fields], ['a', 'c'])
        self.assertEqual(api.request.fields[0].struct.fields[0].versions,
                         schema_language.Versions(1, schema_language.OPEN_END))
        self.assertTrue(api.request.fields[1].is_nullable)
        self.assertEqual(api.response.fields, [])

    def test_mistakes_are_refused_with_their_line(self):
        for body, complaint in {
                'request\n  a int8\nresponse\n': ':6: a field needs name, type and versions',
                'request\n  a int8 0+\n  a int8 1+\nresponse\n': 'has a field twice',
                'request\n  a Unknown 0+\nresponse\n': 'unknown type Unknown',
                'request\n  a int8 3-1\nresponse\n': 'empty version range',
                'request\n  a int8 x\nresponse\n': 'not a version range',
                'request\n  a int8 0+ sometimes\nresponse\n': 'unknown option sometimes',
                'request\n   a int8 0+\n  b int8 0+\nresponse\n': 'uneven indentation',
                'request\n  a int8 0+ tag 0\nresponse\n': 'tagged field in a version without tags',
                'request\n': 'expected "response"',
                'request\nresponse\nrequest\n': 'unexpected text'}.items():
            with self.subTest(body=body):
                with self.assertRaises(schema_language.SchemaError) as raised:
                    self.parse(HEAD + body)
                self.assertIn(complaint, str(raised.exception))


if __name__ == '__main__':
    unittest.main()
