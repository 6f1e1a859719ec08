"""One of the brokers that answer, and its answers without what only it can say."""

import re

from answers import cases, group_cases
from harness.messages import Messages
from harness.waiting import wait_until

SETTINGS = {
    "auto.create.topics.enable": "false",
    "offsets.topic.num.partitions": 1,
    "group.initial.rebalance.delay.ms": 0,
}
# Fields that name something of one broker alone.
OWN = {
    "cluster_id",
    "port",
    "producer_id",
    "log_append_time_ms",
    "session_id",
    "finalized_features_epoch",
}
# Lists that Kafka gives in the order of a hash table.
UNORDERED = {"configs", "api_keys", "groups", "results"}
ID_CONSTANTS = (bytes(16), cases.UNKNOWN_ID)
TIMEOUT_S = 10


def all_cases():
    for group in (
        cases.metadata_requests,
        cases.topic_requests,
        cases.config_requests,
        cases.data_requests,
        group_cases.coordinator_requests,
        group_cases.offset_requests,
        group_cases.member_requests,
        group_cases.admin_requests,
    ):
        yield from group()


class Side:
    def __init__(self, port):
        self.port = port
        self.wire = Messages(port, timeout_s=TIMEOUT_S)
        self.ids = {}

    def ask(self, name, version, request):
        if callable(request):
            request = request(version, self.ids)
        try:
            answer = self.wire.ask(name, version, request)
        except TimeoutError:
            answer = "(no answer)"
        if not isinstance(answer, dict):
            self.wire = Messages(self.port, timeout_s=TIMEOUT_S)
        return answer

    def learn_ids(self):
        answer = self.wire.ask("Metadata", 12, {"topics": None})
        self.ids = {topic["name"]: topic["topic_id"] for topic in answer["topics"]}

    def prepare(self):
        topics = [cases.create("t", num_partitions=2), cases.create("collides.a_b")]
        # Apache Kafka has no brokers to place a topic on for a moment after its start.
        wait_until(lambda: self.ask("Metadata", 1, {"topics": []})["brokers"], 60, "a broker")
        created = self.ask("CreateTopics", 5, cases.creating(*topics)[1])
        assert all(topic["error_code"] == 0 for topic in created["topics"]), created
        offset = group_cases.committing("g")
        anyone = {"transactional_id": None, "transaction_timeout_ms": 1000}

        def has_coordinator():
            return self.ask("FindCoordinator", 1, {"key": "g"})["error_code"] == 0

        def commits():
            answer = self.ask("OffsetCommit", 2, offset)
            return answer["topics"][0]["partitions"][0]["error_code"] == 0

        def gives_ids():
            return self.ask("InitProducerId", 1, anyone)["error_code"] == 0

        wait_until(has_coordinator, 60, "a coordinator")
        wait_until(commits, 60, "a commit")
        wait_until(gives_ids, 60, "producer ids")
        self.learn_ids()

    def answers(self):
        """{(API, what was asked): {version: answer}}"""
        self.prepare()
        found = {}
        for what, name, request, versions in all_cases():
            by_version = found.setdefault((name, what), {})
            for version in versions or self.wire.versions(name):
                if (name, version) == ("DeleteTopics", 6):
                    self.learn_ids()
                by_version[version] = self.comparable(self.ask(name, version, request))
        return found

    def comparable(self, value, name=""):
        if isinstance(value, dict):
            return {key: self.comparable(item, key) for key, item in value.items()}
        if isinstance(value, list):
            items = [self.comparable(item, name) for item in value]
            return sorted(items, key=repr) if name in UNORDERED else items
        if name in OWN:
            return value if value in (None, -1, 0, "") else "(its own)"
        if isinstance(value, bytes) and len(value) == 16:
            names = [topic for topic, known in self.ids.items() if known == value]
            if names:
                return f"(id of {names[0]})"
            return f"hex {value.hex()}" if value in ID_CONSTANTS else "(an id)"
        if isinstance(value, bytes):
            return f"hex {value.hex()}"
        if isinstance(value, str):
            value = re.sub(r"-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", "-(uuid)", value)
            return value.replace(str(self.port), "(port)")
        return value
