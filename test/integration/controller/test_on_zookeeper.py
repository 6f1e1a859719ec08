"""The controller's C++ tests on a real ZooKeeper, which enforces ACLs as the model does not."""

import os
import subprocess

from harness import places

PROGRAM = places.BUILD / "test" / "integration" / "controller" / "integration_controller"
LIMIT_S = 300
END_CHARACTERS = 6_000


def test_controller_on_zookeeper(case):
    zookeeper = case.zookeeper()
    done = subprocess.run(
        [PROGRAM],
        env=os.environ | {"BARNABAS_TEST_ZOOKEEPER": f"127.0.0.1:{zookeeper.port}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_S * places.SLOWNESS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-END_CHARACTERS:]
