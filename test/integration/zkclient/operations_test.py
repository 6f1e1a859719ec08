#!/usr/bin/env python3
"""Runs the C++ tests of single operations (BARNABAS_ZK_OPERATIONS names their binary) against one
server, and against a quorum of three."""

import os
import subprocess
import unittest

from zookeeper_case import ZooKeeperCase, connect_string


class Operations(ZooKeeperCase):
    def run_against(self, participants):
        servers = connect_string(self.start_servers(participants))
        subprocess.run(
            [os.environ["BARNABAS_ZK_OPERATIONS"]],
            check=True,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"BARNABAS_TEST_ZOOKEEPER": servers},
        )

    def test_one_server(self):
        self.run_against(participants=1)

    def test_quorum_of_three(self):
        self.run_against(participants=3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
