"""Real ZooKeeper servers for these tests: Debian's package, free ports, a temporary directory."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

JARS = [
    "zookeeper",
    "zookeeper-jute",
    "slf4j-api",
    "slf4j-nop",
    "metrics-core",
    "netty-all",
    "netty-handler",
    "netty-buffer",
    "netty-common",
    "netty-transport",
    "netty-codec",
    "netty-resolver",
    "netty-transport-native-unix-common",
    "netty-transport-native-epoll",
    "commons-io",
    "commons-cli",
    "snappy-java",
]
CLASS_PATH = ":".join(f"/usr/share/java/{jar}.jar" for jar in JARS)
TICK_MS = 500


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Server:
    def __init__(self, directory, config, port):
        self.directory = directory
        self.port = port
        self.process = None
        os.makedirs(directory)
        self.config_path = os.path.join(directory, "zoo.cfg")
        with open(self.config_path, "w") as file:
            file.write(config)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        with open(os.path.join(self.directory, "log"), "ab") as log:
            self.process = subprocess.Popen(
                [
                    "java",
                    "-Xmx128m",
                    "-XX:+UseSerialGC",
                    "-XX:TieredStopAtLevel=1",
                    "-Dzookeeper.4lw.commands.whitelist=*",
                    "-Dzookeeper.admin.enableServer=false",
                    "-cp",
                    CLASS_PATH,
                    "org.apache.zookeeper.server.quorum.QuorumPeerMain",
                    self.config_path,
                ],
                stdout=log,
                stderr=log,
            )

    def mode(self):
        """leader, follower, observer, standalone; None: not serving."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"srvr")
                answer = b""
                while chunk := connection.recv(4096):
                    answer += chunk
        except OSError:
            return None
        for line in answer.decode().splitlines():
            if line.startswith("Mode: "):
                return line[len("Mode: ") :]
        return None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)


class Ensemble:
    """`participants` voting servers (1: standalone) and `observers`. Use as a context."""

    def __init__(self, participants=1, observers=0):
        self.directory = tempfile.mkdtemp(prefix="zkclient-test-")
        total = participants + observers
        ports = free_ports(3 * total)
        members = "".join(
            f"server.{i + 1}=127.0.0.1:{ports[total + i]}:{ports[2 * total + i]}"
            f"{':observer' if i >= participants else ''}\n"
            for i in range(total)
        )
        self.servers = []
        for i in range(total):
            directory = os.path.join(self.directory, str(i + 1))
            config = (
                f"tickTime={TICK_MS}\ninitLimit=20\nsyncLimit=6\nmaxClientCnxns=0\n"
                f"dataDir={directory}/data\nclientPort={ports[i]}\n"
                f"clientPortAddress=127.0.0.1\n"
            )
            if total > 1:
                config += members
            if i >= participants:
                config += "peerType=observer\n"
            server = Server(directory, config, ports[i])
            os.makedirs(f"{directory}/data")
            with open(f"{directory}/data/myid", "w") as file:
                file.write(str(i + 1))
            self.servers.append(server)

    def __enter__(self):
        for server in self.servers:
            server.start()
        self.wait_until_serving()
        return self

    def __exit__(self, *_):
        for server in self.servers:
            if server.process and server.process.poll() is None:
                server.thaw()
                server.kill()
        shutil.rmtree(self.directory)

    def wait_until_serving(self, servers=None, timeout_s=60):
        waiting = list(servers or self.servers)
        end = time.monotonic() + timeout_s
        while waiting := [server for server in waiting if server.mode() is None]:
            if time.monotonic() > end:
                raise TimeoutError(f"ZooKeeper does not serve, see {self.directory}")
            time.sleep(0.1)

    def connect_string(self, servers=None):
        return ",".join(server.address for server in servers or self.servers)

    def in_mode(self, mode):
        return [server for server in self.servers if server.mode() == mode]
