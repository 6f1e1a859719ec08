"""kill -9 under load, again and again: nothing acknowledged is lost, order is kept."""

from harness import kafka_tools, places
from harness.load import Load, assert_all_there, read_numbers
from harness.zkcli import ZkClient

LIMIT_S = 1200
ROUNDS = places.sized(5, 50)
PARTITIONS = 10
START_LIMIT_S = 1.0
# Acknowledgements between two kills, at least: the load is a load.
ACKED_BETWEEN_MIN = 3000


def kill_under_load(case, duplicates_allowed, **settings):
    zookeeper = case.zookeeper()
    # Segments roll and producer snapshots are taken while it goes on.
    broker = case.broker(zookeeper, settings={"log.segment.bytes": 4_000_000})
    kafka_tools.create_topic(broker, "t", partitions=PARTITIONS)
    load = Load(
        case,
        broker.address,
        "t",
        PARTITIONS,
        rate=6000,
        reconnect_backoff_ms=20,
        reconnect_backoff_max_ms=100,
        retry_backoff_ms=20,
        linger_ms=2,
        **settings,
    )
    starts = []
    for _ in range(ROUNDS):
        load.wait_more(ACKED_BETWEEN_MIN + case.random.randrange(6000), timeout_s=60)
        assert broker.kill() == 137
        broker.start()
        starts.append(broker.start_seconds)
        with ZkClient(zookeeper) as client:
            assert client.exists("/brokers/ids/0"), "started, and not registered"
    load.wait_more(ACKED_BETWEEN_MIN)
    acked = load.stop()
    assert len(starts) == ROUNDS, "the fault has fired"
    assert_all_there(acked, read_numbers(broker, "t"), duplicates_allowed)
    print(f"{load.result}, starts {[round(s, 2) for s in starts]}")
    slow = [s for s in starts if s > START_LIMIT_S * places.SLOWNESS]
    assert not slow, f"serving again only after {slow} s"


def test_leader_acknowledges(case):
    # One request in flight: with more, a client that sends again changes the order itself.
    kill_under_load(case, True, acks="1", max_in_flight_requests_per_connection=1)


def test_idempotent(case):
    kill_under_load(case, False, enable_idempotence="true")


def test_compressed(case):
    kill_under_load(case, False, enable_idempotence="true", compression_codec="lz4")
