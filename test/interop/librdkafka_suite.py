#!/usr/bin/python3
"""Runs librdkafka's own test suite against a broker: what it has for one broker without security.

Usage: test/interop/librdkafka_suite.py --runner FOLDER/test-runner [--test NUMBER]...
         [--against barnabas|kafka] [--jobs N] [--write] [--keep]

  --runner   the program that librdkafka's tests are built into, in its own folder; building it is
             left to whoever has that project's source
  --test     only tests of these numbers
  --against  kafka runs Apache Kafka 3.9.1 instead
  --write    puts the result into its place in docs/COMPATIBILITY.md

Each test is a run of its own in quick mode (-Q) with a time limit. Tests that need no broker, more
than one broker, TLS, SASL, ACLs, transactions, share groups or a mock are left out.
"""

import argparse
import concurrent.futures
import datetime
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import places  # noqa: E402
from interop.clients import marked_section, scene  # noqa: E402

LIMIT_S = 180
NUMBERS = (
    "0001 0002 0003 0005 0007 0008 0011 0012 0013 0014 0015 0016 0017 0018 0019 0020 0021 0022 0026"
    " 0029 0030 0031 0033 0034 0035 0036 0038 0039 0040 0041 0042 0044 0045 0048 0049 0050 0051"
    " 0052 0053 0054 0056 0057 0059 0060 0061 0063 0065 0067 0068 0069 0070 0073 0075 0076 0077"
    " 0082 0083 0084 0085 0086 0088 0089 0090 0091 0092 0093 0094 0099 0102 0110 0112 0113"
    " 0114 0118 0122 0123 0125 0127 0130 0132 0137 0140"
).split()
# The parts of 0081 (admin client) beside ACLs and SCRAM, each as a run of its own.
ADMIN = "0081"
ADMIN_PARTS = (
    "CreateTopics DeleteTopics CreatePartitions AlterConfigs IncrementalAlterConfigs"
    " DescribeConfigs DeleteRecords ListConsumerGroups DescribeConsumerGroups DescribeTopics"
    " DescribeCluster DeleteGroups DeleteConsumerGroupOffsets ListOffsets AlterConsumerGroupOffsets"
    " ListConsumerGroupOffsets"
).split()
# Quick mode would skip it.
AT_FULL_SIZE = ("0082",)
# This one wants a broker that creates no topics by itself.
WITHOUT_AUTOMATIC_TOPICS = ("0045",)
# What the suite's own cluster is set up with.
SETTINGS = {"num.partitions": 4, "auto.create.topics.enable": "true"}
FAILURE = re.compile(r'### Test "(\d{4}_\w+)[^"]*" failed')
COLOUR = re.compile(r"\x1b\[\d+m")
SUMMARY = re.compile(r"\|\s*(\d{4}_\w+)\s*\|\s*(PASSED|FAILED|SKIPPED|RUNNING)")


def outcomes_in(text):
    """{test: outcome}; a failure that ends the whole program leaves no summary."""
    text = COLOUR.sub("", text)
    found = dict(SUMMARY.findall(text)) or dict.fromkeys(FAILURE.findall(text), "FAILED")
    told = {test: outcome for test, outcome in found.items() if outcome != "SKIPPED"}
    return told or found


def one(runner, server, number, scenario, directory, part=""):
    """{test: outcome} of the tests of one number, or of a part of one."""
    name = "-".join(filter(None, (number, part, scenario)))
    config = directory / f"{name}.conf"
    config.write_text(f"bootstrap.servers={server.address}\ntest.topic.random=true\n")
    environment = {
        **os.environ,
        "TESTS": number,
        "RDKAFKA_TEST_CONF": str(config),
        "TEST_KAFKA_VERSION": "3.9.1",
        "KAFKA_PATH": str(places.DIST),
        "BROKERS": server.address,
        "LD_LIBRARY_PATH": f"{runner.parent}/../src:{runner.parent}/../src-cpp",
    }
    if part:
        environment["SUBTESTS"] = "do_test_" + part
    quick = [] if number in AT_FULL_SIZE else ["-Q"]
    log = directory / f"{name}.log"
    with open(log, "wb") as output:
        try:
            subprocess.run(
                [runner, "-p1", "-L", *quick, "-s", scenario],
                cwd=runner.parent,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=LIMIT_S,
            )
        except subprocess.TimeoutExpired:
            return {name: "TIMEOUT"}
    found = outcomes_in(log.read_text(errors="replace")) or {name: "CRASHED"}
    return {f"{test} {part}".strip(): outcome for test, outcome in found.items()}


def run_scenario(options, scenario, numbers, settings):
    """On a broker of its own."""
    outcomes = {}
    with scene.own_case("barnabas-librdkafka-", options.keep) as case:
        server = scene.start(case, options.against, {**SETTINGS, **settings})
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            runs = [
                pool.submit(one, options.runner, server, number, scenario, case.directory, part)
                for number in numbers
                for part in (ADMIN_PARTS if number == ADMIN else ("",))
            ]
            for each in runs:
                for test, outcome in sorted(each.result().items()):
                    print(f"{outcome:8} {test}", flush=True)
                    outcomes[test] = outcome
    return server.name, outcomes


def as_text(name, version, outcomes):
    def listed(*wanted):
        return ", ".join(sorted(test for test, outcome in outcomes.items() if outcome in wanted))

    passed = sum(outcome == "PASSED" for outcome in outcomes.values())
    return "\n".join(
        [
            f"librdkafka {version}, run on {datetime.date.today()} against {name}: {passed} of"
            f" {sum(outcome != 'SKIPPED' for outcome in outcomes.values())} tests passed.",
            "",
            f"- passed: {listed('PASSED')}",
            f"- failed: {listed('FAILED', 'TIMEOUT', 'RUNNING', 'CRASHED') or 'none'}",
            f"- skipped by the suite itself: {listed('SKIPPED') or 'none'}",
        ]
    )


def version_of(runner):
    """As the library says it, which is not always as its folder is named."""
    header = (runner.parent.parent / "src" / "rdkafka.h").read_text()
    number = re.search(r"#define RD_KAFKA_VERSION\s+0x(\w\w)(\w\w)(\w\w)", header)
    return ".".join(str(int(part, 16)) for part in number.groups())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runner", type=lambda text: pathlib.Path(text).resolve(), required=True)
    parser.add_argument("--test", action="append", default=[])
    parser.add_argument("--against", choices=("barnabas", "kafka"), default="barnabas")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    outcomes = {}
    for scenario, numbers, settings in (
        ("default", (*NUMBERS, ADMIN), {}),
        ("noautocreate", WITHOUT_AUTOMATIC_TOPICS, {"auto.create.topics.enable": "false"}),
    ):
        numbers = [number for number in numbers if not options.test or number in options.test]
        if numbers:
            name, told = run_scenario(options, scenario, numbers, settings)
            outcomes.update(told)
    text = as_text(name, version_of(options.runner), outcomes)
    print("\n" + text)
    if options.write:
        marked_section.write("librdkafka", text)
    return 0 if all(outcome in ("PASSED", "SKIPPED") for outcome in outcomes.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
