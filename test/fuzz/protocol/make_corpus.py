#!/usr/bin/env python3
"""Writes the recorded vectors as seed files of messages_fuzz.

Usage: make_corpus.py DIRECTORY. The order of messages is that of the schema list: by file name,
request before response, as in protocol/gen/all_messages.h.
"""

import hashlib
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]


def main(directory):
    numbers, low = {}, {}
    for path in sorted((ROOT / 'protocol' / 'schema').glob('*.schema')):
        words = [line.split() for line in path.read_text(encoding='utf-8').splitlines()]
        head = {line[0]: line[1] for line in words if len(line) == 2}
        for kind in ('request', 'response'):
            numbers[head['api'], kind] = len(numbers)
        low[head['api']] = int(head['versions'].split('-')[0])
    out = pathlib.Path(directory)
    out.mkdir(parents=True, exist_ok=True)
    for path in (ROOT / 'test' / 'data' / 'protocol').glob('*.txt'):
        if path.name in ('header_versions.txt', 'layouts.txt'):
            continue
        for line in path.read_text(encoding='utf-8').splitlines():
            api, kind, version, *body = line.split(' ')
            seed = bytes([numbers[api, kind], int(version) - low[api]])
            seed += bytes.fromhex(''.join(body))
            (out / hashlib.sha1(seed).hexdigest()).write_bytes(seed)


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
