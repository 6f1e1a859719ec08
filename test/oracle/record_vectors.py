#!/usr/bin/env python3
"""Records vectors by a second, independent implementation: kafka-python (Debian python3-kafka).

It writes its schemas by hand, so an error that our schemas shared with Kafka's generated classes
would show here. Values are drawn at random by walking each class's SCHEMA; nulls are left to
RecordVectors.java, as kafka-python's schemas do not say where they may stand. The line format is
the same. Usage: record_vectors.py DIRECTORY (writes kafka_python.txt)
"""

import importlib
import os
import pathlib
import random
import sys

from kafka.protocol import types
from kafka.protocol.api import Request, Response

MODULES = ['admin', 'commit', 'fetch', 'group', 'metadata', 'offset', 'produce']
VECTORS_PER_CLASS = 2
# Left out, since kafka-python 2.0.2 differs from Kafka's message definitions there.
WRONG = {
    'DescribeGroupsResponse_v3',   # authorized_operations behind the array, not in its elements
    'GroupCoordinatorResponse_v1',  # no throttle_time_ms
    'OffsetRequest_v4',            # current_leader_epoch as int64
    'ProduceResponse_v8',          # record_errors and error_message outside of the partition
}
ROOT = pathlib.Path(__file__).resolve().parents[2]


def api_names():
    """API key -> name, from our schema files."""
    names = {}
    for path in (ROOT / 'protocol' / 'schema').glob('*.schema'):
        words = [line.split() for line in path.read_text(encoding='utf-8').splitlines()]
        head = {line[0]: line[1] for line in words if len(line) == 2}
        names[int(head['key'])] = head['api']
    return names


def draw(kind, rng):
    """A random value of a kafka-python type (an instance or a class)."""
    def is_a(*classes):
        return isinstance(kind, classes) or kind in classes
    if is_a(types.Schema):
        return tuple(draw(field, rng) for field in kind.fields)
    if is_a(types.Array):
        return [draw(kind.array_of, rng) for _ in range(rng.randrange(3))]
    if is_a(types.String):
        return ''.join(rng.choice('abz-._7é') for _ in range(rng.randrange(9)))
    if is_a(types.Bytes):
        return bytes(rng.randrange(256) for _ in range(rng.randrange(12)))
    if is_a(types.Boolean):
        return rng.random() < 0.5
    for integer, bits in ((types.Int8, 8), (types.Int16, 16), (types.Int32, 32),
                          (types.Int64, 64)):
        if is_a(integer):
            return rng.getrandbits(bits) - (1 << (bits - 1))
    raise TypeError(f'no values for {kind}')


def message_classes():
    seen = set()
    for module_name in MODULES:
        module = importlib.import_module('kafka.protocol.' + module_name)
        for name in sorted(vars(module)):
            value = vars(module)[name]
            if isinstance(value, type) and issubclass(value, (Request, Response)) and (
                    value not in (Request, Response)) and value not in seen:
                seen.add(value)
                yield value


def main(directory):
    names = api_names()
    lines = []
    for message in message_classes():
        if message.API_KEY not in names or message.__name__ in WRONG:
            continue
        kind = 'request' if issubclass(message, Request) else 'response'
        rng = random.Random(f'{message.__name__}')
        for _ in range(VECTORS_PER_CLASS):
            values = [draw(field, rng) for field in message.SCHEMA.fields]
            try:
                raw = message.SCHEMA.encode(values)
            except TypeError:  # some schemas name String where they mean String('utf-8')
                print(f'kafka-python cannot encode its own {message.__name__}', file=sys.stderr)
                break
            lines.append(f'{names[message.API_KEY]} {kind} {message.API_VERSION} {raw.hex()}')
    lines.sort()
    with open(os.path.join(directory, 'kafka_python.txt'), 'w', encoding='utf-8') as file:
        file.write('\n'.join(lines) + '\n')


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
