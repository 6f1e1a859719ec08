"""The checker rejects what it must: a history for each rule, one step from a good one."""

import copy
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import checker  # noqa: E402

P = "t-0"
OFFSETS = "__consumer_offsets-0"


def replica(broker, batches, start=0):
    end = batches[-1][1] + 1 if batches else start
    return {
        "kind": "replica",
        "partition": P,
        "broker": broker,
        "start": start,
        "end": end,
        "batches": batches,
    }


def acked(producer, number, offset, broker):
    return {
        "kind": "acked",
        "producer": producer,
        "partition": P,
        "number": number,
        "offset": offset,
        "broker": broker,
    }


def read(records, high_watermark):
    return {
        "kind": "read",
        "partition": P,
        "high_watermark": high_watermark,
        "records": records,
    }


def commit_read(offset, began, broker=2):
    return {
        "kind": "commit_read",
        "group": "g",
        "partition": P,
        "coordinated": OFFSETS,
        "broker": broker,
        "offset": offset,
        "began": began,
        "at": began + 0.1,
    }


def refused(error, broker, began):
    return {
        "kind": "refused",
        "producer": "a",
        "partition": P,
        "error": error,
        "broker": broker,
        "began": began,
        "at": began + 0.1,
    }


def commit(offset, at):
    return {"kind": "commit", "group": "g", "partition": P, "offset": offset, "at": at}


def elected(partition, epoch, leader, at):
    return {
        "kind": "elected",
        "partition": partition,
        "epoch": epoch,
        "leader": leader,
        "at": at,
    }


def good():
    """Producer a is idempotent, b is not and is there twice; the leader changed after offset 1."""
    batches = [
        [0, 1, 0, 11, ["a:0", "a:1"]],
        [2, 2, 1, 12, ["b:0"]],
        [3, 3, 1, 13, ["b:0"]],
        [4, 4, 1, 14, ["a:2"]],
    ]
    return [
        {"kind": "producer", "producer": "a", "idempotent": True},
        {"kind": "producer", "producer": "b", "idempotent": False},
        acked("a", 0, 0, 1),
        acked("a", 1, 1, 1),
        acked("b", 0, 3, 2),
        acked("a", 2, 4, None),
        read([[0, "a:0"], [1, "a:1"]], 2),
        read([[2, "b:0"], [3, "b:0"]], 5),
        commit(2, 10.0),
        dict(commit(3, 19.0), kind="commit_try"),
        commit(4, 20.0),
        # Asked for before, in effect after, as from a broker that was frozen.
        commit_read(3, 21.0, broker=1),
        commit_read(2, 15.0, broker=1),
        commit_read(4, 25.0, broker=1),
        commit_read(4, 35.0),
        # A deposed coordinator, and one about to be.
        commit_read(2, 30.5, broker=1),
        commit_read(2, 29.5, broker=1),
        refused(45, 1, 12.5),
        refused(7, 1, 20.0),
        elected(OFFSETS, 2, 1, 1.0),
        elected(P, 0, 1, 1.0),
        elected(P, 1, 2, 12.0),
        elected(OFFSETS, 3, 2, 30.0),
        replica(1, copy.deepcopy(batches)),
        replica(2, copy.deepcopy(batches)),
        # Begins later and has not all: a part of a batch before its start does not count.
        replica(3, copy.deepcopy(batches[1:3]), start=2),
    ]


def replicas_of(history):
    return [event for event in history if event["kind"] == "replica"]


def rejected(history, rule):
    found = checker.judge(history)
    assert rule.__name__ in found, f"not found by {rule.__name__}: {found}"
    return found


def only(history, rule):
    found = rejected(history, rule)
    assert list(found) == [rule.__name__], found


def test_a_good_history_is_accepted(case):
    assert checker.judge(good()) == {}


def test_a_lost_write(case):
    only(good() + [acked("b", 7, 9, 2)], checker.nothing_acknowledged_is_lost)


