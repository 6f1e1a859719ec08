"""Debian's clients through the scenarios of test/interop/clients, on one broker.

run_clients.py has the other clients too, and a table.
"""

from interop.clients import fetching, scene, table
from interop.clients.catalogue import CLIENTS
from interop.clients.scenarios import SCENARIOS

LIMIT_S = 400


def passes_everything(case, name):
    client = next(client for client in CLIENTS if client.name == name)
    try:
        command = fetching.command(client)
    except fetching.Unavailable as e:
        case.skip(str(e))
    server = scene.start_barnabas(case)
    failed = table.failures(table.run_client(case, server, client, command, SCENARIOS))
    assert not failed, "\n".join(failed)


def test_python3_kafka(case):
    passes_everything(case, "python3-kafka")


def test_python3_confluent_kafka(case):
    passes_everything(case, "python3-confluent-kafka")


def test_kcat(case):
    passes_everything(case, "kcat")
