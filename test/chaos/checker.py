"""Judges what clients and brokers said during a chaos run. Plain data in, complaints out.

A history is a list of events, dicts with a "kind"; times are seconds on one monotonic clock:
  acked        producer, partition, number, offset, broker: an acks=all write was acknowledged.
               broker: who did; None when the client cannot know.
  producer     producer, idempotent: whether it may ever be in the log twice
  read         partition, high_watermark, records [[offset, value]]: one answer to a consumer
  commit       group, partition, offset, at: a commit was acknowledged
  commit_try   group, partition, offset: a commit was asked for
  commit_read  group, partition, offset (-1: none), began, at, broker, coordinated: a committed
               offset was told; coordinated is the partition of __consumer_offsets
  refused      producer, partition, error, broker, began, at: a write was
  elected      partition, epoch, leader, at: what the state znode said
  replica      partition, broker, start, end, batches: a replica's log at the end
A batch is [base offset, last offset, leader epoch, CRC, values]. A value is "producer:number".
Each rule is a generator of complaints, and is given the History below.
"""

import collections
import itertools

# Who is no longer leader may answer from what it knew for so long after its successor's election.
DEPOSED_S = 1.0
# Elections are seen by polling: so late at most.
SEEN_LATE_S = 1.0
# Out of order, unknown producer, fenced epoch: a client gives up, or sends what was written again.
PRODUCER_ERRORS = {45, 47, 59, 90}
COMPLAINTS_MAX = 20
LEADS, MAY_STILL, DEPOSED = "leads", "may still", "deposed"


class History:
    def __init__(self, events):
        self.by_kind = collections.defaultdict(list)
        for event in events:
            self.by_kind[event["kind"]].append(event)
        self.replicas = collections.defaultdict(list)
        for replica in self.by_kind["replica"]:
            self.replicas[replica["partition"]].append(replica)
        self.logs = {p: final_log(replicas) for p, replicas in self.replicas.items()}
        self.idempotent = {
            event["producer"] for event in self.by_kind["producer"] if event["idempotent"]
        }
        self.elections = collections.defaultdict(list)
        for event in self.by_kind["elected"]:
            self.elections[event["partition"]].append((event["at"], event["leader"]))

    def standing(self, partition, event):
        """Of the broker that answered: whether it led the partition all the time, or once."""
        elections = self.elections[partition]
        before = [leader for at, leader in elections if at <= event["began"]][-1:]
        later = [leader for at, leader in elections if at > event["began"]]
        soon = [
            leader
            for at, leader in elections
            if event["began"] - DEPOSED_S < at <= event["at"] + SEEN_LATE_S
        ]
        if not before or before == [event["broker"]]:
            return LEADS if not soon or set(soon) == {event["broker"]} else MAY_STILL
        if soon or event["broker"] in later[:1]:
            return MAY_STILL
        return DEPOSED


def final_log(replicas):
    """(start, end, {offset: (value, epoch)}) of the replica that begins first; ends may differ."""
    first = min(replicas, key=lambda r: (r["start"], -r["end"]))
    records = {}
    for base, _last, epoch, _crc, values in first["batches"]:
        for delta, value in enumerate(values):
            records[base + delta] = (value, epoch)
    return first["start"], first["end"], records


def value_of(event):
    return f"{event['producer']}:{event['number']}"


def nothing_acknowledged_is_lost(history):
    for event in history.by_kind["acked"]:
        if event["partition"] not in history.logs:
            yield f"acknowledged in a partition without replicas: {event}"
            continue
        start, _end, records = history.logs[event["partition"]]
        if event["offset"] < start:
            continue
        found = records.get(event["offset"], (None, None))[0]
        if found != value_of(event):
            yield f"lost: {event}; its offset holds {found}"


def nothing_is_there_twice(history):
    for partition, (_start, _end, records) in history.logs.items():
        seen = {}
        for offset in sorted(records):
            value = records[offset][0]
            if value.split(":")[0] not in history.idempotent:
                continue
            if value in seen:
                yield f"twice: {value} at {seen[value]} and {offset} of {partition}"
            seen.setdefault(value, offset)


def order_is_kept(history):
    """By first occurrence; a producer numbers its records per partition."""
    for partition, (_start, _end, records) in history.logs.items():
        highest, seen = {}, set()
        for offset in sorted(records):
            value = records[offset][0]
            producer, _, number = value.rpartition(":")
            if value in seen or not number.isdigit():
                continue
            seen.add(value)
            if int(number) < highest.get(producer, -1):
                yield f"order: {value} at {offset} of {partition} after {highest[producer]}"
            highest[producer] = max(highest.get(producer, -1), int(number))


def an_offset_has_one_value(history):
    """Over all that was ever read or acknowledged."""
    known = {}
    told = [(e["partition"], e["offset"], value_of(e)) for e in history.by_kind["acked"]]
    for event in history.by_kind["read"]:
        told += [(event["partition"], offset, value) for offset, value in event["records"]]
    for partition, offset, value in told:
        if known.setdefault((partition, offset), value) != value:
            was = known[partition, offset]
            yield f"two values: {partition} offset {offset} was {was}, then {value}"


