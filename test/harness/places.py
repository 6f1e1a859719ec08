"""Where things are: this tree, the installation under test, caches that outlive a run."""

import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The installation that every end-to-end test uses; another one by BARNABAS_TEST_DIST.
DIST = pathlib.Path(os.environ.get("BARNABAS_TEST_DIST", ROOT / "dist"))
# Another broker binary, such as one built with sanitizers.
SERVER = pathlib.Path(os.environ.get("BARNABAS_TEST_SERVER", DIST / "libexec" / "barnabas-server"))
# Programs that tests need beside the installation, built with it.
BUILD = pathlib.Path(os.environ.get("BARNABAS_TEST_BUILD", ROOT / "build" / "release"))
CACHE = (
    pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "barnabas-test"
)
# ZooKeeper, and a logger, which its own class path lacks.
ZOOKEEPER_CLASS_PATH = ":".join(
    f"/usr/share/java/{name}.jar" for name in ("zookeeper", "slf4j-log4j12", "log4j-1.2")
)

# Full sizes of the long checks; without it they are cut to what fits a run on every change.
FULL = os.environ.get("BARNABAS_FULL") == "1"
# A sanitized binary runs several times slower: limits stretch by this.
SANITIZED = "BARNABAS_TEST_SERVER" in os.environ
SLOWNESS = 5 if SANITIZED else 1


def sized(short, full):
    return full if FULL else short
