"""Starting: what works, and what ends with one line that says what is wrong and what to do."""

import os
import pty
import signal
import subprocess
import time

from harness import kafka_tools, kcat
from harness.ports import free_port
from harness.waiting import wait_until
from harness.wire import Wire
from harness.zkcli import ZkClient


def test_starts_and_stops(case):
    broker = case.single()
    with ZkClient(broker_zookeeper(broker)) as zookeeper:
        info = zookeeper.get_json("/brokers/ids/0")
        assert info["port"] == broker.port and info["host"] == "127.0.0.1", info
        zookeeper.wait_exists("/controller")
        assert zookeeper.get_json("/controller")["brokerid"] == 0
        assert zookeeper.exists("/cluster/id")
    assert broker.terminate() == 143
    assert broker.log.lines("shut down completed")
    with ZkClient(broker_zookeeper(broker)) as zookeeper:
        assert zookeeper.exists("/brokers/ids/0") is None, "a clean stop closes the session"


def broker_zookeeper(broker):
    for line in broker.properties_file.read_text().splitlines():
        if line.startswith("zookeeper.connect="):
            return line.split("=", 1)[1]
    raise AssertionError("no zookeeper.connect")


def test_starts_quickly(case):
    broker = case.single()
    broker.restart()
    assert broker.start_seconds < 2, f"a restart took {broker.start_seconds:.2f} s"


def test_stops_on_each_signal(case):
    broker = case.single()
    for number, code in ((2, 130), (15, 143)):
        if not broker.running():
            broker.start()
        broker.process.send(number)
        assert broker.wait() == code


def test_stops_when_its_terminal_goes(case):
    """SIGHUP opens log files anew elsewhere (test_logging.py)."""
    broker = case.broker(case.zookeeper(), start=False)
    terminal, inner = pty.openpty()
    child = subprocess.Popen(
        [broker.binary, broker.write_properties()],
        stdin=subprocess.DEVNULL,
        stdout=inner,
        stderr=inner,
        env={**os.environ, "LOG_DIR": str(broker.directory)},
    )
    os.close(inner)
    case.at_end(child.kill)
    shown = b""
    while b"started (kafka.server.KafkaServer)" not in shown:
        shown += os.read(terminal, 65536)
    child.send_signal(signal.SIGHUP)
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:  # the other side is closed
        pass
    assert child.wait(60) == 129
    os.close(terminal)


def test_finalized_features_epoch(case):
    broker = case.single()
    with ZkClient(broker_zookeeper(broker)) as zookeeper, Wire(broker.port) as client:
        zookeeper.wait_exists("/feature")
        wait_until(lambda: client.finalized_features_epoch() == 0, 10, "the epoch is known")
        zookeeper.set("/feature", zookeeper.get("/feature")[0])
        wait_until(lambda: client.finalized_features_epoch() == 1, 10, "the epoch follows")


def test_waits_for_zookeeper(case):
    zookeeper = case.zookeeper(start=False)
    broker = case.broker(zookeeper, start=False)
    broker.start(wait=False)
    broker.log.wait_for(r"(?i)zookeeper")
    zookeeper.start()
    broker.wait_started()
    kafka_tools.create_topic(broker, "early")
    assert kafka_tools.topics(broker) == ["early"]


def test_an_ensemble_with_one_server_down(case):
    ensemble = case.ensemble(3)
    broker = case.broker(ensemble)
    kafka_tools.create_topic(broker, "survivor")
    down = ensemble.followers()[0]
    down.kill()
    assert kafka_tools.topics(broker) == ["survivor"]
    for server in ensemble.servers:
        if server is down:
            continue
        listed = kafka_tools.ok("kafka-topics", "--zookeeper", server.connect_string, "--list")
        assert listed.split() == ["survivor"]
        ids = kafka_tools.ok("zookeeper-shell", server.connect_string, "ls", "/brokers/ids")
        assert ids.rstrip().endswith("[0]"), ids
    # The one that is down is named first in turn: the next one is tried.
    everyone = ",".join([down.connect_string] + [s.connect_string for s in ensemble.servers])
    listed = kafka_tools.ok("kafka-topics", "--zookeeper", everyone, "--list")
    assert listed.split() == ["survivor"]
    broker.restart()
    assert kafka_tools.topics(broker) == ["survivor"]


def test_chroot(case):
    zookeeper = case.zookeeper()
    broker = case.broker(zookeeper.connect_string + "/deep/inside")
    kafka_tools.create_topic(broker, "rooted")
    with ZkClient(zookeeper) as client:
        assert client.exists("/deep/inside/brokers/topics/rooted")
        assert client.exists("/brokers") is None


def test_generated_broker_id(case):
    broker = case.single(settings={"broker.id": -1})
    with ZkClient(broker_zookeeper(broker)) as zookeeper:
        assert zookeeper.children("/brokers/ids") == ["1001"]
    broker.restart()
    with ZkClient(broker_zookeeper(broker)) as zookeeper:
        assert zookeeper.children("/brokers/ids") == ["1001"]


def test_address_not_on_this_host(case):
    port = free_port()
    broker = case.broker(
        case.zookeeper(), start=False, settings={"listeners": f"PLAINTEXT://192.0.2.1:{port}"}
    )
    broker.fail_to_start("192.0.2.1", "listeners")


def test_port_taken(case):
    zookeeper = case.zookeeper()
    first = case.broker(zookeeper)
    second = case.broker(zookeeper, broker_id=1, port=first.port, start=False)
    second.fail_to_start(str(first.port), "in use")
    kafka_tools.create_topic(first, "unharmed")


