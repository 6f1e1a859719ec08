"""What is done to the files of a log directory, and to server.properties, before a start."""

import shutil

HALF = "half"
EMPTY = "empty"
NULS = "NULs"
MISSING = "missing"


def hurt(path, kind):
    if kind == MISSING:
        path.unlink()
    elif kind == EMPTY:
        path.write_bytes(b"")
    elif kind == NULS:
        path.write_bytes(bytes(path.stat().st_size))
    else:
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])


CHECKPOINTS = (
    "recovery-point-offset-checkpoint",
    "replication-offset-checkpoint",
    "log-start-offset-checkpoint",
    "cleaner-offset-checkpoint",
    "t-0/leader-epoch-checkpoint",
    "t-0/partition.metadata",
)


def without_ids(directory):
    (directory / "meta.properties").write_text("#\nversion=0\n")


def other_version(directory):
    (directory / "meta.properties").write_text("version=1\nnode.id=0\ncluster.id=x\n")


def other_broker(directory):
    path = directory / "meta.properties"
    path.write_text(path.read_text().replace("broker.id=0", "broker.id=7"))


def other_cluster(directory):
    path = directory / "meta.properties"
    lines = [x for x in path.read_text().splitlines() if not x.startswith("cluster.id")]
    path.write_text("\n".join([*lines, "cluster.id=AAAAAAAAAAAAAAAAAAAAAA", ""]))


def lost_and_found(directory):
    (directory / "lost+found").mkdir()


def foreign_directory(directory):
    (directory / "backup").mkdir()
    (directory / "backup" / "notes.txt").write_text("x")


def foreign_with_logs(directory):
    shutil.copytree(directory / "t-0", directory / "backup")


def foreign_file(directory):
    (directory / "notes.txt").write_text("x")


def unclean_rubbish(directory):
    (directory / ".kafka_cleanshutdown").write_bytes(b"\0\xff rubbish")


def file_cases():
    """{(file, damage): what does it to a log directory}"""
    cases = {}
    for file in CHECKPOINTS:
        for kind in (EMPTY, HALF, NULS, MISSING):
            cases[file.rpartition("/")[2], kind] = lambda d, f=file, k=kind: hurt(d / f, k)
    meta = "meta.properties"
    for kind in (EMPTY, HALF, NULS, MISSING):
        cases[meta, kind] = lambda d, k=kind: hurt(d / meta, k)
    cases[meta, "without ids"] = without_ids
    cases[meta, "version 1"] = other_version
    cases[meta, "another broker's id"] = other_broker
    cases[meta, "another cluster's id"] = other_cluster
    cases[".kafka_cleanshutdown", "rubbish in it"] = unclean_rubbish
    cases["lost+found", "present"] = lost_and_found
    cases["foreign directory", "without .log"] = foreign_directory
    cases["foreign directory", "with .log"] = foreign_with_logs
    cases["foreign file", "present"] = foreign_file
    return cases


# What stands for these in a log line.
NAMES = {"foreign directory": "backup", "foreign file": "notes.txt"}


def lines(*more):
    """The usual file with further lines."""
    return lambda usual: usual + "".join(line + "\n" for line in more).encode("latin-1")


def without(key):
    return lambda usual: b"".join(
        x for x in usual.splitlines(keepends=True) if not x.startswith(key.encode() + b"=")
    )


# Name: (what becomes of the usual bytes, the key whose value is looked at after a start).
CONFIG_CASES = {
    "a UTF-8 BOM before `num.partitions=3`": (
        lambda usual: b"\xef\xbb\xbfnum.partitions=3\n" + usual,
        "num.partitions",
    ),
    "CRLF line ends": (
        lambda usual: (usual + b"num.partitions=3\n").replace(b"\n", b"\r\n"),
        "num.partitions",
    ),
    "`num.partitions : 3`": (lines("num.partitions : 3"), "num.partitions"),
    "`num.partitions 3`": (lines("num.partitions 3"), "num.partitions"),
    "`num.partitions=3  ` (blanks behind)": (lines("num.partitions=3  "), "num.partitions"),
    "`num.partitions=3 # three`": (lines("num.partitions=3 # three"), None),
    "a line continued by `\\`": (lines("num.partitions=\\", "   3"), "num.partitions"),
    "`num.partitions` twice, 3 and 4": (
        lines("num.partitions=3", "num.partitions=4"),
        "num.partitions",
    ),
    "`num.partitions=`": (lines("num.partitions="), "num.partitions"),
    "`num.partitions=three`": (lines("num.partitions=three"), None),
    "`num.partitions=0`": (lines("num.partitions=0"), None),
    "`num.partitions=99999999999`": (lines("num.partitions=99999999999"), None),
    "`num.partition=3` (unknown key)": (lines("num.partition=3"), "num.partitions"),
    "`broker.rack=`": (lines("broker.rack="), "broker.rack"),
    "`broker.rack=` a letter in Latin-1": (lines("broker.rack=\xe9"), "broker.rack"),
    "`broker.rack=` a letter in UTF-8": (
        lambda usual: usual + "broker.rack=\xe9\n".encode(),
        "broker.rack",
    ),
    "`broker.rack=\\u00e9`": (lines("broker.rack=\\u00e9"), "broker.rack"),
    "`broker.rack=\\u00g9`": (lines("broker.rack=\\u00g9"), None),
    "`delete.topic.enable=yes`": (lines("delete.topic.enable=yes"), None),
    "`delete.topic.enable=FALSE`": (lines("delete.topic.enable=FALSE"), "delete.topic.enable"),
    "`compression.type=brotli`": (lines("compression.type=brotli"), None),
    "`log.cleanup.policy=keep`": (lines("log.cleanup.policy=keep"), None),
    "`log.retention.ms=-5`": (lines("log.retention.ms=-5"), "log.retention.ms"),
    "`log.cleaner.dedupe.buffer.size=1000`": (lines("log.cleaner.dedupe.buffer.size=1000"), None),
    "`inter.broker.protocol.version=9.9`": (lines("inter.broker.protocol.version=9.9"), None),
    "`process.roles=broker`": (lines("process.roles=broker"), None),
    "`listeners=PLAINTEXT://127.0.0.1`": (lines("listeners=PLAINTEXT://127.0.0.1"), None),
    "`listeners=FOO://127.0.0.1:1`": (lines("listeners=FOO://127.0.0.1:1"), None),
    "`advertised.listeners=PLAINTEXT://0.0.0.0:9`": (
        lines("advertised.listeners=PLAINTEXT://0.0.0.0:9"),
        None,
    ),
    "`log.dirs=`": (lines("log.dirs="), None),
    "without `zookeeper.connect`": (without("zookeeper.connect"), None),
    "`broker.id=2000`": (lines("broker.id=2000"), None),
    "an empty file": (lambda usual: b"", None),
    "NULs": (lambda usual: bytes(100), None),
    "no file": (None, None),
}
