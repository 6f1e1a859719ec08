"""Compacted topics under load: they stay small, and consumers see the latest value of each key."""

import threading

from harness import kafka_tools, kcat
from harness.waiting import wait_until

LIMIT_S = 300
KEYS = 200
SETTINGS = {"log.cleaner.backoff.ms": 100, "log.cleaner.dedupe.buffer.size": 2_000_000}
CONFIGS = {
    "cleanup_policy": "compact",
    "segment_bytes": 100_000,
    "min_cleanable_dirty_ratio": 0.1,
    "delete_retention_ms": 100,
    "file_delete_delay_ms": 100,
}


def keyed(round_number):
    """One line a key; the value tells the round."""
    return b"".join(b"key%d|%d %s\n" % (k, round_number, b"v" * 40) for k in range(KEYS))


def produce(broker, topic, lines, *options):
    kcat.produce(broker, topic, lines, "-K|", "-X", "batch.num.messages=100", *options)


def consumed(broker, topic):
    """[(offset, key, round or None for a tombstone)] from the beginning."""
    printed = kcat.consume(broker, topic, "-f", "%o %S %k %s\n").decode()
    records = []
    for line in printed.splitlines():
        offset, size, key, *value = line.split(" ")
        records.append((int(offset), key, int(value[0]) if int(size) > 0 else None))
    return records


def log_bytes(broker, topic):
    return sum(path.stat().st_size for path in broker.log_dirs[0].glob(f"{topic}-0/*.log"))


def check_latest(broker, topic, rounds):
    records = consumed(broker, topic)
    offsets = [offset for offset, _, _ in records]
    assert offsets == sorted(set(offsets))
    latest = {key: value for _, key, value in records}
    assert latest == {f"key{k}": rounds - 1 for k in range(KEYS)}


def test_a_compacted_topic_stays_small_under_load(case):
    broker = case.single(settings=SETTINGS)
    kafka_tools.create_topic(broker, "c", **CONFIGS)
    failures = []
    is_done = threading.Event()

    def keep_reading():
        while not is_done.is_set():
            records = consumed(broker, "c")
            seen = {}
            for offset, key, value in records:
                if value < seen.get(key, -1):
                    failures.append(f"{key} at {offset}: {value} after {seen[key]}")
                seen[key] = value

    reader = threading.Thread(target=keep_reading)
    produce(broker, "c", keyed(0))
    reader.start()
    rounds = 60
    for i in range(1, rounds):
        produce(broker, "c", keyed(i), "-z", kcat.CODECS[i % len(kcat.CODECS)])
    is_done.set()
    reader.join()
    assert not failures, failures[:5]
    check_latest(broker, "c", rounds)
    assert broker.log.lines(r"c-0 compacted"), "the cleaner has worked"
    # What the last round of each codec left, and a segment or two that are not full yet.
    wait_until(lambda: log_bytes(broker, "c") < 250_000, 60, "the log is small")
    check_latest(broker, "c", rounds)
    broker.restart()
    check_latest(broker, "c", rounds)
    checkpoint = (broker.log_dirs[0] / "cleaner-offset-checkpoint").read_text().split("\n")
    assert checkpoint[:2] == ["0", "1"] and checkpoint[2].startswith("c 0 "), checkpoint


def test_killed_while_it_compacts(case):
    broker = case.single(settings={**SETTINGS, "zookeeper.session.timeout.ms": 2000})
    kafka_tools.create_topic(broker, "c", **CONFIGS)
    rounds = 0
    for _ in range(5):
        for _ in range(10):
            produce(broker, "c", keyed(rounds))
            rounds += 1
        broker.kill()
        broker.start()
        kcat.wait_for_topic(broker, "c")
        check_latest(broker, "c", rounds)


def test_a_key_that_is_deleted_is_gone(case):
    broker = case.single(settings=SETTINGS)
    kafka_tools.create_topic(broker, "c", **CONFIGS)
    produce(broker, "c", keyed(0))
    produce(broker, "c", b"key7|\n", "-Z")

    def read_keys():
        printed = kcat.consume(broker, "c", "-f", "%k\n").decode()
        return printed.splitlines()

    def is_gone():
        # Others push it out of the active segment.
        produce(broker, "c", b"".join(b"o%d|%s\n" % (i, b"x" * 200) for i in range(600)))
        return "key7" not in read_keys()

    wait_until(is_gone, 60, "value and tombstone are gone")
    assert set(read_keys()) >= {f"key{k}" for k in range(KEYS) if k != 7}


def test_not_without_a_key_and_not_if_switched_off(case):
    broker = case.single(settings={**SETTINGS, "log.cleaner.enable": "false"})
    kafka_tools.create_topic(broker, "c", **CONFIGS)
    try:
        kcat.produce(broker, "c", b"no key\n", "-X", "message.timeout.ms=5000")
        raise AssertionError("a record without a key was accepted")
    except AssertionError as refused:
        assert "Broker failed to validate record" in str(refused), refused
    for i in range(20):
        produce(broker, "c", keyed(i))
    assert len(consumed(broker, "c")) == 20 * KEYS
    assert not broker.log.lines(r"compacted")