def test_wrong_flag(case):
    broker = case.broker(case.zookeeper(), start=False)
    broker.fail_to_start("--no-such-flag", arguments=["--no-such-flag"])


def test_no_such_file(case):
    done = kafka_tools.tool("kafka-server-start", case.path("none.properties"))
    assert done.returncode == 1 and "none.properties" in done.stdout + done.stderr


def test_usage(_case):
    done = kafka_tools.tool("kafka-server-start")
    assert done.returncode == 1 and "USAGE" in done.stdout


def test_bad_values(case):
    zookeeper = case.zookeeper()
    for key, value in (
        ("num.partitions", "many"),
        ("log.segment.bytes", "1"),
        ("zookeeper.session.timeout.ms", "soon"),
        ("listeners", "PLAINTEXT:/nowhere"),
        ("inter.broker.protocol.version", "9.9"),
        # A comment needs a line of its own: this is part of the value, as in Kafka.
        ("broker.id", "1 ## changed"),
    ):
        name = "bad-" + key.replace(".", "-")
        broker = case.broker(zookeeper, start=False, name=name, settings={key: value})
        broker.fail_to_start(key, value)


def test_unknown_key_warns(case):
    broker = case.single(settings={"no.such.key": "1"})
    assert broker.log.lines("no.such.key")


def test_what_protects_and_is_not_built_stops_the_start(case):
    zookeeper = case.zookeeper()
    for key, value in (
        ("authorizer.class.name", "kafka.security.authorizer.AclAuthorizer"),
        ("zookeeper.set.acl", "true"),
    ):
        broker = case.broker(zookeeper, start=False, name=key, settings={key: value})
        broker.fail_to_start(key)


def test_id_in_use(case):
    zookeeper = case.zookeeper()
    case.broker(zookeeper, broker_id=3)
    second = case.broker(zookeeper, broker_id=3, name="second", start=False)
    began = time.monotonic()
    second.fail_to_start("broker.id=3", "in use")
    assert time.monotonic() - began < 5, "another owner with other endpoints: at once"


def test_cluster_id_mismatch(case):
    broker = case.single()
    broker.stop()
    other = case.zookeeper(name="other-zookeeper")
    again = case.broker(other, log_dirs=broker.log_dirs, name="moved", start=False)
    line = again.fail_to_start("cluster", "meta.properties")
    assert "delete" not in line.lower(), "nobody is asked to delete data"


def test_data_of_another_broker(case):
    zookeeper = case.zookeeper()
    first = case.broker(zookeeper, broker_id=1)
    first.stop()
    second = case.broker(zookeeper, broker_id=2, log_dirs=first.log_dirs, start=False)
    second.fail_to_start("broker.id", "1", "2")


def test_log_directory_in_use(case):
    zookeeper = case.zookeeper()
    first = case.broker(zookeeper, broker_id=1)
    second = case.broker(zookeeper, broker_id=2, log_dirs=first.log_dirs, start=False)
    second.fail_to_start(str(first.log_dirs[0]))


def test_zookeeper_unreachable(case):
    port = free_port()
    broker = case.broker(
        f"127.0.0.1:{port}", start=False, settings={"zookeeper.connection.timeout.ms": 2000}
    )
    began = time.monotonic()
    broker.fail_to_start("zookeeper.connect", str(port))
    assert 1.5 < time.monotonic() - began < 8
    assert broker.log.lines(r"\[KafkaServer id=0\] shut down completed")


def test_stop_script(case):
    """By id: other brokers of this machine live on."""
    node_id = case.random.randrange(100_000, 900_000)
    broker = case.single(settings={"broker.id": node_id, "reserved.broker.max.id": 1_000_000})
    done = kafka_tools.tool("kafka-server-stop", f"--node-id={node_id}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert broker.wait() == 143


def test_daemon(case):
    zookeeper = case.zookeeper()
    node_id = case.random.randrange(100_000, 900_000)
    broker = case.broker(
        zookeeper, start=False, settings={"broker.id": node_id, "reserved.broker.max.id": 1_000_000}
    )
    logs = case.path("daemon-logs", "x").parent
    kafka_tools.ok(
        "kafka-server-start",
        "-daemon",
        broker.write_properties(),
        environment={"LOG_DIR": str(logs)},
    )
    with ZkClient(zookeeper) as client:
        client.wait_exists(f"/brokers/ids/{node_id}")
        kafka_tools.create_topic(broker, "t")
        assert kcat.metadata(broker)["topics"]
        kafka_tools.ok("kafka-server-stop", f"--node-id={node_id}")
        client.wait_gone(f"/brokers/ids/{node_id}")
    assert "started (kafka.server.KafkaServer)" in (logs / "kafkaServer.out").read_text()
    assert "started (kafka.server.KafkaServer)" in (logs / "server.log").read_text()


def test_zookeeper_says_why_it_does_not_start(case):
    taken = case.zookeeper()
    config = case.path("other", "zookeeper.properties")
    config.write_text(
        f"dataDir={case.path('other', 'data')}\nclientPort={taken.port}\n"
        "clientPortAddress=127.0.0.1\nadmin.enableServer=false\n"
    )
    done = kafka_tools.tool("zookeeper-server-start", config)
    assert done.returncode != 0
    assert "Address already in use" in done.stdout + done.stderr, done
