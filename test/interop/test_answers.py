"""Our answers against those of Apache Kafka 3.9.1, request by request and version by version.

Its answers are recorded in test/data/answers/, so that the comparison needs no Java; a second test
shows that the record is what a broker of 3.9.1 answers. BARNABAS_RECORD=1 makes that one write it.
"""

import fnmatch
import json
import os
import pathlib
import sys

from harness import places
from harness.apache_kafka import ApacheKafka

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from answers.differences import ALLOWED  # noqa: E402
from answers.side import SETTINGS, Side  # noqa: E402

LIMIT_S = 300
RECORD = places.ROOT / "test" / "data" / "answers" / "kafka-3.9.1.txt"


def write_record(answers):
    """One line for each answer, with the versions in which it was given."""
    lines = []
    for (name, what), by_version in answers.items():
        versions = {}
        for version, answer in by_version.items():
            versions.setdefault(json.dumps(answer), []).append(version)
        for text, given in versions.items():
            lines.append(json.dumps([name, what, given]) + " " + text)
    RECORD.parent.mkdir(exist_ok=True)
    RECORD.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read_record():
    answers = {}
    decoder = json.JSONDecoder()
    for line in RECORD.read_text(encoding="utf-8").splitlines():
        (name, what, versions), end = decoder.raw_decode(line)
        answer = json.loads(line[end:])
        answers.setdefault((name, what), {}).update({version: answer for version in versions})
    return answers


def differences(theirs, ours, path=""):
    """(path, what they say, what we say)"""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in sorted(set(theirs) | set(ours)):
            yield from differences(
                theirs.get(key, "(absent)"), ours.get(key, "(absent)"), f"{path}.{key}".lstrip(".")
            )
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for one, other in zip(theirs, ours):
            yield from differences(one, other, path + "[]")
    elif theirs != ours:
        yield path, theirs, ours


def allowed(name, what, path, version):
    """The position in ALLOWED, or None."""
    for number, (api, asked, field, versions, _reason) in enumerate(ALLOWED):
        if (
            fnmatch.fnmatchcase(name, api)
            and fnmatch.fnmatchcase(what, asked)
            and fnmatch.fnmatchcase(path, field.replace("[", "[[]"))
            and (versions is None or version in versions)
        ):
            return number
    return None


def compare(case, theirs, ours, may_differ):
    """Fails with a line for each difference; returns which of ALLOWED were met."""
    assert set(theirs) == set(ours), f"asked of one only: {set(theirs) ^ set(ours)}"
    found = {}
    used = set()
    for (name, what), by_version in theirs.items():
        for version, answer in by_version.items():
            for field, one, other in differences(answer, ours[name, what][version]):
                number = allowed(name, what, field, version) if may_differ else None
                if number is not None:
                    used.add(number)
                    continue
                seen = found.setdefault((name, what, field, repr(one), repr(other)), [])
                if version not in seen:
                    seen.append(version)
    lines = [
        f"{name} {versions} {what}: {field}: {one[:200]} there, {other[:200]} here"
        for (name, what, field, one, other), versions in found.items()
    ]
    report = case.path("differences.txt")
    report.write_text("\n".join(lines) + "\n")
    assert not lines, f"{len(lines)} differences, all in {report}\n" + "\n".join(lines[:20])
    return used


def test_answers_are_those_of_apache_kafka(case):
    ours = Side(case.single(settings=SETTINGS).port).answers()
    theirs = read_record()
    used = compare(case, theirs, ours, may_differ=True)
    stale = [entry for number, entry in enumerate(ALLOWED) if number not in used]
    assert not stale, f"these differences are no more: {stale}"
    offered, known = (side["ApiVersions", "as it is"][0]["api_keys"] for side in (ours, theirs))
    more = [api for api in offered if api not in known]
    assert not more, f"APIs that a broker with ZooKeeper does not have: {more}"


def test_the_record_is_what_apache_kafka_answers(case):
    kafka = ApacheKafka(case, "3.9.1")
    path, port = kafka.write_properties(
        case.zookeeper().connect_string,
        0,
        case.path("apache-data", "x").parent,
        settings=SETTINGS,
    )
    kafka.start_broker(path)
    answers = Side(port).answers()
    if os.environ.get("BARNABAS_RECORD") == "1":
        write_record(answers)
    compare(case, read_record(), answers, may_differ=False)