def nothing_is_read_too_early(history):
    """Not at or above the high watermark of the answer, nor what was cut away later."""
    for event in history.by_kind["read"]:
        start, _end, records = history.logs.get(event["partition"], (0, 0, {}))
        for offset, value in event["records"]:
            where = f"{value} at {offset} of {event['partition']}"
            if offset >= event["high_watermark"]:
                yield f"read above the high watermark {event['high_watermark']}: {where}"
            elif offset >= start and records.get(offset, (None,))[0] != value:
                yield f"read, and not there at the end: {where}"


def commits_of(history):
    """{(group, partition): [(at, offset)]} of those acknowledged."""
    commits = collections.defaultdict(list)
    for event in history.by_kind["commit"]:
        commits[event["group"], event["partition"]].append((event["at"], event["offset"]))
    return commits


def stale_offsets(history):
    """(the answer, what it should have been at least, standing of who gave it)"""
    commits = commits_of(history)
    tries = collections.defaultdict(list)
    for event in history.by_kind["commit_try"]:
        tries[event["group"], event["partition"], event["offset"]].append(event["at"])
    for event in history.by_kind["commit_read"]:
        key = event["group"], event["partition"]
        at, expected = max((c for c in commits[key] if c[0] <= event["began"]), default=(0, -1))
        told = event["offset"]
        if told >= expected:
            continue
        # One that was never answered may take effect after its successor, from a frozen socket.
        acknowledged = any(offset == told for _, offset in commits[key])
        asked_for = [t for t in tries[(*key, told)] if t <= event["at"]]
        if any(t >= at or not acknowledged for t in asked_for):
            continue
        yield event, expected, history.standing(event["coordinated"], event)


def committed_offsets_never_go_back(history):
    """The coordinator tells at least what was acknowledged before it was asked."""
    tried = collections.defaultdict(set)
    for event in history.by_kind["commit"] + history.by_kind["commit_try"]:
        tried[event["group"], event["partition"]].add(event["offset"])
    for event in history.by_kind["commit_read"]:
        key = event["group"], event["partition"]
        if event["offset"] >= 0 and event["offset"] not in tried[key]:
            yield f"never committed: {event}"
    for event, expected, standing in stale_offsets(history):
        if standing == LEADS:
            yield f"committed {expected}, then told: {event}"


def no_producer_is_told_to_give_up(history):
    """Ours send one batch at a time, and again until it is acknowledged."""
    for event in history.by_kind["refused"]:
        confused = event["error"] in PRODUCER_ERRORS
        if confused and history.standing(event["partition"], event) == LEADS:
            yield f"error {event['error']}: {event}"


def deposed_leaders_stop(history):
    """A second after its successor's election a broker answers no more from what it knew."""
    for event, expected, standing in stale_offsets(history):
        if standing == DEPOSED:
            yield f"committed {expected}, and a deposed coordinator told: {event}"
    # Its log ends before where the consumer is, which therefore begins anew.
    for (group, partition), commits in commits_of(history).items():
        for (_, before), (at, offset) in itertools.pairwise(sorted(commits)):
            if offset < before:
                yield f"{group} was sent back in {partition} from {before} to {offset} at {at}"
    for event in history.by_kind["refused"]:
        confused = event["error"] in PRODUCER_ERRORS
        if confused and history.standing(event["partition"], event) == DEPOSED:
            yield f"error {event['error']} from a deposed leader: {event}"


def replicas_are_equal(history):
    """Batch for batch from the largest start to the smallest end."""
    for partition, replicas in history.replicas.items():
        first = max(r["start"] for r in replicas)
        end = min(r["end"] for r in replicas)
        logs = [[b for b in r["batches"] if b[1] >= first and b[0] < end] for r in replicas]
        for replica, log in zip(replicas[1:], logs[1:]):
            if log != logs[0]:
                differing = next(
                    (pair for pair in zip(logs[0], log) if pair[0] != pair[1]),
                    (len(logs[0]), len(log)),
                )
                brokers = f"{replicas[0]['broker']} and {replica['broker']}"
                yield f"replicas {brokers} of {partition} differ: {str(differing)[:400]}"


def one_broker_appends_in_an_epoch(history):
    """By the epoch that the log has where a broker acknowledged, and by the state znode."""
    appenders = {}
    for event in history.by_kind["acked"]:
        records = history.logs.get(event["partition"], (0, 0, {}))[2]
        if event["broker"] is None or event["offset"] not in records:
            continue
        key = event["partition"], records[event["offset"]][1]
        if appenders.setdefault(key, event["broker"]) != event["broker"]:
            yield f"two brokers append in {key}: {appenders[key]} and {event['broker']}"
    for event in history.by_kind["elected"]:
        if event["leader"] < 0:
            continue
        key = event["partition"], event["epoch"]
        if appenders.setdefault(key, event["leader"]) != event["leader"]:
            yield f"two brokers for {key}: {appenders[key]} and {event['leader']}"


RULES = (
    nothing_acknowledged_is_lost,
    nothing_is_there_twice,
    order_is_kept,
    an_offset_has_one_value,
    nothing_is_read_too_early,
    committed_offsets_never_go_back,
    no_producer_is_told_to_give_up,
    deposed_leaders_stop,
    replicas_are_equal,
    one_broker_appends_in_an_epoch,
)


def judge(events):
    """{name of a rule: its first complaints}, without the rules that are kept."""
    history = History(events)
    found = {}
    for rule in RULES:
        complaints = [c for c, _ in zip(rule(history), range(COMPLAINTS_MAX))]
        if complaints:
            found[rule.__name__] = complaints
    return found
