# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hypervisor and its VMs, looked at from the controller: by the playbooks, and by plain SSH past them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import testinfra
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENARIO = Path(__file__).resolve().parent.parent
CHECKOUT = SCENARIO.parents[2]
SCRATCH = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
BURROW = Path(os.environ["XDG_DATA_HOME"]) / "burrow"
INVENTORY = SCENARIO / "inventory"
HYPERVISOR = "server.example.org"
GUEST = "web"
# The hypervisor as the VM that it is: its user needs no password.
OUTER = "molecule-host"
LAPTOP = SCRATCH / "laptop"
PASSWORD = "sudo-canary"
VIRSH = "virsh --quiet --connect qemu:///system"
FOREIGN = "molecule-foreign"
FOREIGN_XML = f"""<domain type="kvm"><name>{FOREIGN}</name><memory unit="MiB">64</memory><vcpu>1</vcpu>
<os><type arch="x86_64" machine="q35">hvm</type></os><devices/></domain>"""


def environment() -> dict[str, str]:
    """Ansible as in a checkout."""
    return {
        **os.environ,
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".venv/collections"),
        "ANSIBLE_PIPELINING": "true",
        # Molecule asks for colours, whatever the terminal.
        "ANSIBLE_FORCE_COLOR": "false",
        "ANSIBLE_NOCOLOR": "true",
    }


def run(*command: str, limit: int = 120, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the controller. more is environment."""
    env = {**environment(), **more}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=limit)


def play(book: str, *arguments: str, inventory: Path = INVENTORY, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a playbook of the collection as a user would."""
    command = ("ansible-playbook", f"--inventory={inventory}", f"burrow.vm.{book}", *arguments)
    return run(*command, limit=600, **more)


def inventory_copy(directory: Path, *, guest: str | None = None, without: tuple[str, ...] = ()) -> Path:
    """Copy the inventory: with another VM instead of its own, or without some of its files."""
    copy = directory / "inventory"
    shutil.copytree(INVENTORY, copy, ignore=shutil.ignore_patterns(*without))
    if guest is not None:
        hosts = yaml.safe_load((copy / "hosts.yml").read_text())
        hosts["burrow_guests"]["hosts"] = {guest: {}}
        (copy / "hosts.yml").write_text(yaml.safe_dump(hosts))
    return copy


def good(done: subprocess.CompletedProcess[str]) -> str:
    """Expect success, and return the output."""
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def warned(done: subprocess.CompletedProcess[str]) -> str:
    """Expect success, and return what it warns of, without line breaks."""
    good(done)
    return " ".join(done.stderr.split())


def unchanged(done: subprocess.CompletedProcess[str]) -> str:
    """Expect success without any change."""
    output = good(done)
    counts = re.findall(r"changed=(\d+)", output)
    assert counts, output
    assert set(counts) == {"0"}, output
    return output


def task(module: str, arguments: dict[str, Any], *, check: bool = False) -> dict[str, Any]:
    """Run one module on the hypervisor, with become, and return its result."""
    command = ["ansible", HYPERVISOR, f"--inventory={INVENTORY}", "--become", "--module-name", module]
    command += ["--args", json.dumps(arguments)] if arguments else []
    done = run(*command, *(["--check"] if check else []), ANSIBLE_CALLBACK_RESULT_FORMAT="json")
    assert "=> {" in done.stdout, done.stdout + done.stderr
    result: dict[str, Any]
    result, _end = json.JSONDecoder().raw_decode(done.stdout, done.stdout.index("=> {") + 3)
    return result


def ssh(name: str, command: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Log in as a person does who was given the ssh configuration."""
    fixed = ("-F", str(BURROW / "ssh_config"), "-o", "BatchMode=yes")
    return run("ssh", *fixed, *options, name, command)


def remember(name: str, **facts: str) -> None:
    """Keep facts about a machine for a later step of the scenario."""
    (SCRATCH / f"{name}.json").write_text(json.dumps(facts))


def remembered(name: str) -> dict[str, str]:
    """Read what an earlier step kept."""
    facts: dict[str, str] = json.loads((SCRATCH / f"{name}.json").read_text())
    return facts


@pytest.fixture(scope="session")
def connections() -> Iterator[dict[str, Any]]:
    """Keep one connection per machine: under emulation each handshake takes a second."""
    with tempfile.TemporaryDirectory(prefix="burrow-") as sockets:
        yield {
            name: testinfra.get_host(
                f"ssh://{name}",
                ssh_config=str(BURROW / "ssh_config"),
                ssh_extra_args="-o BatchMode=yes -o StrictHostKeyChecking=yes",
                controlpath=f"{sockets}/%%C",
            )
            for name in (OUTER, GUEST)
        }


@pytest.fixture
def hypervisor(connections: dict[str, Any]) -> Iterator[Any]:
    """The hypervisor as root, by the user that every VM of ours has: the inventory's login needs a password."""
    host = connections[OUTER]
    with host.sudo():
        yield host


@pytest.fixture
def beyond(hypervisor: Any) -> str:
    """A command that reaches beyond the hypervisor by TCP, within seconds or not at all: ufw lets pings pass."""
    gateway = hypervisor.check_output("ip -4 route show default").split()[2]
    return f"timeout 5 bash -c 'exec 3<> /dev/tcp/{gateway}/53'"


@pytest.fixture
def foreign(hypervisor: Any) -> Iterator[str]:
    """A running domain that somebody else made, as its XML."""
    hypervisor.check_output(f"echo '{FOREIGN_XML}' > /tmp/foreign.xml && {VIRSH} create /tmp/foreign.xml")
    yield hypervisor.check_output(f"{VIRSH} dumpxml {FOREIGN}")
    hypervisor.run(f"{VIRSH} destroy {FOREIGN}")


@pytest.fixture
def shared(connections: dict[str, Any]) -> Any:
    """The VM, as its user."""
    return connections[GUEST]
