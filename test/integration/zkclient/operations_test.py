#!/usr/bin/env python3
"""Runs the C++ tests of single operations (BARNABAS_ZK_OPERATIONS names their binary) against one
server, and against a quorum of three."""

import os
import subprocess
import unittest

from ensemble import Ensemble


class Operations(unittest.TestCase):
    def run_against(self, **ensemble):
        with Ensemble(**ensemble) as servers:
            subprocess.run(
                [os.environ["BARNABAS_ZK_OPERATIONS"]],
                check=True,
                stderr=subprocess.DEVNULL,
                env=os.environ | {"BARNABAS_TEST_ZOOKEEPER": servers.connect_string()},
            )

    def test_one_server(self):
        self.run_against(participants=1)

    def test_quorum_of_three(self):
        self.run_against(participants=3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
