"""What a test function is given: a directory, things to start in it, and their end."""

import pathlib
import random

from harness.broker import Broker
from harness.zookeeper import Ensemble, ZooKeeper


class Skipped(Exception):
    """The test cannot run here; the text says why."""


class Case:
    def __init__(self, directory, seed):
        self.directory = pathlib.Path(directory)
        self.seed = seed
        self.random = random.Random(seed)
        self._endings = []

    def skip(self, reason):
        raise Skipped(reason)

    def at_end(self, ending):
        """Called when the test is over, last one first, whatever the outcome."""
        self._endings.append(ending)

    def finish(self):
        """Ends everything. The first thing that went wrong in it is raised at the end."""
        trouble = None
        while self._endings:
            try:
                self._endings.pop()()
            except Exception as e:  # pylint: disable=broad-except
                trouble = trouble or e
        if trouble:
            raise trouble

    def path(self, *parts):
        path = self.directory.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def zookeeper(self, name="zookeeper", start=True, **options):
        server = ZooKeeper(self.path(name), **options)
        self.at_end(server.close)
        if start:
            server.start()
        return server

    def ensemble(self, size=3, observers=0, **options):
        ensemble = Ensemble(self.directory, size, observers, **options)
        self.at_end(ensemble.close)
        ensemble.start()
        return ensemble

    def broker(self, zookeeper, broker_id=0, start=True, name=None, **options):
        """zookeeper: a ZooKeeper, an Ensemble or a connect string."""
        connect = zookeeper if isinstance(zookeeper, str) else zookeeper.connect_string
        broker = Broker(self.path(name or f"broker-{broker_id}"), connect, broker_id, **options)
        self.at_end(broker.close)
        if start:
            broker.start()
        return broker

    def single(self, settings=None, **options):
        """The usual scene: one ZooKeeper server, one broker. Returns the broker."""
        return self.broker(self.zookeeper(), settings=settings, **options)
