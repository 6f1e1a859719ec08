"""Names and values that say what they are: one class for one name, no number that means nothing."""

import collections
import re

from tidy import cpp_text, tree

OWN = ("test/", "bench/")
# What a room calls so in its own namespace, and no other room has to tell apart.
SAME_NAME = {
    "Connection": "network:: to a client, zkclient:: to ZooKeeper",
    "Listener": "config:: as configured, runtime:: the socket",
    "Settings": "of groups:: and of controller::, each from the broker's configuration",
    "Command": "one tool's command line each",
}
CONST_CAST = {
    "base/crc32c.cc": "ISA-L reads through a pointer that is not const",
    "runtime/posix/io_vector.h": "so does writev",
    "tools/console/console_producer.cc": "so does librdkafka",
    "tools/verifiable/verifiable_producer.cc": "so does librdkafka",
    "broker/controller/controller_context.cc": "find() const and not const are one function",
    "storage/partition_log_read.cc": "caches that lock",
}
# "No such thing" as a number: an std::optional says it, a named constant where the wire needs one.
MAGIC = re.compile(r"\breturn -1;|[\w>&*] \w+ = -1(?=[,)])")
MAGIC_ALLOWED = {
    "tools/zookeeper_shell/shell.cc": "a version that ZooKeeper takes as any",
    "zkclient/client.h": "the same",
}


def test_one_name_one_class(_case):
    defined = re.compile(r"^(?:class|struct) (\w+)(?: final)?\s*(?::[^;{]*)?\{", re.MULTILINE)
    places = collections.defaultdict(set)
    for path in tree.files(".h", outside=OWN):
        code = cpp_text.blanked(tree.read(path))
        space = re.search(r"^namespace (\w+)", code, re.MULTILINE)
        for match in defined.finditer(code):
            if match.group(1) == "std":
                continue  # a template's specialisation
            places[match.group(1)].add((space.group(1) if space else "", path))
    assert len(places) > 300, "the rule finds no classes"
    problems = [
        f"{name}: " + ", ".join(f"{space}:: ({path})" for space, path in sorted(found))
        for name, found in sorted(places.items())
        if len({space for space, _ in found}) > 1 and name not in SAME_NAME
    ]
    tree.fail_with(problems, "one name for classes of several rooms:")


def test_nothing_is_cast_from_const(_case):
    problems = [
        path
        for path in tree.sources(outside=OWN)
        if "const_cast" in cpp_text.blanked(tree.read(path)) and path not in CONST_CAST
    ]
    tree.fail_with(problems, "const_cast:")


def test_no_number_means_nothing(_case):
    for example in ("  return -1;", "int f(int limit = -1);", "int f(int a = -1, int b);"):
        assert MAGIC.search(example), example
    for example in ("  int id = -1;", "if (f(a == -1)) return 1;", "f(x >= -1)", "  none = -1,"):
        assert not MAGIC.search(example), example
    problems = []
    for path in tree.sources(outside=OWN):
        if path in MAGIC_ALLOWED:
            continue
        code = cpp_text.blanked(tree.read(path))
        problems += [
            f"{path}:{cpp_text.line_of(code, match.start())}: {match.group()}"
            for match in MAGIC.finditer(code)
        ]
    tree.fail_with(problems, "-1 that stands for none:")
