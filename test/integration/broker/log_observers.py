"""What shows that a key of logs is in force: the topic's own, or the broker's."""

import itertools
import random

from harness.waiting import wait_until
from integration.broker.config_scene import DAY_MS, HOUR_MS, LIMIT_S, happens, now_ms

NOT_ENOUGH_REPLICAS, INVALID_TIMESTAMP, INVALID_RECORD, TOO_LARGE = 19, 32, 87, 10
_numbers = itertools.count(1)


def grows(scene, topic, count, size, step_ms=0):
    """Whether that many batches, each so much later, begin a new segment."""
    before = len(scene.segments(topic))
    for _ in range(count):
        scene.must_put(topic, b"x" * size, at=now_ms() + next(_numbers) * step_ms)
    return len(scene.segments(topic)) > before


def segment_bytes(scene, setting):
    topic = scene.topic()
    setting.toggles(topic, 500, lambda: grows(scene, topic, 3, 300), False, True)


def segment_index_bytes(scene, setting):
    topic = scene.topic()
    setting.toggles(topic, 16, lambda: grows(scene, topic, 5, 5000), False, True)


def segment_ms(scene, setting):
    topic = scene.topic()
    setting.toggles(topic, 1000, lambda: grows(scene, topic, 2, 10, 10_000), False, True)


def segment_jitter_ms(scene, setting):
    """Segments end after seven days, with the jitter earlier, if only by a minute."""
    topic = scene.topic()
    at = now_ms()

    def ends_early():
        nonlocal at
        at += 8 * DAY_MS
        scene.must_put(topic, b"begins a segment", at=at)
        before = len(scene.segments(topic))
        at += 7 * DAY_MS - 60_000
        scene.must_put(topic, b"almost seven days later", at=at)
        return len(scene.segments(topic)) > before

    setting.toggles(topic, 7 * DAY_MS, ends_early, False, True)


def index_interval_bytes(scene, setting):
    """An entry that is there is in the file once its segment ends."""
    topic = scene.topic(segment_bytes=2000)

    def has_entries():
        before = scene.segments(topic)
        wait_until(lambda: grows(scene, topic, 1, 300), LIMIT_S, "a segment ends")
        newest = max(before)
        return (scene.folder(topic) / newest).with_suffix(".index").stat().st_size > 0

    setting.toggles(topic, 100, has_entries, False, True)


def flushes(scene, topic, within_s):
    before = scene.syncs()
    scene.must_put(topic, b"x")
    return happens(lambda: scene.syncs() > before, within_s)


def flush_messages(scene, setting):
    topic = scene.topic()
    setting.toggles(topic, 1, lambda: flushes(scene, topic, 0.3), False, True)


def flush_ms(scene, setting):
    topic = scene.topic()
    setting.toggles(topic, 1, lambda: flushes(scene, topic, 1.5), False, True)


def file_delete_delay_ms(scene, setting):
    topic = scene.topic(segment_bytes=400, retention_bytes=400)

    def are_gone():
        scene.must_put(topic, b"x" * 250)
        old = min(scene.segments(topic))
        scene.must_put(topic, b"x" * 250)
        scene.must_put(topic, b"x" * 250)
        wait_until(lambda: old not in scene.segments(topic), LIMIT_S, "retention removes it")
        return happens(lambda: not (scene.folder(topic) / f"{old}.deleted").exists(), 2)

    setting.toggles(topic, 0, are_gone, False, True)


def shrinks(scene, topic, at=None):
    """Whether retention takes what is put."""
    before = scene.start_offset(topic)
    for _ in range(3):
        scene.must_put(topic, b"x" * 250, at=at)
    return happens(lambda: scene.start_offset(topic) > before, 0.5)


def retention_ms(scene, setting):
    topic = scene.topic(segment_bytes=400)
    setting.toggles(
        topic, 60_000, lambda: shrinks(scene, topic, now_ms() - HOUR_MS), False, True
    )


def retention_bytes(scene, setting):
    topic = scene.topic(segment_bytes=400)
    setting.toggles(topic, 400, lambda: shrinks(scene, topic), False, True)


def cleanup_policy(scene, setting):
    topic = scene.topic()
    setting.toggles(topic, "compact", lambda: scene.put(topic, b"no key"), 0, INVALID_RECORD)


def attributes(scene, topic, mask):
    scene.must_put(topic, b"x" * 500)
    return scene.last_batch(topic)[22] & mask


def compression_type(scene, setting):
    topic = scene.topic()
    setting.toggles(topic, "gzip", lambda: attributes(scene, topic, 7), 0, 1)


def timestamp_type(scene, setting):
    topic = scene.topic()
    setting.toggles(topic, "LogAppendTime", lambda: attributes(scene, topic, 8), 0, 8)


def compression_level(codec, weakest, strongest):
    """Two levels of one codec store the same record in different sizes."""

    def observe(scene, setting):
        words = [b"%x" % (n * 2654435761 % 2**32) for n in range(500)]
        value = b" ".join(random.Random(1).choices(words, k=8000))
        topic = scene.topic(compression_type=codec)
        sizes = {}
        for level in (weakest, strongest, weakest):
            setting.set(level, topic)

            def size():
                scene.must_put(topic, value)
                return len(scene.last_batch(topic))

            last = sizes.get(weakest if level == strongest else strongest)
            if last:
                wait_until(lambda s=size, was=last: s() != was, LIMIT_S, f"{setting} = {level}")
            first = size()
            wait_until(lambda s=size: s() == s(), LIMIT_S, "the same size twice")
            sizes[level] = size()
            assert first != last
        assert sizes[strongest] < sizes[weakest], (str(setting), sizes)
        setting.set(None, topic)

    return observe


