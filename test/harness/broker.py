"""One broker process with a generated server.properties."""

import pathlib
import time

from harness import places
from harness.ports import free_port
from harness.process import Process

STARTED = r"started \(kafka\.server\.KafkaServer\)"
# What no run may leave in a broker's log, whatever it was tested for.
NEVER = (
    r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|SUMMARY: \w+Sanitizer|: runtime error: |"
    r"VERIFY failed|check failed|terminate called|Assertion .* failed"
)
SANITIZER_ENVIRONMENT = {
    "ASAN_OPTIONS": "abort_on_error=0:exitcode=99:detect_leaks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:exitcode=99",
    "TSAN_OPTIONS": "exitcode=99:halt_on_error=0:second_deadlock_stack=1"
    f":suppressions={places.ROOT}/test/harness/tsan.supp",
    "LSAN_OPTIONS": "exitcode=99",
}
TERMINATED = 128 + 15


class Broker:
    def __init__(
        self,
        directory,
        zookeeper_connect,
        broker_id=0,
        settings=None,
        port=None,
        binary=None,
        environment=None,
        log_dirs=None,
    ):
        """settings: further lines of server.properties; a value of None leaves a line out."""
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.broker_id = broker_id
        self.port = port or free_port()
        self.binary = pathlib.Path(binary or places.SERVER)
        self.log_dirs = [pathlib.Path(d) for d in log_dirs or [self.directory / "data"]]
        self.environment = environment or {}
        self.process = None
        self.start_seconds = None
        self._incarnations = 0
        # Whether a test has asked for its end, or expects it.
        self._end_wanted = False
        self._settings = {
            "broker.id": broker_id,
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "log.dirs": ",".join(str(d) for d in self.log_dirs),
            "zookeeper.connect": zookeeper_connect,
            "zookeeper.session.timeout.ms": 6000,
            "offsets.topic.replication.factor": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
        }
        self.set(**(settings or {}))

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def properties_file(self):
        return self.directory / "server.properties"

    def set(self, **settings):
        """Changes settings for the next start."""
        self._settings.update(settings)

    def write_properties(self):
        lines = [f"{key}={value}\n" for key, value in self._settings.items() if value is not None]
        self.properties_file.write_text("".join(lines))
        return self.properties_file

    def start(self, wait=True, arguments=(), timeout_s=None):
        assert self.process is None or not self.process.running(), "the broker runs already"
        self.write_properties()
        self._end_wanted = False
        self._incarnations += 1
        (self.directory / "logs").mkdir(exist_ok=True)
        began = time.monotonic()
        self.process = Process(
            [self.binary, self.properties_file, *arguments],
            self.directory / f"broker-{self._incarnations}.log",
            environment={
                "LOG_DIR": str(self.directory / "logs"),
                **SANITIZER_ENVIRONMENT,
                **self.environment,
            },
        )
        if wait:
            self.wait_started(timeout_s)
            self.start_seconds = time.monotonic() - began
        return self

    @property
    def log(self):
        return self.process.log

    def wait_started(self, timeout_s=None):
        return self.log.wait_for(STARTED, timeout_s or 30 * places.SLOWNESS)

    def fail_to_start(self, *needles, arguments=(), timeout_s=30):
        """Starts and must end with 1, after one line that holds every needle (any case)."""
        self.start(wait=False, arguments=arguments)
        code = self.wait(timeout_s)
        printed = self.log.lines()
        tail = "\n".join(printed[-15:])
        assert code == 1, f"exit code {code}, not 1:\n{tail}"
        telling = [x for x in printed if all(n.lower() in x.lower() for n in needles)]
        assert telling, f"no line with {needles} in:\n{tail}"
        # Once in the log, once on stderr.
        assert len(telling) <= 2, f"said {len(telling)} times:\n{tail}"
        return telling[-1]

    def running(self):
        return self.process is not None and self.process.running()

    def terminate(self, timeout_s=60):
        """SIGTERM; returns the exit code, 143 when all is well."""
        self._end_wanted = True
        code = self.process.terminate(timeout_s * places.SLOWNESS)
        self.assert_clean()
        return code

    def stop(self):
        code = self.terminate()
        assert code == TERMINATED, f"exit code {code}, not {TERMINATED}: see {self.log.path}"

    def kill(self):
        self._end_wanted = True
        code = self.process.kill()
        self.assert_clean()
        return code

    def restart(self):
        self.stop()
        return self.start()

    def wait(self, timeout_s=30):
        """For a broker that ends by itself."""
        self._end_wanted = True
        code = self.process.wait(timeout_s * places.SLOWNESS)
        self.assert_clean()
        return code

    def pause(self):
        self.process.pause()

    def resume(self):
        self.process.resume()

    def assert_clean(self):
        found = self.log.lines(NEVER)
        assert not found, f"in {self.log.path}:\n" + "\n".join(found[:20])

    def close(self):
        """The end of a test: a broker that still runs must go down in order."""
        if self.process is None:
            return
        if self.process.running():
            code = self.terminate()
            assert code == TERMINATED, f"exit code {code} after SIGTERM: see {self.log.path}"
        self.assert_clean()
        assert self._end_wanted, f"ended by itself: see {self.log.path}"
