"""Debian's ZooKeeper as a single server or an ensemble, started small and fast."""

import os
import pathlib
import socket

from harness import places
from harness.ports import free_port
from harness.process import Process
from harness.waiting import wait_until

JVM_OPTIONS = [
    "-Xms32m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xshare:auto",
    "-Dzookeeper.4lw.commands.whitelist=*",
    "-Dzookeeper.admin.enableServer=false",
    # Tests end processes, not machines: the page cache outlives them.
    "-Dzookeeper.forceSync=no",
    "-Dzookeeper.preAllocSize=1024",
    f"-Dlog4j.configuration=file:{places.ROOT}/config/zookeeper-log4j.properties",
]


class ZooKeeper:
    """One server. Its directory keeps configuration, data and zookeeper.log."""

    def __init__(self, directory, tick_time_ms=500, settings=None, member_id=None, port=None):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.member_id = member_id
        self._tick_time_ms = tick_time_ms
        self._settings = dict(settings or {})
        self.process = None

    @property
    def connect_string(self):
        return f"127.0.0.1:{self.port}"

    def start(self, wait=True):
        data = self.directory / "data"
        data.mkdir(exist_ok=True)
        if self.member_id is not None:
            (data / "myid").write_text(f"{self.member_id}\n")
        values = {
            "dataDir": data,
            "clientPort": self.port,
            "clientPortAddress": "127.0.0.1",
            "tickTime": self._tick_time_ms,
            "minSessionTimeout": 2 * self._tick_time_ms,
            "maxSessionTimeout": 60000,
            "initLimit": 20,
            "syncLimit": 10,
            "maxClientCnxns": 0,
            **self._settings,
        }
        config = self.directory / "zookeeper.properties"
        config.write_text("".join(f"{key}={value}\n" for key, value in values.items()))
        java = (
            os.path.join(os.environ["JAVA_HOME"], "bin", "java")
            if "JAVA_HOME" in os.environ
            else "java"
        )
        self.process = Process(
            [
                java,
                *JVM_OPTIONS,
                "-cp",
                places.ZOOKEEPER_CLASS_PATH,
                "org.apache.zookeeper.server.quorum.QuorumPeerMain",
                config,
            ],
            self.directory / "zookeeper.log",
        )
        if wait:
            self.wait_serving()

    def wait_serving(self, timeout_s=60):
        def serving():
            assert self.process.running(), f"ZooKeeper ended: see {self.process.log.path}"
            return self.mode() in ("standalone", "leader", "follower", "observer")

        wait_until(serving, timeout_s, f"ZooKeeper on port {self.port} serves")

    def command(self, word, timeout_s=0.3):
        """A four-letter command's answer; empty when there is none.

        A server that is starting takes connections that it never answers: hence the short limit.
        """
        try:
            with socket.create_connection(
                ("127.0.0.1", self.port), timeout=timeout_s
            ) as connection:
                connection.sendall(word.encode())
                parts = []
                while part := connection.recv(65536):
                    parts.append(part)
                return b"".join(parts).decode(errors="replace")
        except OSError:
            return ""

    def mode(self):
        for line in self.command("srvr").splitlines():
            if line.startswith("Mode:"):
                return line.split()[1]
        return ""

    def stop(self):
        return self.process.terminate(20)

    def kill(self):
        return self.process.kill()

    def pause(self):
        self.process.pause()

    def resume(self):
        self.process.resume()

    def close(self):
        if self.process and self.process.running():
            self.process.kill()


class Ensemble:
    """Servers 1 to size; the last `observers` of them do not vote."""

    def __init__(self, directory, size=3, observers=0, tick_time_ms=500, settings=None):
        ports = {member: (free_port(), free_port()) for member in range(1, size + 1)}
        first_observer = size + 1 - observers
        members = {
            f"server.{member}": f"127.0.0.1:{quorum}:{election}"
            + (":observer" if member >= first_observer else "")
            for member, (quorum, election) in ports.items()
        }
        self.servers = []
        for member in range(1, size + 1):
            own = dict(members, **(settings or {}))
            if member >= first_observer:
                own["peerType"] = "observer"
            self.servers.append(
                ZooKeeper(
                    pathlib.Path(directory) / f"zookeeper-{member}", tick_time_ms, own, member
                )
            )

    @property
    def connect_string(self):
        return ",".join(server.connect_string for server in self.servers)

    def start(self):
        for server in self.servers:
            server.start(wait=False)
        for server in self.servers:
            server.wait_serving()

    def leader(self, timeout_s=30):
        return wait_until(self._leader_now, timeout_s, "the ensemble has a leader")

    def _leader_now(self):
        return next((s for s in self.servers if s.process.running() and s.mode() == "leader"), None)

    def followers(self):
        return [s for s in self.servers if s.process.running() and s.mode() == "follower"]

    def close(self):
        for server in self.servers:
            server.close()
