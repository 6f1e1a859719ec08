"""The table client by scenario: running it, printing it, keeping it in docs/COMPATIBILITY.md."""

import datetime
import time
import traceback

from interop.clients import marked_section
from interop.clients.catalogue import label
from interop.clients.scenarios import SCENARIOS
from interop.clients.scene import Bench, Scene

PASSED, FAILED, IMPOSSIBLE, SKIPPED = "ok", "FAIL", "n/a", "-"


class Cell:
    def __init__(self, outcome, text="", seconds=0.0):
        self.outcome = outcome
        self.text = text
        self.seconds = seconds


def run_scenario(bench, name):
    reason = bench.client.impossible.get(name)
    if reason:
        return Cell(IMPOSSIBLE, reason)
    scene = Scene(bench)
    began = time.monotonic()
    try:
        SCENARIOS[name](scene)
        return Cell(PASSED, seconds=time.monotonic() - began)
    except Exception as e:  # pylint: disable=broad-except
        bench.close()
        place = traceback.extract_tb(e.__traceback__)[-1]
        text = f"{type(e).__name__}: {e} ({place.name}:{place.lineno})"
        return Cell(FAILED, text, time.monotonic() - began)
    finally:
        scene.close()


def run_client(case, server, client, command, names, say=print):
    """{scenario: Cell} of one client."""
    bench = Bench(case, server, client, command)
    cells = {}
    try:
        for name in names:
            cell = cells[name] = run_scenario(bench, name)
            detail = f": {cell.text}" if cell.outcome == FAILED else ""
            say(f"{cell.outcome:4} {label(client)}: {name} ({cell.seconds:.1f} s){detail}")
    finally:
        bench.close()
    return cells


def failures(cells):
    return [f"{name}: {cell.text}" for name, cell in cells.items() if cell.outcome == FAILED]


def as_markdown(rows, names):
    """rows: [(client, {scenario: Cell} or the reason why it was skipped)]."""
    lines = [
        "| client | " + " | ".join(names) + " |",
        "|---" * (len(names) + 1) + "|",
    ]
    for client, cells in rows:
        if isinstance(cells, str):
            outcomes = [SKIPPED] * len(names)
        else:
            outcomes = [cells[name].outcome for name in names]
        lines.append(f"| {label(client)} ({client.source}) | " + " | ".join(outcomes) + " |")
    return "\n".join(lines)


def notes(rows):
    lines = []
    for client, cells in rows:
        if isinstance(cells, str):
            lines.append(f"- {label(client)} was skipped: {cells}")
            continue
        if client.remark:
            lines.append(f"- {label(client)}: {client.remark}.")
        for name, cell in cells.items():
            if cell.outcome == IMPOSSIBLE:
                lines.append(f"- {label(client)}, {name}: {cell.text}.")
    return "\n".join(lines)


def write_document(server_name, rows, names):
    marked_section.write(
        "clients",
        f"Run on {datetime.date.today()} against {server_name}; each scenario is in\n"
        f"`test/interop/clients/scenarios.py`.\n\n{as_markdown(rows, names)}\n\n{notes(rows)}",
    )
