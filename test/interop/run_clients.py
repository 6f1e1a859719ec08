#!/usr/bin/python3
"""Runs every client of the catalogue through every scenario and prints the table.

Usage: test/interop/run_clients.py [--client PART]... [--only SCENARIO]...
         [--against barnabas|kafka] [--write] [--keep] [--list]

  --client   only clients with PART in their label; may be given several times
  --only     only these scenarios
  --against  kafka runs Apache Kafka 3.9.1 instead: what fails there is a mistake of the scenario
  --write    puts the table into its place in docs/COMPATIBILITY.md
  --keep     keeps the logs of broker, ZooKeeper and drivers

Clients beyond Debian's are brought by their own package managers into the cache of the tests; where
one does not answer, its clients are skipped and the table says so. Exit code 1 if a cell failed.
"""

import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from interop.clients import catalogue, fetching, scene, table  # noqa: E402
from interop.clients.scenarios import SCENARIOS  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--client", action="append", default=[])
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--against", choices=("barnabas", "kafka"), default="barnabas")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--list", action="store_true")
    return parser.parse_args()


def say(line):
    print(line, flush=True)


def run(case, options, clients, names):
    server = scene.start(case, options.against)
    rows = []
    for client in clients:
        try:
            command = fetching.command(client)
        except fetching.Unavailable as e:
            say(f"skip {catalogue.label(client)}: {e}")
            rows.append((client, str(e)))
            continue
        rows.append((client, table.run_client(case, server, client, command, names, say)))
    say("\n" + table.as_markdown(rows, names) + "\n\n" + table.notes(rows))
    if options.write:
        table.write_document(server.name, rows, names)
    return any(not isinstance(cells, str) and table.failures(cells) for _, cells in rows)


def main():
    options = arguments()
    clients = [
        client
        for client in catalogue.CLIENTS
        if not options.client or any(part in catalogue.label(client) for part in options.client)
    ]
    names = [name for name in SCENARIOS if not options.only or name in options.only]
    if options.list:
        say("\n".join([*map(catalogue.label, clients), "", *names]))
        return 0
    with scene.own_case("barnabas-clients-", options.keep) as case:
        return 1 if run(case, options, clients, names) else 0


if __name__ == "__main__":
    sys.exit(main())
