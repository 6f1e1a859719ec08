"""What these tests share: ZooKeeper servers of the harness in a directory that a failure keeps."""

import pathlib
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from harness.zookeeper import Ensemble, ZooKeeper  # noqa: E402


def connect_string(servers):
    return ",".join(server.connect_string for server in servers)


def in_mode(servers, mode):
    return [server for server in servers if server.mode() == mode]


class ZooKeeperCase(unittest.TestCase):
    def run(self, result=None):
        result = result or self.defaultTestResult()
        self.directory = tempfile.mkdtemp(prefix="barnabas-zkclient-")
        bad_before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > bad_before:
            print(f"{self.id()}: ZooKeeper's logs are in {self.directory}", file=sys.stderr)
        else:
            shutil.rmtree(self.directory)
        return result

    def start_servers(self, participants=1, observers=0):
        """Serving; ended with the test."""
        if participants == 1:
            server = ZooKeeper(self.directory)
            self.addCleanup(server.close)
            server.start()
            return [server]
        ensemble = Ensemble(self.directory, participants + observers, observers)
        self.addCleanup(ensemble.close)
        ensemble.start()
        return ensemble.servers
