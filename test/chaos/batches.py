"""Record batches as they lie in a log or an answer, taken apart. Uncompressed ones only."""

import struct

HEAD = struct.Struct(">qiibIhiqqqhii")  # to the count of records
BATCH_OVERHEAD = 12
CONTROL = 0x20


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at
        shift += 7


def record_values(data, at, count):
    values = []
    for _ in range(count):
        length, at = varint(data, at)
        end = at + length
        _time, at = varint(data, at + 1)
        _delta, at = varint(data, at)
        key_length, at = varint(data, at)
        at += max(key_length, 0)
        value_length, at = varint(data, at)
        values.append(data[at : at + max(value_length, 0)])
        at = end
    return values


def parse(data):
    """[[base offset, last offset, leader epoch, CRC, values]]; a cut batch at the end is left out.

    A value is text up to its first space; of other records an empty one.
    """
    found, at = [], 0
    while at + HEAD.size <= len(data):
        head = HEAD.unpack_from(data, at)
        base, length, epoch, _magic, crc, attributes, last_delta = head[:7]
        end = at + BATCH_OVERHEAD + length
        if end > len(data) or length < HEAD.size - BATCH_OVERHEAD:
            break
        values = []
        if not attributes & (CONTROL | 7):
            raw = record_values(data, at + HEAD.size, head[-1])
            values = [v.split(b" ")[0].decode(errors="replace") for v in raw]
        found.append([base, base + last_delta, epoch, crc, values])
        at = end
    return found
