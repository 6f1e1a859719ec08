"""Who may include whom: downward only, by the table in docs/ARCHITECTURE.md."""

import re

from tidy import tree

# Folder: the folders below it that it may use.
MAY_USE = {
    "base": set(),
    "protocol": {"base"},
    "config": {"base"},
    "runtime": {"base"},
    "zkclient": {"base", "runtime"},
    "storage": {"base", "runtime", "protocol"},
    "client": {"base", "runtime", "protocol"},
    "tools": {"base", "protocol", "config", "runtime", "zkclient", "storage", "client"},
    "broker": {"base", "protocol", "config", "runtime", "zkclient", "storage", "client"},
}
# What a folder may use of one that is not below it, pure parts only: tools with --zookeeper read
# and write the same znodes as brokers, formatters print the records of groups, and all knowledge of
# those is in one place.
ALSO = {
    "tools": (
        "broker/cluster/znode_paths.h",
        "broker/cluster/znodes/",
        "broker/cluster/topic_name.h",
        "broker/cluster/assignment.h",
        "broker/groups/offset_records.h",
    ),
}
# Room of the broker: other rooms that it may use. A domain room never sees network or api.
ROOMS = {
    "cluster": set(),
    "security": {"cluster"},
    "quotas": {"cluster"},
    # It knows no partition log: it reaches every broker by requests.
    "controller": {"cluster"},
    "replication": {"cluster"},
    "groups": {"cluster", "replication"},
    "transactions": {"cluster", "replication", "groups"},
    "admin": {
        "cluster",
        "controller",
        "replication",
        "groups",
        "transactions",
        "security",
        "quotas",
    },
}
DOMAIN = set(ROOMS)
ROOMS["network"] = DOMAIN
ROOMS["api"] = DOMAIN | {"network"}
ROOMS["server"] = DOMAIN | {"network", "api"}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
SYSTEM_INCLUDE = re.compile(r"^\s*#\s*include\s+<([^>]+)>", re.MULTILINE)


def includes():
    for path in tree.sources(outside=("test/", "bench/")):
        for match in INCLUDE.finditer(tree.read(path)):
            yield path, match.group(1)


def test_folders(_case):
    problems = []
    for path, included in includes():
        folder, target = path.split("/")[0], included.split("/")[0]
        if folder not in MAY_USE:
            problems.append(f"{path}: the folder {folder} is not in the table of this test")
        elif included.startswith(ALSO.get(folder, ())):
            continue
        elif target != folder and target not in MAY_USE[folder]:
            problems.append(f"{path} includes {included}")
    tree.fail_with(problems, "layering is strict and downward:")


def room_of(path):
    parts = path.split("/")
    return parts[1] if parts[0] == "broker" and len(parts) > 2 else None


def test_rooms_of_the_broker(_case):
    problems = []
    for path, included in includes():
        room, target = room_of(path), room_of(included)
        if room is None or target is None or room == target:
            continue
        if room not in ROOMS:
            problems.append(f"{path}: the room {room} is not in the table of this test")
        elif target not in ROOMS[room]:
            problems.append(f"{path} includes {included}")
    tree.fail_with(problems, "rooms of the broker:")


def test_the_controller_knows_no_log(_case):
    problems = [
        f"{path} includes {included}"
        for path, included in includes()
        if room_of(path) == "controller" and included.startswith("storage/")
    ]
    tree.fail_with(problems, "the controller reaches partitions only by requests:")


def test_includes_start_at_the_root(_case):
    problems = [
        f"{path} includes {included}"
        for path, included in includes()
        if "/" not in included
        or not (included.startswith("protocol/gen/") or included in tree.tracked())
    ]
    tree.fail_with(problems, "an include is a path from the root of the tree:")


# What is slow to compile, or brings what only one place should use.
ONLY_IN_CC = ("nlohmann/", "spdlog/", "regex", "iostream")
RESERVED = {
    "uv.h": ("runtime/uv/", "tools/"),
    "librdkafka/": ("tools/", "bench/", "test/"),
    "spdlog/": ("base/log.cc",),
}


def test_third_party_headers(_case):
    problems = []
    for path in tree.sources():
        for included in SYSTEM_INCLUDE.findall(tree.read(path)):
            if (
                path.endswith(".h")
                and included.startswith(ONLY_IN_CC)
                and not path.startswith("test/")
            ):
                if not (
                    included.startswith("nlohmann/")
                    and (included.endswith("_fwd.hpp") or "json_document" in path)
                ):
                    problems.append(f"{path} includes <{included}>, which belongs in .cc files")
            for prefix, places in RESERVED.items():
                if included.startswith(prefix) and not path.startswith(places):
                    problems.append(
                        f"{path} includes <{included}>, which is for {', '.join(places)}"
                    )
    tree.fail_with(problems, "third-party headers:")
