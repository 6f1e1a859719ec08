"""Three brokers on hosts of their own over one to three ZooKeeper servers, and looks at them."""

import random
import time

import batches
import network
from harness import places, schema_wire
from harness.fault_injector import FaultInjector
from harness.waiting import wait_until
from harness.wire import METADATA, Wire, array, text
from harness.zkcli import ZkClient, ZkError

BROKERS = (1, 2, 3)
BROKER_PORT = 9092
SESSION_TIMEOUT_MS = 4000
LAG_MS = 2000
LOOK_LIMIT_S = 1.0
WELL_S = 2 * LAG_MS / 1000
REPLICATION = len(BROKERS)
OFFSETS_PARTITIONS = 3
SETTINGS = {
    "zookeeper.session.timeout.ms": SESSION_TIMEOUT_MS,
    "replica.lag.time.max.ms": LAG_MS,
    "log.segment.bytes": 60_000,
    "default.replication.factor": REPLICATION,
    "min.insync.replicas": 2,
    "offsets.topic.replication.factor": REPLICATION,
    "offsets.topic.num.partitions": OFFSETS_PARTITIONS,
    "leader.imbalance.check.interval.seconds": 5,
    "log.retention.check.interval.ms": 1000,
    "log.initial.task.delay.ms": 1000,
    "controlled.shutdown.retry.backoff.ms": 500,
}