def test_a_write_in_a_partition_that_is_gone(case):
    only(
        good() + [dict(acked("b", 7, 9, 2), partition="gone-0")],
        checker.nothing_acknowledged_is_lost,
    )


def test_an_old_write_that_retention_took(case):
    history = [e for e in good() if e["kind"] not in ("replica", "read", "acked")]
    history += [acked("a", 0, 0, 1), replica(1, [[2, 2, 1, 12, ["b:0"]]], start=2)]
    assert checker.judge(history) == {}


def test_a_duplicate(case):
    history = good()
    for one in replicas_of(history)[:2]:
        one["batches"].append([5, 5, 1, 15, ["a:2"]])
        one["end"] = 6
    only(history, checker.nothing_is_there_twice)


def test_another_order(case):
    history = good()
    for one in replicas_of(history)[:2]:
        one["batches"] += [[5, 5, 1, 15, ["c:2"]], [6, 6, 1, 16, ["c:1"]]]
        one["end"] = 7
    only(history, checker.order_is_kept)


def test_an_offset_read_with_two_values(case):
    history = good() + [read([[1, "b:9"]], 2)]
    found = rejected(history, checker.an_offset_has_one_value)
    assert len(found[checker.an_offset_has_one_value.__name__]) == 1, found


def test_an_acknowledged_offset_read_with_another_value(case):
    rejected(good() + [read([[4, "b:9"]], 5)], checker.an_offset_has_one_value)


def test_a_read_above_the_high_watermark(case):
    only(good() + [read([[4, "a:2"]], 4)], checker.nothing_is_read_too_early)


def test_a_read_of_what_was_cut_away(case):
    only(good() + [read([[5, "a:3"]], 6)], checker.nothing_is_read_too_early)


def test_committed_offsets_that_go_back(case):
    only(good() + [commit_read(2, 21.0, broker=1)], checker.committed_offsets_never_go_back)
    only(good() + [commit_read(-1, 21.0, broker=1)], checker.committed_offsets_never_go_back)
    only(good() + [commit_read(2, 32.0)], checker.committed_offsets_never_go_back)


def test_an_offset_that_nobody_committed(case):
    only(good() + [commit_read(5, 35.0)], checker.committed_offsets_never_go_back)


def test_a_deposed_coordinator_that_goes_on(case):
    only(good() + [commit_read(2, 31.1, broker=1)], checker.deposed_leaders_stop)


def test_a_consumer_that_is_sent_back(case):
    back = [dict(commit(1, 40.0), kind="commit_try"), commit(1, 41.0)]
    only(good() + back + [commit_read(1, 40.5), commit_read(1, 42.0)], checker.deposed_leaders_stop)


def test_a_producer_that_is_told_to_give_up(case):
    only(good() + [refused(45, 2, 14.0)], checker.no_producer_is_told_to_give_up)
    only(good() + [refused(45, 1, 11.0 - 1)], checker.no_producer_is_told_to_give_up)
    only(good() + [refused(45, 1, 14.0)], checker.deposed_leaders_stop)


def test_replicas_that_differ(case):
    for change in (
        lambda batch: batch.__setitem__(2, 7),
        lambda batch: batch.__setitem__(3, 7),
    ):
        history = good()
        change(replicas_of(history)[1]["batches"][2])
        only(history, checker.replicas_are_equal)


def test_a_replica_that_lacks_a_batch(case):
    history = good()
    del replicas_of(history)[2]["batches"][0]
    only(history, checker.replicas_are_equal)


def test_two_brokers_that_append_in_one_epoch(case):
    history = good()
    history[4] = acked("b", 0, 3, 1)
    only(history, checker.one_broker_appends_in_an_epoch)
    only(good() + [elected(P, 1, 3, 40.0)], checker.one_broker_appends_in_an_epoch)


def test_every_rule_has_its_history(case):
    text = pathlib.Path(__file__).read_text()
    missing = [rule.__name__ for rule in checker.RULES if f"checker.{rule.__name__}" not in text]
    assert not missing, missing
