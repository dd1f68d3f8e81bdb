# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the suites: `python -m tools.suites [NAME or GROUP ...]`, all of them without arguments.

A suite is a command. It may write JUnit files to $BURROW_JUNIT_DIR, or end with a line "N passed, N failed"; otherwise
it is one test that its exit code decides. Exit code 77 means that it can't run here, for the reason in its last line.
A failed suite does not stop the others. The last line is the sum, and before it stands each failure with its reason.
The output is in tests/output/log; on a terminal, or of a suite that is named, it is shown as it comes, but that of
suites that only read the checkout, which run side by side, in one piece.
"""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import functools
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Optional

from .results import NOT_RUN, Counts, failures, last, outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

CHECKOUT = Path(__file__).resolve().parent.parent
OUTPUT = CHECKOUT / "tests/output"
BIN = CHECKOUT / ".venvs/test/bin"
PYTHON = str(BIN / "python")
# Groups that touch nothing but the checkout's caches.
READERS = {"lint", "unit", "sanity"}
# Scenarios whose VM, by this name, is a hypervisor.
HYPERVISORS = {"hypervisor": "molecule-host", "hypervisor-trouble": "molecule-host"}
# What is run by name only, and why.
ON_REQUEST = {
    "hypervisor": "no run of all its steps has passed since they changed: make test SUITES=molecule-hypervisor",
    "hypervisor-trouble": "it takes 20 minutes: make test SUITES=molecule-hypervisor-trouble",
    "catalog": "it needs the internet: make test SUITES=catalog",
}
LINKED = CHECKOUT / ".venv/collections/ansible_collections/burrow/vm"
# What runs now; each is the leader of a process group.
RUNNING: set[subprocess.Popen[str]] = set()


@dataclass(frozen=True)
class Suite:
    """One command of the test run."""

    name: str
    group: str
    command: tuple[str, ...]
    directory: Path = CHECKOUT
    # seconds after which it hangs, and is ended
    limit: int = 600
    environment: Mapping[str, str] = field(default_factory=dict)
    # why it can't run on this machine
    absent: str = ""
    # why it runs only when it is named
    on_request: str = ""

    @property
    def slug(self) -> str:
        """The name, fit for a file."""
        return self.name.replace(" ", "-")

    @property
    def log(self) -> Path:
        """Where the output is kept."""
        return OUTPUT / "log" / f"{self.slug}.log"


@dataclass(frozen=True)
class Outcome:
    """What became of a suite."""

    suite: Suite
    counts: Counts
    seconds: float
    absent: str = ""

    def __str__(self) -> str:
        if self.absent:
            return f"{self.suite.name}: not run here: {self.absent}"
        verdict = "FAILED" if self.counts.failed else "ok"
        return f"{self.suite.name} {verdict} {self.seconds:.0f} s ({self.counts})"


def scripts() -> list[str]:
    """List the shell scripts."""
    patterns = ("tools/*.sh", "extensions/molecule/*/*.sh", "tests/suites/*")
    candidates = [CHECKOUT / ".ci/run", *(file for pattern in patterns for file in sorted(CHECKOUT.glob(pattern)))]
    return [str(file) for file in candidates if file.is_file() and "sh" in file.open(errors="replace").readline()]


def lint() -> Iterator[Suite]:
    """Everything that reads the sources and runs nothing."""
    sources = [str(LINKED / part) for part in ("plugins", "tests", "tools", "extensions")]
    commands = {
        "ruff": ["ruff", "check", "."],
        "format": ["ruff", "format", "--check", "."],
        "mypy": ["mypy", *sources],
        "yamllint": ["yamllint", "--strict", "."],
        "ansible-lint": ["ansible-lint", "--nocolor", "--offline", "--profile", "production"],
        "changelog": ["antsibull-changelog", "lint"],
    }
    for name, command in commands.items():
        yield Suite(name, "lint", (str(BIN / command[0]), *command[1:]))
    yield Suite("shellcheck", "lint", ("shellcheck", "--external-sources", *scripts()))
    docs = (
        str(BIN / "antsibull-docs"),
        "lint-collection-docs",
        "--plugin-docs",
        "--validate-collection-refs",
        "self",
        ".",
    )
    yield Suite("docs", "lint", docs, LINKED)


def environments() -> dict[str, str]:
    """Name the environments that hold an ansible-core each, and why one is absent."""
    has_python = {file.parent.parent.name for file in CHECKOUT.glob(".venvs/*/bin/python")}
    own_is_new = any(CHECKOUT.glob(".venvs/test/lib/python3.1[2-9]"))
    other, needs = ("core-2.19", "3.11 to 3.13") if own_is_new else ("core-2.21", "3.12 or 3.13")
    missing = "" if other in has_python else f"no Python {needs} on PATH or in ~/.pyenv/versions"
    return {"test": "", other: missing}


def core_of(name: str) -> str:
    """Tell which ansible-core an environment holds."""
    found = next(CHECKOUT.glob(f".venvs/{name}/lib/python3.*/site-packages/ansible_core-*.dist-info"), None)
    return found.name.split("-")[1].removesuffix(".dist") if found else name.removeprefix("core-")


def ansible_test(name: str, *arguments: str) -> tuple[str, ...]:
    """Build the command of an ansible-test run."""
    return (PYTHON, "-m", "tools.ansible_test", name, *arguments)


def unit() -> Iterator[Suite]:
    """The pure layers: here, on the other ansible-core, and on the oldest Python of a hypervisor."""
    yield Suite("unit", "unit", (PYTHON, "-m", "pytest", "--quiet", "--junit-xml={junit}/pytest.xml"))
    for name, absent in environments().items():
        if name != "test":
            yield Suite(f"unit core {core_of(name)}", "unit", ansible_test(name, "units"), absent=absent)
    oldest = CHECKOUT / ".venvs/python-3.9/bin/python"
    yield Suite(
        "unit python 3.9",
        "unit",
        (str(oldest), "-m", "pytest", "--quiet", "--junit-xml={junit}/pytest.xml", "tests/unit/plugins/module_utils"),
        absent="" if oldest.exists() else "no Python 3.9 on PATH or in ~/.pyenv/versions",
    )


def sanity() -> Iterator[Suite]:
    """ansible-test's own rules, by each ansible-core."""
    for name, absent in environments().items():
        yield Suite(f"sanity core {core_of(name)}", "sanity", ansible_test(name, "sanity"), absent=absent)