class Cluster:
    numbers = BROKERS

    def __init__(self, case, protocol, servers):
        self.case = case
        self.network = network.Network(case, len(BROKERS), servers)
        self.servers = self._ensemble(case, servers)
        connect = ",".join(
            f"{self.network.server_address(n)}:{server.port}"
            for n, server in enumerate(self.servers, 1)
        )
        self.brokers, self.injectors = {}, {}
        for number in BROKERS:
            self.brokers[number] = self._broker(case, number, connect, protocol)
        for broker in self.brokers.values():
            broker.start(wait=False)
        for broker in self.brokers.values():
            broker.wait_started(60)

    @staticmethod
    def _ensemble(case, servers):
        settings = {"clientPortAddress": "0.0.0.0"}
        if servers == 1:
            return [case.zookeeper(settings=settings)]
        return case.ensemble(servers, settings=settings).servers

    def _broker(self, case, number, connect, protocol):
        address, port = self.address(number)
        directory = case.path(f"broker-{number}", "faults").parent
        injector = self.injectors[number] = FaultInjector(directory)
        return case.broker(
            connect,
            number,
            start=False,
            binary=self.network.wrapped(directory, number, places.SERVER),
            environment=injector.environment,
            settings={
                "listeners": f"PLAINTEXT://{address}:{port}",
                "inter.broker.protocol.version": protocol,
                **SETTINGS,
            },
        )

    def address(self, number):
        return self.network.address(number), BROKER_PORT

    def ask(self, number, api_name, version, **values):
        api = schema_wire.apis()[api_name]
        address, port = self.address(number)
        with Wire(port, timeout_s=20, host=address) as client:
            client.send_frame(schema_wire.request(api, version, values))
            return schema_wire.response(api, version, client.receive_frame())

    def create_topic(self, name, partitions, **configs):
        topic = {
            "name": name,
            "num_partitions": partitions,
            "replication_factor": REPLICATION,
            "assignments": [],
            "configs": [
                {"name": key.replace("_", "."), "value": str(value)}
                for key, value in configs.items()
            ],
        }

        def made():
            answer = self.ask(self.controller(), "CreateTopics", 4, topics=[topic])
            return answer["topics"][0]["error_code"] in (0, 36)

        wait_until(made, 30, f"{name} is made", poll_s=0.2)

    def told_leader(self, topic, partition, random):
        """What some broker says; None when it does not know or does not answer."""
        address, port = self.address(random.choice(BROKERS))
        with Wire(port, LOOK_LIMIT_S, host=address) as client:
            reader = client.request(METADATA, 1, array([text(topic)]))
        reader.array(lambda r: (r.unpack("i"), r.text(), r.unpack("i"), r.text()))
        reader.unpack("i")

        def partition_of(r):
            _error, index, leader = r.unpack("hii")
            r.array(lambda a: a.unpack("i"))
            r.array(lambda a: a.unpack("i"))
            return index, leader

        topics = reader.array(
            lambda r: (r.unpack("h"), r.text(), r.unpack("b"), r.array(partition_of))
        )
        leaders = dict(topics[0][3]) if topics else {}
        leader = leaders.get(partition, -1)
        return leader if leader in BROKERS else None

    def running_server(self):
        return next(s for s in self.servers if s.process.running() and s.mode())

    def zookeeper(self):
        """A session of its own, with any server: one that was frozen may not answer for long."""
        running = [s for s in self.servers if s.process.running()]
        server = random.choice(running) if running else self.servers[0]
        return ZkClient(server, timeout_ms=10000, limit_s=3)

    def controller(self):
        with self.zookeeper() as client:
            try:
                return client.get_json("/controller")["brokerid"]
            except ZkError:
                return None

    def states(self, client=None):
        """{(topic, partition): state} of all partitions."""
        if client is None:
            with self.zookeeper() as client:
                return self.states(client)
        found = {}
        for topic in client.children("/brokers/topics"):
            base = f"/brokers/topics/{topic}/partitions"
            for partition in client.children(base):
                found[topic, int(partition)] = client.get_json(f"{base}/{partition}/state")
        return found

    def healed(self):
        """What is still missing; empty when all is well."""
        missing = [f"broker {n} is down" for n, b in self.brokers.items() if not b.running()]
        with self.zookeeper() as client:
            ids = client.children("/brokers/ids")
            missing += [f"broker {n} is not registered" for n in BROKERS if str(n) not in ids]
            for (topic, partition), state in self.states(client).items():
                if state["leader"] not in BROKERS or len(state["isr"]) < REPLICATION:
                    leader, isr = state["leader"], state["isr"]
                    missing.append(f"{topic}-{partition} leader={leader} isr={isr}")
        return missing

    def await_healed(self, timeout_s, meanwhile):
        """All is well, and stays so for longer than a follower may lag. Returns when it began."""
        began = well_since = time.monotonic()
        missing = ["never looked"]
        while time.monotonic() < (began + timeout_s if missing else well_since + WELL_S):
            meanwhile()
            try:
                missing = self.healed()
            except (OSError, ZkError, StopIteration) as e:
                missing = [f"ZooKeeper: {e!r}"]
            if missing:
                well_since = time.monotonic()
            time.sleep(0.2)
        assert not missing, f"after {timeout_s} s: {missing[:10]}"
        return well_since - began

    def log_batches(self, number, topic, partition):
        """(start, batches) of a log to which nobody appends; retention may go on."""
        directory = self.brokers[number].log_dirs[0] / f"{topic}-{partition}"

        def read():
            paths = sorted(directory.glob("*.log"))
            try:
                return [(int(path.stem), path.read_bytes()) for path in paths]
            except FileNotFoundError:
                return None

        segments = wait_until(read, 5, f"{directory} is read")
        return segments[0][0], batches.parse(b"".join(data for _, data in segments))

    def tail(self, number, topic, partition):
        """The last batch without its values; the start where there is none."""
        start, found = self.log_batches(number, topic, partition)
        return tuple(found[-1][:4]) if found else start

    def await_equal_ends(self, timeout_s):
        """Once nobody writes any more; replicas that differ are the checker's business."""

        def equal():
            for topic, partition in self.states():
                if len({self.tail(n, topic, partition) for n in BROKERS}) > 1:
                    return False
            return True

        try:
            wait_until(equal, timeout_s, "the logs end equally", poll_s=0.3)
        except AssertionError:
            return False
        return True

    def record_replicas(self, record):
        for topic, partition in self.states():
            for number in BROKERS:
                start, found = self.log_batches(number, topic, partition)
                record.add(
                    "replica",
                    partition=f"{topic}-{partition}",
                    broker=number,
                    start=start,
                    end=found[-1][1] + 1 if found else start,
                    batches=found,
                )
