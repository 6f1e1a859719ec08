"""What the kernel says of a process: processor time, memory. Asked from outside of it."""

import os
import time

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def cpu_ns(pid):
    """User and system time of all threads, ended ones too. The id of another process's clock is
    made as clock_getcpuclockid(3) makes it."""
    return time.clock_gettime_ns((~pid << 3) | 2)


def user_and_system_s(pid):
    """The same in two parts, in ticks of 10 ms."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return int(fields[11]) * TICK_S, int(fields[12]) * TICK_S


def memory_mb(pid):
    """Resident now, and at its peak."""
    values = {}
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            name, _, rest = line.partition(":")
            if name in ("VmRSS", "VmHWM"):
                values[name] = int(rest.split()[0]) / 1024
    return values["VmRSS"], values["VmHWM"]
