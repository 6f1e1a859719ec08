"""A host for each broker on one machine: network namespaces around a bridge, and cuts between them.

A cut drops what one address sends to a namespace, silently and in one direction, by a routing
rule in the receiving namespace. It needs the rights to make namespaces and no packet filter.
"""

import os
import pathlib
import random
import subprocess

CLIENTS, FIRST_SERVER = 250, 240


def ip(*arguments, check=True):
    done = subprocess.run(["ip", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0 or not check, f"ip {arguments}: {done.stderr}"
    return done


def available():
    """Whether namespaces can be made here."""
    if os.geteuid() != 0:
        return False
    name = f"bchaos{os.getpid()}"
    if ip("netns", "add", name, check=False).returncode != 0:
        return False
    ip("netns", "del", name, check=False)
    return True


def free_net():
    used = ip("-4", "-brief", "address").stdout
    nets = [f"10.{random.randint(64, 127)}.{random.randint(0, 255)}" for _ in range(20)]
    return next(net for net in nets if net + "." not in used)


class Network:
    """Hosts 1 to count; this process and the ZooKeeper servers live on the bridge."""

    def __init__(self, case, count, servers):
        self._tag = f"bc{os.getpid() % 1000000:x}"
        self._net = free_net()
        self._cuts = {}
        case.at_end(self.close)
        self._hosts = range(1, count + 1)
        ip("link", "add", self._tag, "type", "bridge")
        # The first one is what clients come from.
        for last in (CLIENTS, *(FIRST_SERVER + number for number in range(1, servers + 1))):
            ip("address", "add", f"{self._net}.{last}/24", "dev", self._tag)
        ip("link", "set", self._tag, "up")
        for host in self._hosts:
            self._make(host)

    def _make(self, host):
        name, inner, outer = self.namespace(host), f"{self._tag}i{host}", f"{self._tag}o{host}"
        ip("netns", "add", name)
        ip("link", "add", outer, "type", "veth", "peer", "name", inner, "netns", name)
        ip("link", "set", outer, "master", self._tag, "up")
        inside = ("-n", name)
        ip(*inside, "address", "add", f"{self.address(host)}/24", "dev", inner)
        ip(*inside, "link", "set", inner, "up")
        ip(*inside, "link", "set", "lo", "up")
        # Rules apply to connections that exist already only when each packet is routed.
        for key in ("ip_early_demux", "tcp_early_demux"):
            path = f"/proc/sys/net/ipv4/{key}"
            command = ["ip", "netns", "exec", name, "sh", "-c", f"echo 0 > {path}"]
            subprocess.run(command, check=True)
        # Makes room for cuts before the table of local addresses.
        ip(*inside, "rule", "add", "pref", 100, "lookup", "local")
        ip(*inside, "rule", "del", "pref", 0)

    def namespace(self, host):
        return f"{self._tag}h{host}"

    def address(self, host):
        return f"{self._net}.{host}"

    def server_address(self, number):
        return f"{self._net}.{FIRST_SERVER + number}"

    def cut(self, source, host):
        """What the address `source` sends no longer reaches the host."""
        self._cuts[source, host] = self._cuts.get((source, host), 0) + 1
        if self._cuts[source, host] == 1:
            rule = ("rule", "add", "pref", 10, "from", source, "blackhole")
            ip("-n", self.namespace(host), *rule)

    def heal(self, source, host):
        self._cuts[source, host] -= 1
        if self._cuts[source, host] == 0:
            rule = ("rule", "del", "pref", 10, "from", source)
            ip("-n", self.namespace(host), *rule)

    def wrapped(self, directory, host, binary):
        """A program that runs the binary on that host; its pid becomes the binary's."""
        path = pathlib.Path(directory, f"on-host-{host}")
        path.write_text(f'#!/bin/sh\nexec ip netns exec {self.namespace(host)} {binary} "$@"\n')
        path.chmod(0o755)
        return path

    def close(self):
        for host in self._hosts:
            ip("link", "del", f"{self._tag}o{host}", check=False)
            ip("netns", "del", self.namespace(host), check=False)
        ip("link", "del", self._tag, check=False)
