"""Free TCP ports, taken below the range from which the kernel serves outgoing connections."""

import random
import socket

FIRST, LAST = 15000, 30000
_given = set()


def free_port():
    while True:
        port = random.randint(FIRST, LAST)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                continue
        _given.add(port)
        return port
