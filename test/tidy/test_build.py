"""Everything in the tree is built, included or run."""

import os
import re

from tidy import tree
from tidy.test_layers import INCLUDE


def named_in_build():
    """Paths of the C++ files that some meson.build names."""
    named = set()
    for build in tree.files("meson.build"):
        folder = os.path.dirname(build)
        for name in re.findall(r"'([^'\n]+\.cc)'", tree.read(build)):
            named.add(os.path.normpath(os.path.join(folder, name)))
    return named


def test_every_source_is_built(_case):
    named = named_in_build()
    problems = [path for path in tree.files(".cc") if path not in named]
    tree.fail_with(problems, "nobody builds:")


def test_every_header_is_included(_case):
    included = {match for path in tree.sources() for match in INCLUDE.findall(tree.read(path))}
    # Those that the build itself puts in front of the sources.
    named_by_build = {"base/precompiled.h", "test/unit/precompiled.h"}
    problems = [path for path in tree.files(".h") if path not in included | named_by_build]
    tree.fail_with(problems, "nobody includes:")


def test_every_folder_of_the_build_is_entered(_case):
    entered = {"meson.build"}
    for build in tree.files("meson.build"):
        for name in re.findall(r"^\s*subdir\('([^']+)'\)", tree.read(build), re.MULTILINE):
            entered.add(os.path.normpath(os.path.join(os.path.dirname(build), name, "meson.build")))
    problems = [path for path in tree.files("meson.build") if path not in entered]
    tree.fail_with(problems, "no subdir() leads to:")
