"""What a chaos run does to its cluster. Each fault strikes, and later ends; both by schedule.

A fault that finds nothing to strike raises Missed, and is not counted as fired.
"""

import json
import signal

from cluster import BROKERS
from harness.waiting import TimedOut
from harness.zkcli import Rejected, ZkError, expire_session, stored_session

IN_SESSION_S, PAST_SESSION_S = (0.3, 2.0), (5.5, 8.0)
BRIEF_S, LONG_S = (0.5, 2.0), (3.0, 7.0)


class Missed(Exception):
    """There was nothing to strike."""


class Fault:
    """target: a broker's number, unless the kind says otherwise."""

    lasts_s = LONG_S
    picks = "any"  # any broker, a leader, or the controller

    def __init__(self, cluster, target, random):
        self.cluster, self.target, self.random = cluster, target, random
        self.broker = cluster.brokers.get(target)

    def strike(self):
        raise NotImplementedError

    def may_end(self):
        return True

    def end(self):
        pass


class Kill(Fault):
    lasts_s = PAST_SESSION_S
    picks = "leader"

    def strike(self):
        self.broker.kill()

    def end(self):
        self.broker.start(wait=False)


class KillAndReclaim(Kill):
    lasts_s = IN_SESSION_S


class KillController(Kill):
    picks = "controller"


class KillControllerAndReclaim(KillAndReclaim):
    picks = "controller"


class Freeze(Fault):
    lasts_s = BRIEF_S
    picks = "leader"

    def strike(self):
        self.broker.pause()

    def end(self):
        self.broker.resume()


class FreezePastExpiry(Freeze):
    lasts_s = PAST_SESSION_S


class FreezeControllerPastExpiry(Freeze):
    lasts_s = PAST_SESSION_S
    picks = "controller"


class Expire(Fault):
    lasts_s = BRIEF_S

    def strike(self):
        try:
            session = stored_session(self.broker.log_dirs[0])
        except (OSError, KeyError) as e:
            raise Missed(f"no session of {self.target}: {e!r}") from None
        expire_session(self.cluster.running_server(), *session)


class ExpireController(Expire):
    picks = "controller"


class Restart(Fault):
    """A clean one, with controlled shutdown."""

    lasts_s = IN_SESSION_S

    def strike(self):
        if not self.broker.running():
            raise Missed("it has ended")
        self.broker.process.send(signal.SIGTERM)

    def may_end(self):
        return not self.broker.running()

    def end(self):
        self.broker.wait()
        self.broker.start(wait=False)


class CutBrokers(Fault):
    """From one other broker, one way or both."""

    def strike(self):
        net = self.cluster.network
        other = self.random.choice([n for n in BROKERS if n != self.target])
        self.cuts = [(net.address(other), self.target)]
        if self.random.random() < 0.5:
            self.cuts.append((net.address(self.target), other))
        for cut in self.cuts:
            net.cut(*cut)

    def end(self):
        for cut in self.cuts:
            self.cluster.network.heal(*cut)


class CutFromAllBrokers(CutBrokers):
    """Clients and ZooKeeper still reach it."""

    picks = "leader"

    def strike(self):
        net = self.cluster.network
        others = [n for n in BROKERS if n != self.target]
        self.cuts = [(net.address(other), self.target) for other in others]
        self.cuts += [(net.address(self.target), other) for other in others]
        for cut in self.cuts:
            net.cut(*cut)


class CutFromZooKeeper(CutBrokers):
    """Its answers do not arrive; clients and brokers still reach the broker."""

    lasts_s = PAST_SESSION_S
    picks = "leader"

    def strike(self):
        net = self.cluster.network
        servers = range(1, len(self.cluster.servers) + 1)
        self.cuts = [(net.server_address(n), self.target) for n in servers]
        for cut in self.cuts:
            net.cut(*cut)


class CutControllerFromZooKeeper(CutFromZooKeeper):
    picks = "controller"


class DiskFull(Fault):
    effect = "ENOSPC"
    picks = "leader"

    def strike(self):
        injector = self.cluster.injectors[self.target]
        self.before = len(injector.events())
        prefix = f"{self.broker.log_dirs[0]}/"
        rule = injector.rule("write", self.effect, 1000, 0, prefix, ".log")
        rule.arm(self.random.getrandbits(32))

    def end(self):
        injector = self.cluster.injectors[self.target]
        injector.disarm()
        if len(injector.events()) == self.before:
            raise Missed(f"nobody wrote on {self.target}")


class DiskFails(DiskFull):
    """The directory goes offline, and the broker with it, which has no other; then a new start."""

    effect = "EIO"

    def end(self):
        missed = None
        try:
            super().end()
        except Missed as e:
            missed = e
        if self.broker.running():
            self.broker.terminate()
            self.broker.start(wait=False)
        if missed:
            raise missed


class ZooKeeperRestart(Fault):
    """target: a server's index."""

    lasts_s = BRIEF_S
    picks = "server"

    def strike(self):
        self.cluster.servers[self.target].kill()

    def end(self):
        self.cluster.servers[self.target].start(wait=False)


class ZooKeeperFreeze(ZooKeeperRestart):
    lasts_s = LONG_S

    def strike(self):
        self.cluster.servers[self.target].pause()

    def end(self):
        self.cluster.servers[self.target].resume()


class PreferredElection(Fault):
    """As the tool asks for it that writes to ZooKeeper."""

    lasts_s = (0.1, 0.5)
    picks = "controller"

    def strike(self):
        partitions = [{"topic": t, "partition": p} for t, p in self.cluster.states()]
        request = json.dumps({"version": 1, "partitions": partitions})
        with self.cluster.zookeeper() as client:
            try:
                client.create("/admin/preferred_replica_election", request)
            except ZkError as e:
                raise Missed(f"preferred election: {e}") from None


KINDS = (
    Kill,
    KillAndReclaim,
    KillController,
    KillControllerAndReclaim,
    Freeze,
    FreezePastExpiry,
    FreezeControllerPastExpiry,
    Expire,
    ExpireController,
    Restart,
    CutBrokers,
    CutFromAllBrokers,
    CutFromZooKeeper,
    CutControllerFromZooKeeper,
    DiskFull,
    DiskFails,
    ZooKeeperRestart,
    ZooKeeperFreeze,
    PreferredElection,
)
# ZooKeeper itself may be away just now.
MISSES = (Missed, Rejected, OSError, StopIteration, ZkError, TimedOut)
