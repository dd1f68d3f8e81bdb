# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/from-a-laptop-to-a-server.md: its commands, typed in order by somebody who has the files that it shows."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ..conftest import BURROW, CHECKOUT, LAPTOP, PASSWORD, inventory_copy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PAGE = (CHECKOUT / "docs/from-a-laptop-to-a-server.md").read_text()
# Commands, and what they put out where the page shows it.
_COMMANDS = re.compile(r"^```sh\n(.*?)^```\n(?:\n```\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"^`(ansible\.cfg)`:\n\n```ini\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
_ANSWERS = ((re.compile(r"BECOME password: $"), PASSWORD), (re.compile(r"Vault password: $"), "vault-canary"))
_SECONDS = 240


@dataclass(frozen=True)
class Terminal:
    """A terminal at the laptop, with somebody before it who knows the passwords."""

    directory: Path
    environment: Mapping[str, str]

    def type(self, command: str) -> tuple[int, str]:
        """Run shell commands; their exit code and whatever they put out."""
        ours, theirs = os.openpty()
        # Ansible asks the controlling terminal, whatever its standard input is.
        shell = ["setsid", "--ctty", "--wait", "bash", "-eu", "-c", command]
        with (
            open(ours, "r+b", buffering=0) as keyboard,
            subprocess.Popen(
                shell, cwd=self.directory, env=dict(self.environment), stdin=theirs, stdout=theirs, stderr=theirs
            ) as process,
        ):
            os.close(theirs)
            try:
                output = _converse(keyboard, process)
                return process.wait(timeout=10), output.replace("\r\n", "\n")
            finally:
                process.kill()


def _converse(keyboard: Any, process: subprocess.Popen[bytes]) -> str:
    output, answered = "", 0
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        if not select.select([keyboard], [], [], 0.1)[0]:
            # A command that it left in the background may keep the terminal.
            if process.poll() is not None:
                break
            continue
        try:
            output += keyboard.read(65536).decode(errors="replace")
        except OSError:  # nobody has the terminal any more
            break
        for prompt, answer in _ANSWERS:
            if prompt.search(output, answered):
                keyboard.write(f"{answer}\n".encode())
                answered = len(output)
    return output


@pytest.fixture(scope="module")
def terminal() -> Iterator[Terminal]:
    """A directory with the page's files, and ssh as it is where HOME is what the user database says."""
    with tempfile.TemporaryDirectory(prefix="burrow-") as scratch:
        directory, programs, sockets = (Path(scratch) / name for name in ("infra", "bin", "cp"))
        directory.mkdir()
        programs.mkdir()
        inventory_copy(directory, without=("unattended.yml",))
        for path, text in _FILE.findall(PAGE):
            (directory / path).write_text(text)
        for name in ("ssh", "scp"):
            _program(programs / name, f'exec {shutil.which(name)} -F "$HOME/.ssh/config" "$@"')
        _program(programs / "editor", f'echo "ansible_become_password: {PASSWORD}" >"$1"')
        kept = ("LANG", "LC_ALL", "MOLECULE_EPHEMERAL_DIRECTORY", "TMPDIR", "USER", "XDG_DATA_HOME")
        yield Terminal(
            directory,
            {
                **{name: value for name, value in os.environ.items() if name in kept},
                "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".venv/collections"),
                "ANSIBLE_NOCOLOR": "true",
                # A socket's path may have 108 bytes.
                "ANSIBLE_SSH_CONTROL_PATH_DIR": str(sockets),
                "EDITOR": str(programs / "editor"),
                "HOME": str(LAPTOP),
                "PATH": f"{programs}:{os.environ['PATH']}",
                "TERM": "dumb",
            },
        )
        for socket in sockets.glob("*"):
            end = ["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "any"]
            subprocess.run(end, capture_output=True, check=False)


def _program(file: Path, line: str) -> None:
    file.write_text(f"#!/bin/sh\n{line}\n")
    file.chmod(0o755)


def blocks() -> Iterator[Any]:
    for match in _COMMANDS.finditer(PAGE):
        line = PAGE.count("\n", 0, match.start()) + 1
        yield pytest.param(match[1], match[2] or "", id=f"line {line}: {match[1].splitlines()[0][:60]}")


def like(line: str) -> re.Pattern[str]:
    """What a line of the page stands for: blanks and numbers may differ, and ... is anything."""
    words = [re.escape(word).replace(r"\.\.\.", ".*") for word in line.split()]
    return re.compile(re.sub(r"\d+", r"\\d+", r"\s+".join(words)))


@pytest.mark.parametrize(("command", "shown"), list(blocks()))
def test_its_commands_do_what_it_says(terminal: Terminal, command: str, shown: str) -> None:
    code, output = terminal.type(command)
    print(output)
    assert (code != 0) == ("FAILED" in shown), output[-6000:]
    assert PASSWORD not in output
    # HOME is not what the user database says, so the way to a VM is told for any ssh.
    lines = output.replace(f"ssh -F {BURROW}/ssh_config", "ssh").splitlines()
    for line in shown.splitlines():
        assert any(like(line).search(said) for said in lines), f"{line!r} is not in {output[-6000:]}"
    if "--check" not in command:
        # The scenario has made all of it before.
        assert set(re.findall(r"changed=(\d+)", output)) <= {"0"}, output[-6000:]


def test_what_it_left_on_the_laptop_is_the_callers() -> None:
    files = {file.name: file.stat() for file in BURROW.iterdir()}
    assert BURROW.stat().st_mode & 0o777 == 0o700
    assert {name for name, status in files.items() if status.st_uid != os.getuid()} == set()
    assert {name: status.st_mode & 0o777 for name, status in files.items() if name in ("ssh_config", "id_ed25519")} == {
        "ssh_config": 0o600,
        "id_ed25519": 0o600,
    }
    assert (LAPTOP / ".ssh/config").read_text().splitlines()[0] == f'Include "{BURROW}/ssh_config"'
