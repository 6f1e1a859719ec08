"""Brings a client and builds its driver, in the cache of the tests; nothing lands in the tree.

Every package manager is used as it is set up on this machine. One that has nothing, or that does
not answer in time, makes its clients unavailable, which is not a failure.
"""

import hashlib
import os
import pathlib
import shutil
import subprocess

from harness import places
from harness.apache_kafka import DEPENDENCY, POM
from interop.clients.catalogue import DEBIAN

DRIVERS = pathlib.Path(__file__).resolve().parent / "drivers"
CACHE = places.CACHE / "clients"
LIMIT_S = 600
SYSTEM_PYTHON = "/usr/bin/python3"
JAVA_OPTIONS = (
    "-Xms16m",
    "-Xmx160m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-Xshare:auto",
)


class Unavailable(Exception):
    """This client cannot be had here; the text says why."""


def call(command, directory, environment=None):
    if shutil.which(str(command[0])) is None:
        raise Unavailable(f"{command[0]} is not installed")
    try:
        done = subprocess.run(
            [*map(str, command)],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LIMIT_S,
            env={**os.environ, **(environment or {})},
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{command[0]} did not answer within {LIMIT_S} s") from None
    if done.returncode != 0:
        said = done.stdout.decode(errors="replace").strip().splitlines()
        raise Unavailable(f"{' '.join(map(str, command[:3]))}: {' '.join(said[-3:])[:300]}")


def once(name, make):
    """The folder `name` of the cache, made by make(folder) when it is not there whole."""
    folder = CACHE / name
    if (folder / "complete").exists():
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        make(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    (folder / "complete").touch()
    return folder


def fingerprint(*parts):
    """Of files and texts: a changed driver or version is a new folder."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.read_bytes() if isinstance(part, pathlib.Path) else part.encode())
    return digest.hexdigest()[:12]


def python_driver(client, script):
    path = DRIVERS / "python" / script
    if client.source == DEBIAN:
        module = {"kafka_python": "kafka", "confluent": "confluent_kafka"}[client.driver]
        # Asked of the interpreter that will run it; this one may be another.
        found = subprocess.run([SYSTEM_PYTHON, "-c", f"import {module}"], capture_output=True)
        if found.returncode != 0:
            raise Unavailable(f"{client.name} is not installed")
        return [SYSTEM_PYTHON, path]

    def make(folder):
        call(
            [
                "python3",
                "-m",
                "pip",
                "install",
                "-q",
                "--only-binary=:all:",
                "--python-version",
                "3.11",
                "--target",
                "packages",
                *client.packages,
            ],
            folder,
        )

    folder = once(f"{client.name}-{fingerprint(*client.packages)}", make)
    return ["env", f"PYTHONPATH={folder}/packages", SYSTEM_PYTHON, path]


def kcat_driver(_client):
    if shutil.which("kcat") is None:
        raise Unavailable("kcat is not installed")
    return [SYSTEM_PYTHON, DRIVERS / "python" / "kcat_driver.py"]


def java_driver(client):
    source = DRIVERS / "java" / "Driver.java"
    artifacts = [*client.packages, "org.slf4j:slf4j-nop:1.7.36"]

    def make(folder):
        dependencies = "".join(DEPENDENCY.format(*each.split(":")) for each in artifacts)
        (folder / "pom.xml").write_text(POM.format(dependencies=dependencies))
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={folder}/jars"]
        call(["mvn", "-q", "-B", *goal], folder)
        call(["javac", "-nowarn", "-cp", f"{folder}/jars/*", "-d", folder, source], folder)

    folder = once(f"java-{client.version}-{fingerprint(source, *artifacts)}", make)
    return ["java", *JAVA_OPTIONS, "-cp", f"{folder}:{folder}/jars/*", "Driver"]


def kafkajs_driver(client):
    source = DRIVERS / "javascript" / "kafkajs_driver.js"

    def make(folder):
        (folder / "package.json").write_text('{"name": "driver", "private": true}\n')
        call(["npm", "install", "--no-audit", "--no-fund", "--silent", *client.packages], folder)
        shutil.copy(source, folder)

    folder = once(f"kafkajs-{fingerprint(source, *client.packages)}", make)
    return ["node", folder / source.name]


def go_driver(client):
    own = sorted((DRIVERS / "go" / client.driver).glob("*.go"))
    sources = [DRIVERS / "go" / "protocol.go", *own]

    def make(folder):
        for source in sources:
            shutil.copy(source, folder)
        environment = {"GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"}
        call(["go", "mod", "init", "driver"], folder, environment)
        call(["go", "get", *client.packages], folder, environment)
        call(["go", "build", "-p", "1", "-o", "driver", "."], folder, environment)

    folder = once(f"{client.driver}-{fingerprint(*sources, *client.packages)}", make)
    return [folder / "driver"]


KINDS = {
    "kafka_python": lambda client: python_driver(client, "kafka_python_driver.py"),
    "confluent": lambda client: python_driver(client, "confluent_driver.py"),
    "kcat": kcat_driver,
    "java": java_driver,
    "kafkajs": kafkajs_driver,
    "franz_go": go_driver,
    "sarama": go_driver,
    "kafka_go": go_driver,
}


def command(client):
    """The words that start this client's driver; the broker's address comes after them."""
    return KINDS[client.driver](client)
