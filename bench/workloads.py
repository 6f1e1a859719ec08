"""What is asked of each server. A workload is run against one server and gives one Sample."""

import dataclasses

from process_stats import cpu_ns, user_and_system_s
from systems import run_loader


@dataclasses.dataclass
class Sample:
    requests: int
    bytes: int
    cpu_s: float  # the server's
    user_s: float
    system_s: float
    loader_cpu_s: float  # the other side's
    elapsed_s: float
    p50_us: float
    p99_us: float

    @property
    def cpu_per_million_s(self):
        return self.cpu_s / self.requests * 1e6

    @property
    def loader_cpu_per_million_s(self):
        return self.loader_cpu_s / self.requests * 1e6

    @property
    def cpu_per_gb_s(self):
        return self.cpu_s / self.bytes * 1e9

    @property
    def loader_cpu_per_gb_s(self):
        return self.loader_cpu_s / self.bytes * 1e9


def measured(system, requests_of, mode, **options):
    """requests_of: the count in the loader's answer that the costs are divided by."""
    cpu_before, parts_before = cpu_ns(system.pid), user_and_system_s(system.pid)
    report = run_loader(mode, system.port, **options)
    cpu_after, parts_after = cpu_ns(system.pid), user_and_system_s(system.pid)
    return Sample(
        requests=report[requests_of],
        bytes=report["bytes"],
        cpu_s=(cpu_after - cpu_before) / 1e9,
        user_s=parts_after[0] - parts_before[0],
        system_s=parts_after[1] - parts_before[1],
        loader_cpu_s=report["loader_user_s"] + report["loader_system_s"],
        elapsed_s=report["elapsed_s"],
        p50_us=report["p50_us"],
        p99_us=report["p99_us"],
    )


class Workload:
    name = ""
    is_bulk = False  # held against the floor, not against Kafka

    def serves(self, system):
        """Whether this server can be asked at all."""
        return True


class Produce(Workload):
    """acks=1, four connections with one request each under way."""

    CONNECTIONS = 4

    def __init__(self, label, records, record_bytes, codec, requests):
        self.name = f"produce {label} {codec}"
        self.is_bulk = records * record_bytes >= 1 << 19
        self.requests = requests
        self._options = dict(records=records, record_bytes=record_bytes, codec=codec)

    def prepare(self, system):
        system.create_topic(self._topic, partitions=self.CONNECTIONS)

    @property
    def _topic(self):
        return self.name.replace(" ", "-")

    def run(self, system, scale=1.0):
        return measured(
            system,
            "requests",
            "produce",
            topic=self._topic,
            partitions=self.CONNECTIONS,
            connections=self.CONNECTIONS,
            requests=max(self.CONNECTIONS, int(self.requests * scale)),
            **self._options,
        )


class Tail(Workload):
    """One producer at a fixed rate, consumers that wait at the end of its partition. The cost is
    that of a fetch with its share of the append that feeds it (one append for all consumers)."""

    FETCHERS = 4
    PER_SECOND = 1000

    def __init__(self, requests):
        self.name = "fetch tail"
        self.requests = requests

    def prepare(self, system):
        system.create_topic("tail")

    def run(self, system, scale=1.0):
        return measured(
            system,
            "fetches",
            "tail",
            topic="tail",
            fetchers=self.FETCHERS,
            requests=int(self.requests * scale),
            per_second=self.PER_SECOND,
        )


class Commit(Workload):
    """OffsetCommit requests of one partition each at a fixed rate, in turn for 500 groups."""

    PER_SECOND = 5000

    def __init__(self, requests):
        self.name = "offset commit, 5,000/s"
        self.requests = requests

    def serves(self, system):
        return system.has_groups

    def prepare(self, system):
        system.create_topic("commits")

    def run(self, system, scale=1.0):
        return measured(
            system,
            "requests",
            "commit",
            topic="commits",
            groups=500,
            requests=int(self.requests * scale),
            per_second=self.PER_SECOND,
        )


class CatchUp(Workload):
    """Two consumers read a partition each from its start, from the page cache."""

    CONNECTIONS = 2

    def __init__(self, partition_mb, repeats):
        self.name = "fetch catch-up 1 MB"
        self.is_bulk = True
        self._partition_mb = partition_mb
        self._repeats = repeats

    def prepare(self, system):
        system.create_topic("catch-up", partitions=self.CONNECTIONS)
        # Batches of a client that fills them; 16 records of 1,000 bytes.
        run_loader(
            "produce",
            system.port,
            topic="catch-up",
            partitions=self.CONNECTIONS,
            connections=self.CONNECTIONS,
            requests=self.CONNECTIONS * self._partition_mb * 1_000_000 // 16_000,
            records=16,
            record_bytes=1000,
        )

    def run(self, system, scale=1.0):
        return measured(
            system,
            "fetches",
            "catch-up",
            topic="catch-up",
            connections=self.CONNECTIONS,
            fetch_bytes=1 << 20,
            repeats=max(1, int(self._repeats * scale)),
        )


def all_workloads(quick):
    part = 0.1 if quick else 1
    workloads = []
    for codec in ("none", "lz4"):
        workloads += [
            Produce("1 record", 1, 100, codec, int(30_000 * part)),
            Produce("16 KB", 16, 1000, codec, int(8_000 * part)),
            Produce("1 MB", 1000, 1000, codec, int(200 * part)),
        ]
    workloads.append(Tail(int(3_000 * part)))
    workloads.append(Commit(int(15_000 * part)))
    workloads.append(CatchUp(int(200 * part), 2))
    return workloads
