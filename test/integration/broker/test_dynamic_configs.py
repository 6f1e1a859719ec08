"""Every dynamic key changes what it names in a running broker, or is refused with a reason."""

import sys
import time

from harness.fault_injector import FaultInjector
from harness.waiting import wait_until
from harness.zkcli import ZkClient
from integration.broker.broker_observers import BROKER_OBSERVERS, SMALL_MAP
from integration.broker.config_scene import BROKER, TOPIC, Scene, Setting
from integration.broker.log_observers import BROKER_KEY, LOG_OBSERVERS, dirty

LIMIT_S = 300
INVALID_REQUEST, INVALID_CONFIG = 42, 40
NO_LEADER = -1
# Types of DescribeConfigs.
BOOLEAN, INT, SHORT, LONG, DOUBLE = 1, 3, 4, 5, 6

# Observed by tests of their own below.
ELSEWHERE = {
    "num.recovery.threads.per.data.dir",
    "num.replica.fetchers",  # test_followers.py
    "unclean.leader.election.enable",
}
# No configuration of this broker gives these a meaning: what they are for is refused at the start,
# which test_what_gives_keys_a_meaning_is_refused shows.
WITHOUT_THEIR_FEATURE = ("ssl.", "sasl.", "remote.", "log.local.retention.", "local.retention.")
# Accepted so that tools and templates go on working; the documentation of each says so.
WITHOUT_MEANING = {
    "background.threads",
    "log.cleaner.io.buffer.size",
    "log.message.downconversion.enable",
    "log.preallocate",
    "num.io.threads",
    "num.network.threads",
}
HIDDEN = (
    "follower.replication.throttled.rate",
    "leader.replication.throttled.rate",
    "replica.alter.log.dirs.io.max.bytes.per.second",
)
TOPIC_WITHOUT_MEANING = {
    "follower.replication.throttled.replicas",
    "leader.replication.throttled.replicas",
    "message.downconversion.enable",
    "message.format.version",
    "preallocate",
}


def observe(scene, observers, setting_of):
    """All of them, so that one run tells all that is wrong."""
    problems = []
    for key, observer in observers.items():
        setting = setting_of(key)
        begun = time.monotonic()
        try:
            observer(scene, setting)
        except AssertionError as e:
            problems.append(f"{setting}: {e}")
        print(f"{setting}: {time.monotonic() - begun:.1f} s", file=sys.stderr)
    assert not problems, "\n".join(problems)


def test_keys_of_logs_for_one_topic(case):
    scene = Scene(case)
    observe(scene, LOG_OBSERVERS, lambda key: Setting(scene, key, TOPIC, ""))


def test_keys_of_logs_for_one_broker(case):
    scene = Scene(case)
    observe(
        scene, LOG_OBSERVERS, lambda key: Setting(scene, BROKER_KEY.get(key, key), BROKER, "0")
    )


def test_keys_of_logs_for_all_brokers(case):
    scene = Scene(case)
    observe(scene, LOG_OBSERVERS, lambda key: Setting(scene, BROKER_KEY.get(key, key), BROKER, ""))


def test_keys_of_one_broker(case):
    scene = Scene(case, **SMALL_MAP)
    observe(scene, BROKER_OBSERVERS, lambda key: Setting(scene, key, BROKER, "0"))


def test_keys_of_all_brokers(case):
    scene = Scene(case, **SMALL_MAP)
    both = {k: o for k, o in BROKER_OBSERVERS.items() if k != "advertised.listeners"}
    observe(scene, both, lambda key: Setting(scene, key, BROKER, ""))


def leader(scene, topic):
    with ZkClient(scene.zookeeper) as zookeeper:
        return zookeeper.get_json(f"/brokers/topics/{topic}/partitions/0/state")["leader"]


def test_unclean_leader_election(case):
    topics = ("of-topic", "of-broker", "of-all")
    scene = Scene(case, orphans=topics)
    key = "unclean.leader.election.enable"
    own = Setting(scene, key, TOPIC, "")
    # Each topic is led by what is set for it alone.
    own.set("false", "of-all")
    for topic, kind, name in zip(topics, (TOPIC, BROKER, BROKER), ("", "0", "")):
        setting = Setting(scene, key, kind, name)
        assert leader(scene, topic) == NO_LEADER
        setting.set("true", topic)
        wait_until(lambda t=topic: leader(scene, t) == 0, 20, f"{setting}: {topic} is led")
        setting.set(None, topic)
        if topic == "of-broker":
            assert leader(scene, "of-all") == NO_LEADER
            own.set(None, "of-all")


