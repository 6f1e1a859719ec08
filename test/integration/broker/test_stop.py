"""Stopping: at any moment of the start, with ZooKeeper away, with a controller that is slow."""

import struct
import time

from harness.wire import INIT_PRODUCER_ID, Wire, text
from harness.zookeeper_proxy import ZooKeeperProxy

# Frames to ZooKeeper in a start on an empty cluster; the tests find out when it is over.
FRAMES_MAX = 200
# Closing a session that does not answer takes 3 s.
SILENT_STOP_S = 12


def stop_at_frame(case, zookeeper, frame, keeps_silent):
    """False once the broker has started before that frame came."""
    name = f"{'silent' if keeps_silent else 'brief'}-{frame}"
    arrived = []

    def on_frame():
        arrived.append(time.monotonic())
        broker.process.send(15)

    proxy = ZooKeeperProxy(
        f"{zookeeper.connect_string}/{name}", frame, on_frame, keeps_silent=keeps_silent
    )
    case.at_end(proxy.close)
    broker = case.broker(proxy.connect_string, start=False, name=name)
    broker.start(wait=False)
    while not arrived and broker.running():
        if broker.log.lines(r"started \(kafka\.server"):
            broker.stop()
            return False
        time.sleep(0.02)
    code = broker.wait(SILENT_STOP_S)
    assert arrived and code == 143, f"frame {frame}: exit code {code}, see {broker.log.path}"
    return True


def test_a_signal_at_any_request_of_the_start(case):
    """The order goes on being answered: the start meets its end at each step."""
    zookeeper = case.zookeeper()
    frame = 1
    while frame < FRAMES_MAX and stop_at_frame(case, zookeeper, frame, keeps_silent=False):
        frame += 2 if frame < 12 else 4
    assert frame > 20, f"a start of {frame} requests: the test sees nothing of it"


def test_a_signal_while_zookeeper_falls_silent_in_the_start(case):
    zookeeper = case.zookeeper()
    frame = 2
    while frame < FRAMES_MAX and stop_at_frame(case, zookeeper, frame, keeps_silent=True):
        frame += 9
    assert frame > 20


def test_a_signal_at_any_time_of_the_start(case):
    zookeeper = case.zookeeper()
    for i in range(12):
        broker = case.broker(zookeeper, start=False, name=f"at-{i}")
        broker.start(wait=False)
        time.sleep(0.04 * i * case.random.random())
        broker.process.send(15)
        # Before main() has its handler the signal ends the process as it does any other.
        assert broker.wait(SILENT_STOP_S) in (143, -15), broker.log.path


def test_a_stop_while_loading_keeps_the_checkpoints(case):
    """A start that ends before its logs are loaded knows nothing to write down."""
    broker = case.single()
    broker.stop()
    checkpoint = broker.log_dirs[0] / "log-start-offset-checkpoint"
    checkpoint.write_text("0\n1\nelsewhere 0 17\n")
    broker.set(**{"zookeeper.connect": "127.0.0.1:1", "zookeeper.connection.timeout.ms": 500})
    broker.fail_to_start("zookeeper.connect")
    assert checkpoint.read_text() == "0\n1\nelsewhere 0 17\n"


def waits_for_producer_id(case, broker):
    client = Wire(broker.port)
    case.at_end(client.close)
    # Version 0, not transactional.
    client.send(INIT_PRODUCER_ID, 0, text(None) + struct.pack(">i", 60000))
    time.sleep(0.5)
    return client


def stop_without_zookeeper(case, take_away):
    zookeeper = case.zookeeper()
    broker = case.broker(zookeeper, settings={"zookeeper.session.timeout.ms": 18000})
    take_away(zookeeper)
    waits_for_producer_id(case, broker)
    began = time.monotonic()
    broker.stop()
    took = time.monotonic() - began
    assert took < 14, f"a stop without ZooKeeper took {took:.1f} s"


def test_a_stop_while_zookeeper_is_gone(case):
    stop_without_zookeeper(case, lambda zookeeper: zookeeper.kill())


def test_a_stop_while_zookeeper_hangs(case):
    def pause(zookeeper):
        zookeeper.pause()
        case.at_end(zookeeper.resume)

    stop_without_zookeeper(case, pause)


def test_a_slow_controller_is_given_its_time(case):
    zookeeper = case.zookeeper()
    controller = case.broker(zookeeper, 0, settings={"zookeeper.session.timeout.ms": 30000})
    broker = case.broker(
        zookeeper,
        1,
        settings={
            "zookeeper.session.timeout.ms": 30000,
            "controlled.shutdown.max.retries": 3,
            "controlled.shutdown.retry.backoff.ms": 500,
            "controller.socket.timeout.ms": 2200,
        },
    )
    controller.pause()
    case.at_end(controller.resume)
    began = time.monotonic()
    broker.stop()
    took = time.monotonic() - began
    # 3 x 2.2 s and 2 x 0.5 s.
    assert 7.5 < took < 15, f"controlled shutdown ended after {took:.1f} s"
