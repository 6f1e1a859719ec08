"""Files and functions stay small, lines short."""

import pathlib

from harness.places import ROOT
from tidy import cpp_text, tree

LINES_WITH_REASON, LINES_MAX = 500, 800
FUNCTION_LINES_MAX = 70
COLUMNS_MAX = 100
CODE = (".h", ".cc", ".py", ".sh", ".java")
# What a file of more than 500 lines says in its first lines.
REASON = "long because"


def test_files(_case):
    problems = []
    for path in tree.files(*CODE):
        lines = tree.read(path).splitlines()
        if len(lines) > LINES_MAX:
            problems.append(f"{path}: {len(lines)} lines")
        elif len(lines) > LINES_WITH_REASON and REASON not in "\n".join(lines[:15]).lower():
            problems.append(
                f"{path}: {len(lines)} lines, and no reason ({REASON!r}) in its first lines"
            )
    tree.fail_with(
        problems, f"a file has up to {LINES_MAX} lines, from {LINES_WITH_REASON} on with a reason:"
    )


def test_functions(_case):
    problems = []
    for path in tree.sources():
        for function in cpp_text.functions(cpp_text.blanked(tree.read(path))):
            if function.line_count > FUNCTION_LINES_MAX:
                problems.append(
                    f"{path}:{function.first_line}: {function.line_count} lines: "
                    + function.header[-70:]
                )
    tree.fail_with(problems, f"a function has up to {FUNCTION_LINES_MAX} lines:")


def test_lines(_case):
    problems = []
    for path in tree.files(*CODE, ".build", ".schema"):
        for number, line in enumerate(tree.read(path).splitlines(), 1):
            if len(line) > COLUMNS_MAX:
                problems.append(f"{path}:{number}: {len(line)} columns")
            if line != line.rstrip():
                problems.append(f"{path}:{number}: blanks at the end")
    tree.fail_with(problems, f"a line has up to {COLUMNS_MAX} columns:")


def test_names_of_files(_case):
    vague = {"util", "utils", "common", "helper", "helpers", "misc"}
    problems = [
        path
        for path in tree.tracked()
        if vague & {pathlib.Path(part).stem for part in path.split("/")}
    ]
    tree.fail_with(problems, "a name that says nothing shows a missing concept:")


def test_names_are_lower_case(_case):
    problems = [path for path in tree.sources() if path != path.lower() or "-" in path]
    tree.fail_with(problems, "C++ files are named in snake_case:")
    assert (ROOT / "meson.build").exists()
