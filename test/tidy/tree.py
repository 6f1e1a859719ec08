"""The files of this tree that git knows."""

import functools
import subprocess

from harness.places import ROOT

SOURCE = (".h", ".cc")
TEXT = (
    ".h",
    ".cc",
    ".py",
    ".sh",
    ".md",
    ".build",
    ".txt",
    ".schema",
    ".properties",
    ".java",
    ".supp",
)


@functools.cache
def tracked():
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "-C", ROOT, "ls-files", "-co", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    )
    return sorted(path for path in set(listed.stdout.splitlines()) if (ROOT / path).is_file())


def files(*suffixes, under="", outside=()):
    return [
        path
        for path in tracked()
        if path.endswith(suffixes)
        and path.startswith(under)
        and not path.startswith(tuple(outside))
    ]


@functools.cache
def read(path):
    return (ROOT / path).read_text(errors="replace")


def sources(outside=()):
    return files(*SOURCE, outside=outside)


def fail_with(problems, rule):
    assert not problems, rule + "\n" + "\n".join(problems)