def own() -> Iterator[Suite]:
    """Whatever is executable in tests/suites."""
    for file in sorted(CHECKOUT.glob("tests/suites/*")):
        if file.is_file() and os.access(file, os.X_OK):
            yield Suite(file.stem, "suites", (str(file),), limit=900, environment=guest_environment())


def guest_environment() -> dict[str, str]:
    """Keep the caller's burrow directory, ssh config and Ansible settings out of what makes guests."""
    home = CHECKOUT / ".cache/home"
    return {
        "HOME": str(home),
        "XDG_DATA_HOME": str(home / ".local/share"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".venv/collections"),
        "ANSIBLE_HOME": str(home / ".ansible"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(home / ".cp"),
    }


def live() -> Iterator[Suite]:
    """What looks at the world outside."""
    yield Suite("catalog", "live", (PYTHON, "-m", "tools.catalog"), on_request=ON_REQUEST["catalog"])


def prepared() -> Suite:
    """Make this host a hypervisor, by the role that users run."""
    command = (str(BIN / "ansible-playbook"), "burrow.vm.prepare")
    return Suite("prepare host", "prepare", command, environment=guest_environment())


def integration() -> Iterator[Suite]:
    """The modules, on this host's libvirt."""
    absent = "" if any(CHECKOUT.glob("tests/integration/targets/*")) else "no targets in tests/integration/targets"
    yield Suite("integration", "integration", ansible_test("test", "integration"), limit=1200, absent=absent)


def molecule() -> Iterator[Suite]:
    """Real guests, one scenario after the other."""
    for file in sorted(CHECKOUT.glob("extensions/molecule/*/molecule.yml")):
        name = file.parent.name
        path = f"{BIN}:{os.environ['PATH']}"
        environment = {**guest_environment(), "PYTEST_ADDOPTS": f"--junit-xml={{junit}}/{name}.xml", "PATH": path}
        command: tuple[str, ...] = (str(BIN / "molecule"), "test", "--scenario-name", name)
        if name in HYPERVISORS:
            environment["PYTHONPATH"] = str(CHECKOUT)
            command = (PYTHON, "-m", "tools.scenario", name, HYPERVISORS[name])
        on_request = ON_REQUEST.get(name, "")
        yield Suite(
            f"molecule {name}", "molecule", command, LINKED / "extensions", 3600, environment, on_request=on_request
        )


def all_suites() -> list[Suite]:
    """List every suite, the quick ones first."""
    return [*lint(), *unit(), *sanity(), *live(), prepared(), *own(), *integration(), *molecule()]


def selected(suites: Sequence[Suite], words: Sequence[str]) -> list[Suite]:
    """Choose by name or group; what needs a hypervisor brings its preparation."""
    known = {word for suite in suites for word in (suite.name, suite.slug, suite.group)}
    for word in words:
        if word not in known:
            sys.exit(f"No suite or group is named {word!r}. There are: {', '.join(sorted(known))}")
    named = [suite for suite in suites if suite.name in words or suite.slug in words]
    chosen = [suite for suite in suites if not words or suite in named or suite.group in words]
    needs_host = any(suite.group in {"suites", "integration", "molecule"} for suite in chosen)
    kept = [suite for suite in suites if suite in chosen or (needs_host and suite.group == "prepare")]
    return [suite if suite in named else replace(suite, absent=suite.absent or suite.on_request) for suite in kept]


def run(suite: Suite, *, aloud: bool) -> Outcome:
    """Run one suite; its output goes into a log, and on as it comes or when it has ended."""
    if suite.absent:
        return Outcome(suite, Counts(), 0.0, suite.absent)
    slug = suite.slug
    junit = OUTPUT / "junit" / slug
    shutil.rmtree(junit, ignore_errors=True)
    junit.mkdir(parents=True)
    extra = {name: value.replace("{junit}", str(junit)) for name, value in suite.environment.items()}
    env = {
        **os.environ,
        "LC_ALL": "C.UTF-8",
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "BURROW_CHECKOUT": str(CHECKOUT),
        "BURROW_JUNIT_DIR": str(junit),
        **extra,
    }
    started = time.monotonic()
    code, last_lines = execute([part.replace("{junit}", str(junit)) for part in suite.command], suite, env, aloud=aloud)
    seconds = time.monotonic() - started
    if code == NOT_RUN:
        return Outcome(suite, Counts(), seconds, last_lines[-1].strip() if last_lines else "no reason was given")
    return Outcome(suite, outcome(code, junit.glob("**/*.xml"), last_lines), seconds)


def execute(command: Sequence[str], suite: Suite, env: Mapping[str, str], *, aloud: bool) -> tuple[int, list[str]]:
    """Run a command in a process group of its own, so that nothing of it outlives it."""
    last_lines: collections.deque[str] = collections.deque(maxlen=20)
    suite.log.parent.mkdir(parents=True, exist_ok=True)
    with (
        suite.log.open("w") as log,
        subprocess.Popen(
            command,
            cwd=suite.directory,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process,
    ):
        RUNNING.add(process)
        timer = threading.Timer(suite.limit, end_group, (process, f"{suite.name} hangs: ended after {suite.limit} s"))
        timer.start()
        try:
            for line in process.stdout or ():
                log.write(line)
                last_lines.append(line)
                if aloud:
                    print(line, end="", flush=True)
        except KeyboardInterrupt:
            end_group(process, f"{suite.name} interrupted")
            raise
        finally:
            timer.cancel()
            RUNNING.discard(process)
    return process.returncode, list(last_lines)


def end_group(leader: subprocess.Popen[str], reason: str) -> None:
    """Interrupt a process group, and kill what is left of it after a while."""
    print(f"==> {reason}", flush=True)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            leader.wait(20)
        os.killpg(leader.pid, signal.SIGKILL)


def run_side_by_side(suites: Sequence[Suite], *, aloud: bool) -> Iterator[Outcome]:
    """Run suites at once, as many as there are CPUs; tell of them in their order."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            for item in pool.map(functools.partial(run, aloud=False), suites):
                if aloud and not item.absent:
                    print(f"==> suite {item.suite.name}", flush=True)
                    print(item.suite.log.read_text(), end="")
                yield item
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list(RUNNING):
                end_group(process, "interrupted")
            raise


def run_all(suites: Sequence[Suite], *, aloud: bool) -> Iterator[Outcome]:
    """Run the readers side by side, then the others one after the other."""
    readers = [suite for suite in suites if suite.group in READERS]
    if len(readers) > 1:
        print(f"==> side by side: {', '.join(suite.name for suite in readers)}", flush=True)
        yield from run_side_by_side(readers, aloud=aloud)
    for suite in suites:
        if len(readers) > 1 and suite in readers:
            continue
        if not suite.absent:
            print(f"==> suite {suite.name}", flush=True)
        yield run(suite, aloud=aloud)


def reasons(suite: Suite) -> Iterator[str]:
    """Tell why a suite failed: by its tests, and where none says it, by its last words."""
    found = list(failures((OUTPUT / "junit" / suite.slug).glob("**/*.xml")))
    yield from found or ["\n".join(last(suite.log.read_text().splitlines()))]


def report(outcomes: Sequence[Outcome], seconds: float) -> int:
    """Print why what failed did, one line a suite and the sum; the exit code is the verdict."""
    total = sum((item.counts for item in outcomes), Counts())
    for item in outcomes:
        if item.counts.failed:
            print(f"\n==> {item.suite.name} FAILED, the whole output is in {item.suite.log}")
            for reason in reasons(item.suite):
                print(reason)
    print(f"\n==> {len(outcomes)} suites in {seconds:.0f} s")
    for item in outcomes:
        print(f"    {item}")
    print(total, flush=True)
    (OUTPUT / "summary").write_text(f"{total}\n")
    return 1 if total.failed else 0


def main(words: Optional[Sequence[str]] = None) -> int:
    """Run what was asked for."""
    started = time.monotonic()
    outcomes = []
    named = sys.argv[1:] if words is None else words
    try:
        for item in run_all(selected(all_suites(), named), aloud=bool(named) or sys.stdout.isatty()):
            print(f"==> suite {item}", flush=True)
            outcomes.append(item)
    except KeyboardInterrupt:
        return 130
    return report(outcomes, time.monotonic() - started)


if __name__ == "__main__":
    # Whoever starts this in the background of a shell has it ignored, and suites that send it would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main())
