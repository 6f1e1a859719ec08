"""What happens in a run, from its seed alone: version, servers, and faults with their times."""

import dataclasses
import random

import faults

PROTOCOLS = ("2.4", "2.7-IV1", "2.8", "3.9")
# In every second turn of the versions, so that logs begin anew while others catch up.
KEEPS_BYTES = 2_000_000
GAP_S = (0.5, 3.0)


@dataclasses.dataclass
class Step:
    at_s: float
    lasts_s: float
    kind: type
    seed: int


@dataclasses.dataclass
class Schedule:
    seed: int
    protocol: str
    servers: int
    keeps_bytes: int  # retention.bytes; -1: all
    steps: list

    def __str__(self):
        lines = [
            f"seed {self.seed} protocol {self.protocol} servers {self.servers} "
            f"keeps_bytes {self.keeps_bytes}"
        ]
        lines += [f"{s.at_s:6.1f} s {s.kind.__name__} for {s.lasts_s:.1f} s" for s in self.steps]
        return "\n".join(lines)


def schedule(seed, seconds, kinds=faults.KINDS, servers=None):
    """Kinds come in a shuffled order, so that runs whose seeds follow each other fire them all."""
    drawn = random.Random(seed)
    turn = list(kinds)
    random.Random(seed // len(turn)).shuffle(turn)
    protocol = PROTOCOLS[seed % len(PROTOCOLS)]
    count = servers or drawn.choice((1, 3))
    steps, at = [], 1.0
    while at < seconds:
        kind = turn[(seed * 5 + len(steps)) % len(turn)]
        lasts = drawn.uniform(*kind.lasts_s)
        steps.append(Step(at, lasts, kind, drawn.getrandbits(32)))
        # Now and then the next one strikes while this one lasts.
        overlap = drawn.random() < 0.4
        at += drawn.uniform(*GAP_S) + (0 if overlap else lasts)
    keeps_bytes = KEEPS_BYTES if seed // len(PROTOCOLS) % 2 else -1
    return Schedule(seed, protocol, count, keeps_bytes, steps)
