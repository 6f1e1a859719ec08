"""Fixed seeds: three brokers under load and faults, judged by the checker."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import driver  # noqa: E402
import faults  # noqa: E402
from schedule import schedule  # noqa: E402

LIMIT_S = 300
SECONDS = 25


def test_leaders_killed(case):
    driver.run(case, schedule(1, SECONDS, [faults.Kill, faults.KillAndReclaim], servers=1))