def plausible(entry):
    """A value of the key's type that is not its default."""
    kind, value = entry["config_type"], entry["value"]
    if kind == BOOLEAN:
        return "false" if value == "true" else "true"
    if kind in (INT, SHORT, LONG):
        return "2" if value == "1" else str(int(value or 0) // 2 + 1)
    if kind == DOUBLE:
        return "0.25"
    if entry["name"] == "listener.security.protocol.map":
        return value + ",MORE:PLAINTEXT"
    return "PLAINTEXT://127.0.0.1:1" if "listeners" in entry["name"] else "another"


def test_every_dynamic_key_is_observed_or_refused(case):
    scene = Scene(case)
    observed = {BROKER_KEY.get(key, key) for key in LOG_OBSERVERS} | set(BROKER_OBSERVERS)
    observed |= ELSEWHERE
    entries = scene.describe(BROKER, "0", documentation=True)
    dynamic = [entry for entry in entries if not entry["read_only"]]
    assert len(dynamic) > 60, len(dynamic)
    # Left out of DescribeConfigs until they are set.
    dynamic += [{"name": name, "config_type": LONG, "value": None} for name in HIDDEN]
    problems = []
    for entry in dynamic:
        name = entry["name"]
        if name in observed or name.startswith(WITHOUT_THEIR_FEATURE):
            continue
        if name in WITHOUT_MEANING:
            if "ccepted for compatibility" not in entry["documentation"]:
                problems.append(f"{name} is not documented as without meaning")
            continue
        code, message = scene.alter(BROKER, "0", name, plausible(entry))
        if code not in (INVALID_REQUEST, INVALID_CONFIG) or not message:
            problems.append(f"{name}={plausible(entry)}: neither observed nor refused: {code}")
    topic = scene.topic()
    for entry in scene.describe(TOPIC, topic):
        name = entry["name"]
        if name in LOG_OBSERVERS or name in ELSEWHERE or name in TOPIC_WITHOUT_MEANING:
            continue
        if name.startswith(WITHOUT_THEIR_FEATURE):
            continue
        code, message = scene.alter(TOPIC, topic, name, plausible(entry))
        if code != INVALID_CONFIG or not message:
            problems.append(f"{name} of a topic: neither observed nor refused: {code}")
    assert not problems, "\n".join(problems)


def test_what_gives_keys_a_meaning_is_refused(case):
    """A listener with TLS or SASL, tiered storage: none of their keys can have an effect."""
    zookeeper = case.zookeeper()
    for number, settings in enumerate(
        (
            {"listeners": "SSL://127.0.0.1:9"},
            {"listeners": "SASL_PLAINTEXT://127.0.0.1:9"},
            {"remote.log.storage.system.enable": "true"},
        )
    ):
        broker = case.broker(zookeeper, start=False, name=f"refused-{number}", settings=settings)
        broker.fail_to_start("not built")


def test_changes_in_quick_succession(case):
    """Of what is started anew with each of them, the last one counts."""
    scene = Scene(case)
    log = scene.broker.log
    topic = scene.topic(cleanup_policy="compact", segment_bytes=400, min_cleanable_dirty_ratio=0)
    rate = Setting(scene, "log.cleaner.io.max.bytes.per.second", BROKER, "0")
    for number in range(60):
        # Slow enough that nothing is compacted in time, if it were in force.
        rate.set(10 + number)
        rate.set(None)
        if number % 10 == 0:
            since = log.position()
            dirty(scene, topic)
            log.wait_for(rf" {topic}-0 compacted", 10, since)
    wait_until(lambda: scene.threads("cleaner") == 1, 10, "one cleaner")


def closing_threads(scene, topics, faults):
    """How many threads sync the topics' files while the broker stops, each sync being slow."""
    for topic in topics:
        scene.must_put(topic, b"x")
    scene.client.close()
    before = len(faults.events())
    faults.rule("sync", "delay:50").arm(1)
    scene.broker.stop()
    faults.disarm()
    return len({event.thread for event in faults.events()[before:] if "-0/" in event.path})


def test_threads_of_the_stop(case):
    """num.recovery.threads.per.data.dir; the cores are its lower bound for the file's value."""
    faults = FaultInjector(case.path("x").parent)
    scene = Scene(
        case, environment=faults.environment, **{"num.recovery.threads.per.data.dir": 4}
    )
    topics = [scene.topic() for _ in range(8)]
    threads = closing_threads(scene, topics, faults)
    assert threads >= 4, threads
    scene.broker.start()
    scene.connect()
    for topic in topics:
        wait_until(lambda t=topic: scene.leads(t), 20, f"{topic} is led")
    code, message = scene.alter(BROKER, "0", "num.recovery.threads.per.data.dir", 2)
    assert code == 0, message
    scene.broker.log.wait_for("broker config changed")
    threads = closing_threads(scene, topics, faults)
    assert threads == 2, threads
