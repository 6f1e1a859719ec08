"""ZooKeeper away, frozen, or done with our session: serving goes on, registration comes back."""

import time

from harness import kafka_tools, kcat, places
from harness.load import Load, assert_all_there, read_numbers
from harness.waiting import wait_until
from harness.zkcli import ZkClient, expire_session, stored_session

LIMIT_S = 400
AWAY_S = places.sized(15, 60)
PARTITIONS = 10
REGISTERED_LIMIT_S = 2.0


def under_load(case, zookeeper):
    broker = case.broker(zookeeper)
    kafka_tools.create_topic(broker, "t", partitions=PARTITIONS)
    load = Load(
        case, broker.address, "t", PARTITIONS, rate=5500, linger_ms=2, enable_idempotence="true"
    )
    load.wait_acked(2000)
    return broker, load


def serves_without_pause(load, seconds):
    """Acknowledgements keep coming, with no second without any."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        load.wait_more(100, timeout_s=1 * places.SLOWNESS)


def all_is_there(broker, load):
    acked = load.stop()
    assert_all_there(acked, read_numbers(broker, "t"), duplicates_allowed=False)
    assert load.result["slowest_ms"] < 2000 * places.SLOWNESS, load.result


def back_to_normal(broker, zookeeper):
    with ZkClient(zookeeper) as client:
        client.wait_exists("/brokers/ids/0", 20)
        client.wait_exists("/controller", 20)
    kafka_tools.create_topic(broker, "afterwards")
    kcat.produce(broker, "afterwards", b"fine\n")


def test_stopped(case):
    zookeeper = case.zookeeper()
    broker, load = under_load(case, zookeeper)
    zookeeper.stop()
    serves_without_pause(load, AWAY_S)
    assert kcat.metadata(broker)["topics"], "metadata is served"
    assert not zookeeper.process.running(), "the fault has fired"
    zookeeper.start()
    back_to_normal(broker, zookeeper)
    all_is_there(broker, load)


def test_frozen(case):
    zookeeper = case.zookeeper()
    broker, load = under_load(case, zookeeper)
    zookeeper.pause()
    assert zookeeper.command("ruok") == "", "the fault has fired"
    serves_without_pause(load, AWAY_S)
    zookeeper.resume()
    back_to_normal(broker, zookeeper)
    all_is_there(broker, load)


def test_session_ended_from_outside(case):
    zookeeper = case.zookeeper()
    broker, load = under_load(case, zookeeper)
    for _ in range(3):
        session, password = stored_session(broker.log_dirs[0])
        with ZkClient(zookeeper) as client:
            before = client.exists("/brokers/ids/0")
            assert before.ephemeral_owner == session
            began = time.monotonic()
            expire_session(zookeeper, session, password)

            def registered_anew(client=client, before=before):
                now = client.exists("/brokers/ids/0")
                return now and now.czxid != before.czxid

            wait_until(registered_anew, REGISTERED_LIMIT_S * places.SLOWNESS, "registered again")
            print(f"registered again after {time.monotonic() - began:.3f} s")
        serves_without_pause(load, 1)
    back_to_normal(broker, zookeeper)
    all_is_there(broker, load)


def test_ensemble_loses_its_leader(case):
    ensemble = case.ensemble(3)
    broker, load = under_load(case, ensemble)
    leader = ensemble.leader()
    leader.kill()
    serves_without_pause(load, 3)
    survivor = ensemble.leader()
    assert survivor is not leader
    back_to_normal(broker, survivor)
    all_is_there(broker, load)


def test_broker_frozen_past_its_session(case):
    """It comes back, registers anew and goes on; nothing that it had acknowledged is gone."""
    zookeeper = case.zookeeper()
    broker, load = under_load(case, zookeeper)
    with ZkClient(zookeeper) as client:
        broker.pause()
        client.wait_gone("/brokers/ids/0", 30)
        broker.resume()
        client.wait_exists("/brokers/ids/0", 10 * places.SLOWNESS)
    load.wait_more(1000)
    acked = load.stop()
    assert_all_there(acked, read_numbers(broker, "t"), duplicates_allowed=False)
    back_to_normal(broker, zookeeper)
