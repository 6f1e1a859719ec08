#!/usr/bin/env python3
"""Writes the recorded vectors as seed files of a fuzz target: messages_fuzz, handlers_fuzz or
control_fuzz. fuzz.py does so before it runs one of them.

Usage: fuzz_seeds.py TARGET DIRECTORY
"""

import hashlib
import pathlib
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# By the number that control_fuzz has for them.
CONTROL = ["LeaderAndIsr", "StopReplica", "UpdateMetadata"]


def schemas():
    """API name -> (key, lowest version), in the order of protocol/gen/all_messages.h."""
    found = {}
    for path in sorted((ROOT / "protocol" / "schema").glob("*.schema")):
        words = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
        head = {line[0]: line[1] for line in words if len(line) == 2}
        found[head["api"]] = (int(head["key"]), int(head["versions"].split("-")[0]))
    return found


def vectors():
    """(API, "request" or "response", version, body)"""
    for path in sorted((ROOT / "test" / "data" / "protocol").glob("*.txt")):
        if path.name in ("header_versions.txt", "layouts.txt"):
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            api, kind, version, *body = line.split(" ")
            yield api, kind, int(version), bytes.fromhex("".join(body))


def seeds(target):
    """What the target takes in, one for each vector that it can do something with."""
    known = schemas()
    order = list(known)
    for api, kind, version, body in vectors():
        key, low = known[api]
        if target == "messages_fuzz":
            number = 2 * order.index(api) + (kind == "response")
            yield bytes([number, version - low]) + body
        elif kind == "request" and target == "handlers_fuzz":
            yield struct.pack(">BBH", key, version, len(body)) + body
        elif kind == "request" and target == "control_fuzz" and api in CONTROL:
            yield bytes([CONTROL.index(api), version - low]) + body


def write(target, directory):
    """The number of files; none for a target that has no vectors."""
    out = pathlib.Path(directory)
    out.mkdir(parents=True, exist_ok=True)
    count = 0
    for seed in seeds(target):
        (out / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
        count += 1
    return count


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    write(sys.argv[1], sys.argv[2])