def max_message_bytes(scene, setting):
    topic = scene.topic()
    setting.toggles(topic, 500, lambda: scene.put(topic, b"x" * 1000), 0, TOO_LARGE)


def timestamps(*offsets_ms):
    """Records so far from now are taken, and refused with a smaller limit."""

    def observe(scene, setting):
        topic = scene.topic()

        def codes():
            return {scene.put(topic, b"x", at=now_ms() + offset) for offset in offsets_ms}

        setting.toggles(topic, HOUR_MS // 2, codes, {0}, {INVALID_TIMESTAMP})

    return observe


def min_insync_replicas(scene, setting):
    """Of a topic with two replicas, one of which is in sync: of a single one no more are asked."""
    topic = scene.half_synced
    setting.toggles(topic, 2, lambda: scene.put(topic, b"x", acks=-1), 0, NOT_ENOUGH_REPLICAS)


# Compaction.


def dirty(scene, topic, segments=6):
    for _ in range(segments):
        scene.must_put(topic, b"v" * 250, b"k")


class Control:
    """A topic that is compacted whenever it can be: when it was, others were looked at too."""

    def __init__(self, scene):
        self.scene = scene
        self.topic = scene.topic(
            cleanup_policy="compact",
            segment_bytes=400,
            min_cleanable_dirty_ratio=0,
            min_compaction_lag_ms=0,
        )

    def compacts(self, topic):
        """Whether the topic was compacted before the control was five times."""
        log = self.scene.broker.log
        begin = log.position()
        dirty(self.scene, topic)
        for _ in range(5):
            since = log.position()
            # Less of it than of the topic: the dirtiest comes first.
            dirty(self.scene, self.topic, segments=2)
            log.wait_for(rf" {self.topic}-0 compacted", LIMIT_S, since)
            if log.lines(rf" {topic}-0 compacted", begin):
                return True
        return False


def compaction(value, when_set, **configs):
    """Whether a topic is compacted, with the value and without it."""

    def observe(scene, setting):
        control = Control(scene)
        topic = scene.topic(cleanup_policy="compact", segment_bytes=400, **configs)
        setting.toggles(topic, value, lambda: control.compacts(topic), not when_set, when_set)

    return observe


def delete_retention_ms(scene, setting):
    control = Control(scene)
    topic = scene.topic(cleanup_policy="compact", segment_bytes=400, min_cleanable_dirty_ratio=0)

    def keeps_tombstones():
        key = b"tombstone-%d." % next(_numbers)
        scene.must_put(topic, None, key)
        for _ in range(3):
            wait_until(lambda: control.compacts(topic), LIMIT_S, f"{topic} is compacted")
        data = scene.client.fetch(topic, 0, scene.start_offset(topic))[2]
        return key in data

    setting.toggles(topic, 0, keeps_tombstones, True, False)


# By the topic's key; the broker's is in BROKER_KEY where it has another name.
LOG_OBSERVERS = {
    "cleanup.policy": cleanup_policy,
    "compression.gzip.level": compression_level("gzip", 1, 9),
    "compression.lz4.level": compression_level("lz4", 1, 17),
    "compression.type": compression_type,
    "compression.zstd.level": compression_level("zstd", 1, 22),
    "delete.retention.ms": delete_retention_ms,
    "file.delete.delay.ms": file_delete_delay_ms,
    "flush.messages": flush_messages,
    "flush.ms": flush_ms,
    "index.interval.bytes": index_interval_bytes,
    "max.compaction.lag.ms": compaction(1, True, min_cleanable_dirty_ratio=1),
    "max.message.bytes": max_message_bytes,
    "message.timestamp.after.max.ms": timestamps(HOUR_MS),
    "message.timestamp.before.max.ms": timestamps(-HOUR_MS),
    "message.timestamp.difference.max.ms": timestamps(HOUR_MS, -HOUR_MS),
    "message.timestamp.type": timestamp_type,
    "min.cleanable.dirty.ratio": compaction(1, False),
    "min.compaction.lag.ms": compaction(HOUR_MS, False, min_cleanable_dirty_ratio=0),
    "min.insync.replicas": min_insync_replicas,
    "retention.bytes": retention_bytes,
    "retention.ms": retention_ms,
    "segment.bytes": segment_bytes,
    "segment.index.bytes": segment_index_bytes,
    "segment.jitter.ms": segment_jitter_ms,
    "segment.ms": segment_ms,
}
BROKER_KEY = {
    "cleanup.policy": "log.cleanup.policy",
    "delete.retention.ms": "log.cleaner.delete.retention.ms",
    "file.delete.delay.ms": "log.segment.delete.delay.ms",
    "flush.messages": "log.flush.interval.messages",
    "flush.ms": "log.flush.interval.ms",
    "index.interval.bytes": "log.index.interval.bytes",
    "max.compaction.lag.ms": "log.cleaner.max.compaction.lag.ms",
    "max.message.bytes": "message.max.bytes",
    "message.timestamp.after.max.ms": "log.message.timestamp.after.max.ms",
    "message.timestamp.before.max.ms": "log.message.timestamp.before.max.ms",
    "message.timestamp.difference.max.ms": "log.message.timestamp.difference.max.ms",
    "message.timestamp.type": "log.message.timestamp.type",
    "min.cleanable.dirty.ratio": "log.cleaner.min.cleanable.ratio",
    "min.compaction.lag.ms": "log.cleaner.min.compaction.lag.ms",
    "retention.bytes": "log.retention.bytes",
    "retention.ms": "log.retention.ms",
    "segment.bytes": "log.segment.bytes",
    "segment.index.bytes": "log.index.size.max.bytes",
    "segment.jitter.ms": "log.roll.jitter.ms",
    "segment.ms": "log.roll.ms",
}
