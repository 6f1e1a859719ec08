"""A key that the table calls built has somebody who reads its value; one that is not has nobody."""

import re

from tidy import tree

# Sections that are handed on as a whole: their fields are read as `.field` there.
ALONE = ("identity", "zookeeper", "network", "cleaner", "security", "log", "groups", "logging")
# Keys whose value takes part in another one's, within config/.
WITHIN = {
    "advertised.host.name",
    "advertised.listeners",
    "advertised.port",
    "control.plane.listener.name",
    "group.coordinator.rebalance.protocols",
    "host.name",
    "inter.broker.listener.name",
    "listener.security.protocol.map",
    "listeners",
    "log.dir",
    "log.dirs",
    "log.flush.scheduler.interval.ms",
    "log.retention.hours",
    "log.retention.minutes",
    "log.roll.hours",
    "log.roll.jitter.hours",
    "max.connections.per.ip.overrides",
    "node.id",
    "port",
    "security.inter.broker.protocol",
    "zookeeper.session.timeout.ms",
    "broker.rack",
    "inter.broker.protocol.version",
    "barnabas.loops",
}
ENTRY = re.compile(r'\{+\s*"([\w.]+)",\s*k\w+,(.*?)\}', re.DOTALL)


def keys():
    """Name to (support, mode), of the broker's keys."""
    found = {}
    for path in tree.files(".cc", under="config/keys/", outside=("config/keys/topics.cc",)):
        for name, rest in ENTRY.findall(tree.read(path)):
            support = re.search(r"k(Built|NoEffect|Pending|Refused)\b", rest)
            mode = re.search(r"k(ReadOnly|PerBroker|Cluster)\b", rest)
            if support and mode:
                found[name] = support.group(1), mode.group(1)
    assert len(found) > 200, f"{len(found)} keys: the table looks different now"
    return found


def fields():
    """Key to (section, field), as server_config.cc builds them."""
    found, section = {}, None
    for line in re.split(r"\n(?=\S)|,\n", tree.read("config/server_config.cc")):
        begun = re.search(r"build_(\w+)\(", line)
        section = begun.group(1) if begun else section
        field = re.search(r"\.(\w+)\s*=\s", line)
        if ".cleaner =" in line:
            section = "cleaner"
            field = re.search(r"\.(enable)\s*=\s", line)
        for key in re.findall(r'values\.\w+\(\s*"([\w.]+)"', line):
            if field:
                found[key] = section, field.group(1)
    assert len(found) > 90, f"{len(found)} fields: server_config.cc looks different now"
    return found


def topic_fields():
    """Topic key to its field in TopicConfig, by the broker's key."""
    text = tree.read("config/topic_config.cc")
    by_topic_key = dict(re.findall(r'\{"([\w.]+)",\s*store<&TopicConfig::(\w+)>', text))
    by_topic_key["cleanup.policy"] = "cleanup_delete"
    by_topic_key["compression.type"] = "compression_type"
    by_topic_key["message.timestamp.type"] = "timestamp_type"
    pairs = re.findall(
        r'\{\{"([\w.]+)".*?\},\s*"([\w.]*)"\}', tree.read("config/keys/topics.cc"), re.DOTALL
    )
    # One setting for both directions: resolve_timestamps().
    by_topic_key["message.timestamp.difference.max.ms"] = "timestamp_before_max_ms"
    return {broker: by_topic_key[topic] for topic, broker in pairs if topic in by_topic_key}


def test_keys_called_built_are_read(_case):
    reads = set()
    for path in tree.sources(outside=("config/", "test/", "bench/", "tools/")):
        reads.update(re.findall(r"(?=((?<!\w)\w+|\))\s*(?:->|\.)(\w+))", tree.read(path)))
    names = {field for _, field in reads}
    of_server, of_topics = fields(), topic_fields()

    def is_read(key):
        if key in of_topics:
            owners = ("topic", "defaults", "config", ")")
            return any((owner, of_topics[key]) in reads for owner in owners)
        if key not in of_server:
            return False
        section, field = of_server[key]
        return field in names if section in ALONE else (section, field) in reads

    problems = []
    for key, (support, _) in sorted(keys().items()):
        if key in WITHIN or support == "Refused":
            continue
        if support == "Built" and not is_read(key):
            problems.append(f"{key}: called built, and nobody reads it")
        if support == "Pending" and key in of_server and is_read(key):
            problems.append(f"{key}: called pending, and somebody reads it")
    tree.fail_with(problems, "the support column of config/keys is wrong:")


# What changes at run time besides topic defaults, and the word that shows it.
LIVE = {
    "max.connections": "update_limits",
    "max.connections.per.ip": "update_limits",
    "max.connections.per.ip.overrides": "update_limits",
    "max.connection.creation.rate": "update_limits",
    "num.recovery.threads.per.data.dir": "set_recovery_threads",
    "producer.id.expiration.ms": None,  # part of each log's settings
    "advertised.listeners": "update_registration",
    "listener.security.protocol.map": None,  # any other value is refused
    "listeners": None,  # as well
    "unclean.leader.election.enable": "set_topic_defaults",
    "barnabas.log.level": "apply_logging",
    "barnabas.log.file.bytes": "apply_logging",
    "barnabas.log.files": "apply_logging",
}


def test_dynamic_keys_called_built_change_something(_case):
    text = "".join(tree.read(f"broker/server/{n}.cc") for n in ("live_config", "dynamic_configs"))
    of_topics = topic_fields()
    problems = []
    for key, (support, mode) in sorted(keys().items()):
        if support != "Built" or mode == "ReadOnly" or key.startswith(("ssl.", "sasl.")):
            continue
        word = LIVE.get(key, "cleaner" if key.startswith("log.cleaner.") else None)
        if key in LIVE or key in of_topics or word:
            if word and word not in text:
                problems.append(f"{key}: nothing calls {word}")
        else:
            problems.append(f"{key}: dynamic, and nothing is changed by it")
    tree.fail_with(problems, "accepted at run time without effect:")
