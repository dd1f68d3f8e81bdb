# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the collection's playbooks on this host, as a person would, but with a home of their own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CHECKOUT = Path(__file__).resolve().parents[2]
DATA = Path("/var/lib/burrow")
_RECAP = re.compile(r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)
_FATAL = re.compile(r"^(?:fatal|failed): \[([^]]+?)(?: -> [^]]+)?\][^=\n]*=> (?=\{)", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """What came of one ansible-playbook."""

    code: int
    output: str
    seconds: float

    @property
    def changed(self) -> dict[str, int]:
        return {host: int(changed) for host, _ok, changed, _unreachable, _failed in _RECAP.findall(self.output)}

    @property
    def failed(self) -> set[str]:
        return {
            host
            for host, _ok, _changed, unreachable, failed in _RECAP.findall(self.output)
            if int(unreachable) or int(failed)
        }

    @property
    def messages(self) -> dict[str, list[str]]:
        """What each host's failed tasks said."""
        found: dict[str, list[str]] = {}
        for match in _FATAL.finditer(self.output):
            result, _end = json.JSONDecoder().raw_decode(self.output, match.end())
            found.setdefault(match[1], []).append(str(result.get("msg", "")))
        return found

    @property
    def why(self) -> str:
        """What went wrong, short enough for the end of a test run: messages, and the last lines of the consoles."""
        told = [f"{host}: {message}" for host, messages in self.messages.items() for message in messages]
        for match in _FATAL.finditer(self.output):
            result, _end = json.JSONDecoder().raw_decode(self.output, match.end())
            told += [f"{match[1]} console: {line}" for line in result.get("console", [])]
        return "\n".join([f"exit code {self.code} after {self.seconds:.0f} s", *told])


@dataclass(frozen=True)
class Controller:
    """A person's home directory, and the commands run from it."""

    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        return self.home / ".local/share/burrow"

    def command(self, playbook: str, *arguments: str) -> list[str]:
        return [str(Path(sys.executable).parent / "ansible-playbook"), playbook, *arguments]

    def start(
        self, command: list[str], directory: Path | None = None, output: IO[str] | int = subprocess.PIPE
    ) -> subprocess.Popen[str]:
        """Start a command in a process group of its own."""
        return subprocess.Popen(
            command,
            cwd=directory or self.home,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )

    def play(self, playbook: str, *arguments: str, directory: Path | None = None, limit: float = 400) -> Run:
        """Run a playbook to its end."""
        return self.run(self.command(playbook, *arguments), directory, limit)

    def run(self, command: list[str], directory: Path | None = None, limit: float = 400) -> Run:
        """Run a command to its end; its output is also the test's."""
        started = time.monotonic()
        with self.start(command, directory) as process:
            try:
                output, dummy = process.communicate(timeout=limit)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        print(output)
        return Run(process.returncode, output, time.monotonic() - started)

    def ssh(self, guest: str, command: str) -> str:
        """Log in as a person does. ssh reads the home directory of the account, never $HOME, so the config is named."""
        config = str(self.home / ".ssh/config")
        # A guest that restarts takes packets and answers none.
        options = ["-F", config, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "ConnectTimeout=10"]
        result = subprocess.run(
            ["ssh", *options, guest, command],
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout


def extra(**variables: Any) -> tuple[str, str]:
    """Extra variables, as JSON so that types stay."""
    return ("--extra-vars", json.dumps(variables))


def inventory(directory: Path, guests: Mapping[str, Mapping[str, Any]], hosts: Mapping[str, Any] | None = None) -> str:
    """Write an inventory; JSON is YAML."""
    file = directory / "inventory.yml"
    file.write_text(json.dumps({"burrow_guests": {"hosts": guests}, "ungrouped": {"hosts": hosts or {}}}))
    return str(file)


def virsh(*arguments: str) -> str:
    """Ask libvirt, and not the code under test."""
    command = ["virsh", "--quiet", "--connect", "qemu:///system", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def domains() -> set[str]:
    return set(virsh("list", "--all", "--name").split())


def host_state() -> dict[str, object]:
    """What a run could have made on this host. Guests that run meanwhile change their disks, so files are names."""
    files = {str(file) for file in DATA.rglob("*") if "locks" not in file.parts}
    return {"domains": domains(), "networks": virsh("net-list", "--all", "--name").split(), "files": files}


def leftovers(guest: str) -> list[str]:
    """Whatever still bears the name of a guest that is gone."""
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
    found = [line for line in processes if f"guests/{guest}/" in line or f"guest={guest}," in line]
    places = (
        DATA / "guests",
        Path("/run/burrow/shares"),
        Path("/etc/libvirt/qemu"),
        Path("/var/lib/libvirt/qemu/nvram"),
    )
    for place in places:
        if place.is_dir():
            found += [str(file) for file in place.iterdir() if file.name.split(".")[0].removesuffix("_VARS") == guest]
    found += [line for line in Path("/proc/mounts").read_text().splitlines() if f"/shares/{guest}/" in line]
    return found + [f"domain {name}" for name in domains() if name == guest]


def keep_consoles(*guests: str) -> None:
    """Keep the console logs of guests that are about to go, for whoever has to find out why a test failed."""
    kept = CHECKOUT / "tests/output/console"
    kept.mkdir(parents=True, exist_ok=True)
    for guest in guests:
        console = DATA / "guests" / guest / "console.log"
        if console.exists():
            shutil.copyfile(console, kept / f"{guest}.log")


@pytest.fixture(scope="module")
def controller() -> Iterator[Controller]:
    """Give a module a home directory that disappears with it."""
    with tempfile.TemporaryDirectory(prefix="burrow-") as home:
        Path(home).chmod(0o755)
        kept = {"LC_ALL", "LANG", "PATH", "PIP_CONFIG_FILE", "TMPDIR", "USER"}
        environment = {
            **{name: value for name, value in os.environ.items() if name in kept},
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".venv/collections"),
            "ANSIBLE_FORKS": "16",
            # A socket's path may have 108 bytes.
            "ANSIBLE_SSH_CONTROL_PATH_DIR": f"{home}/cp",
            "ANSIBLE_REMOTE_TMP": f"{home}/.ansible/tmp",
            "HOME": home,
            "LC_ALL": "C.UTF-8",
            "NO_COLOR": "1",
            "XDG_DATA_HOME": f"{home}/.local/share",
        }
        yield Controller(Path(home), environment)
