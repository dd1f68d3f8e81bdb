# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ansible-test on a copy of the checkout: `python -m tools.ansible_test ENVIRONMENT KIND [ARGUMENT ...]`.

ENVIRONMENT is a directory of .venvs, KIND is sanity, units or integration. ansible-test wants the collection at
.../ansible_collections/burrow/vm and fails on a link. It gets a HOME of its own below .cache, so that nothing is left
in the caller's.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CHECKOUT = Path(__file__).resolve().parent.parent
CACHE = CHECKOUT / ".cache"
HOME = CACHE / "home"

# In its virtual environments for sanity ansible-test wants pip from a get-pip.py that it downloads from a host of its
# own. Every Python here can make pip by itself, so this takes that file's place. Core 2.19 and 2.21 name it so:
GET_PIP = ("get_pip_24_2.py", "get_pip_25_2.py")
GET_PIP_SOURCE = """\
import ensurepip
import runpy
import sys

ensurepip.bootstrap()
own = {"--no-setuptools", "--no-wheel"}  # get-pip.py's, not pip's
sys.argv = ["pip", "install", *[argument for argument in sys.argv[1:] if argument not in own]]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""

RAN = re.compile(r"^Running (\S+) integration test (?:role|script)")
FAILED = re.compile(r"^FATAL: The (\d+) integration test\(s\) listed below \(out of (\d+)\) failed")


def git_files() -> list[str]:
    """List what is tracked or would be, without what is deleted in the work tree."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted(name for name in set(names) if name and (CHECKOUT / name).exists())


def copy_checkout(target: Path) -> None:
    """Make the target hold the checkout's files and no others."""
    shutil.rmtree(target, ignore_errors=True)
    for name in git_files():
        destination = target / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / name, destination, follow_symlinks=False)
    # Without a repository of its own ansible-test asks the checkout's, which ignores .cache and so lists nothing.
    subprocess.run(["git", "init", "--quiet"], cwd=target, check=True)


def pip_settings() -> dict[str, str]:
    """Read what pip was told in files and in the environment; ansible-test drops the latter."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True
    ).stdout
    settings: dict[str, str] = {}
    for line in listed.splitlines():
        key, value = line.split("=", 1)
        section, name = key.rsplit(".", 1)
        if section in {"global", "install", ":env:"}:
            settings[name] = value.strip("'").replace("\\n", " ")
    return settings


def prepare_home() -> None:
    """Make the HOME of the suites: pip's settings and a get-pip.py that needs no download."""
    cache = HOME / ".ansible/test/cache"
    cache.mkdir(parents=True, exist_ok=True)
    for name in GET_PIP:
        replace(cache / name, GET_PIP_SOURCE)
    lines = ["[global]", *(f"{name} = {value}" for name, value in sorted(pip_settings().items()))]
    replace(HOME / ".config/pip/pip.conf", "\n".join(lines) + "\n")


def replace(path: Path, content: str) -> None:
    """Write beside and rename, as another run may be reading; for our eyes only, as an index may need a password."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as file:
        file.write(content)
    Path(name).replace(path)


def environment(python: Path) -> dict[str, str]:
    """Give ansible-test its HOME and its Python, and nothing of Ansible's from outside."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "XDG_", "PYTHON"))}
    return {**kept, "HOME": str(HOME), "LC_ALL": "C.UTF-8", "PATH": f"{python.parent}:{os.environ['PATH']}"}


def arguments(kind: str, version: str) -> list[str]:
    """Say what each kind of run needs beyond its name."""
    common = ["ansible-test", kind, "--color", "no"]
    if kind == "integration":
        # Modules run under the distribution's Python, which has libvirt, as they do on a hypervisor.
        target = subprocess.run(
            ["/usr/bin/python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        return [
            *common,
            *("--controller", f"origin:python={version}"),
            *("--target", f"controller:python={target}@/usr/bin/python3"),
            *("--allow-destructive", "--continue-on-error"),
        ]
    return [*common, "--python", version] + (["--junit"] if kind == "sanity" else [])


def stream(command: Sequence[str], cwd: Path, env: dict[str, str]) -> Iterator[str]:
    """Run a command, pass its output on, and yield it line by line; the last item is the exit code."""
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe, two lines above
        for line in process.stdout:
            print(line, end="", flush=True)
            yield line
    yield str(process.returncode)


def targets_summary(lines: Sequence[str]) -> str:
    """Count integration targets: those that ran, and those in ansible-test's closing list."""
    ran = {found[1] for found in map(RAN.match, lines) if found}
    failed = next((int(found[1]) for found in map(FAILED.match, lines) if found), 0)
    return f"{len(ran) - failed} passed, {failed} failed"


def collect_junit(copy: Path) -> int:
    """Put JUnit files where the runner of the suites looks for them, and count them."""
    target = os.environ.get("BURROW_JUNIT_DIR")
    files = list((copy / "tests/output/junit").glob("*.xml"))
    for file in files if target else ():
        shutil.copy2(file, str(target))
    return len(files)


def main() -> int:
    """Run it."""
    name, kind, *extra = sys.argv[1:]
    python = CHECKOUT / ".venvs" / name / "bin/python"
    version = json.loads(
        subprocess.run(
            [python, "-c", "import json, sys; print(json.dumps('%d.%d' % sys.version_info[:2]))"],
            check=True,
            capture_output=True,
        ).stdout
    )
    tree = CACHE / f"ansible-test-{name}-{kind}"
    copy = tree / "ansible_collections/burrow/vm"
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"{tree.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        copy_checkout(copy)
        prepare_home()
        *lines, code = stream([*arguments(kind, version), *extra], copy, environment(python))
        if kind == "integration":
            print(targets_summary(lines))
        elif not collect_junit(copy):
            # ansible-test is content when it finds nothing to do; here that means that it looked in the wrong place.
            sys.exit("ansible-test ran no test")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
