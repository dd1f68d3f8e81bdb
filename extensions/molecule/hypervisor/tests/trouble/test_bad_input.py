# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server may refuse, lack or have wrong: said with its remedy, quickly, and to the guests that it is about."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ..conftest import BURROW, GUEST, HYPERVISOR, INVENTORY, OUTER, PASSWORD, SCRATCH, environment, good, play, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

# Logins that the server has for this file alone.
OUTSIDER, NO_SUDO = "bad-outside", "bad-without"
# The account that every Linux has for this. Not every one knows it by name.
NOBODY = 65534
# How long a run may take in which one server never answers: Ansible waits ten seconds for it.
QUICKLY = 90


@dataclass(frozen=True)
class Run:
    """What came of one playbook, and in how many seconds."""

    code: int
    output: str
    seconds: float
    modules: Counter[str] = field(default_factory=Counter)

    def said(self, guest: str) -> str:
        """What the failed tasks of a guest said."""
        found = re.finditer(
            rf"^fatal: \[{re.escape(guest)}(?: -> [^]]+)?\]: \w+! => (?=\{{)", self.output, re.MULTILINE
        )
        return " ".join(json.JSONDecoder().raw_decode(self.output, match.end())[0].get("msg", "") for match in found)

    def failed(self) -> set[str]:
        recap = self.output[self.output.rindex("PLAY RECAP") :]
        found = re.findall(r"^(\S+) .*unreachable=(\d+) +failed=(\d+)", recap, re.MULTILINE)
        return {name for name, unreachable, failed in found if unreachable != "0" or failed != "0"}


def variables_of(host: str) -> dict[str, Any]:
    """What the inventory says about a host, templates as they are."""
    done = run("ansible-inventory", f"--inventory={INVENTORY}", "--host", host)
    found: dict[str, Any] = json.loads(good(done))
    return found


def listed(path: Path, guests: Mapping[str, Mapping[str, Any]], hosts: Mapping[str, Any] | None = None) -> str:
    """An inventory to be given beside the scenario's. JSON is YAML."""
    path.write_text(json.dumps({"burrow_guests": {"hosts": guests}, "ungrouped": {"hosts": hosts or {}}}))
    return f"--inventory={path}"


def timed(book: str, *arguments: str) -> Run:
    start = time.monotonic()
    done = play(book, *arguments, ANSIBLE_CALLBACK_RESULT_FORMAT="json")
    print(done.stdout, done.stderr)
    return Run(done.returncode, done.stdout + done.stderr, time.monotonic() - start)


class Journal:
    """Which modules ran on the hypervisor since this was made, by its own journal."""

    def __init__(self, root: Callable[[str], str]) -> None:
        self._root = root
        # By the socket that modules write to, too, so that it keeps its place among them.
        self._mark = uuid.uuid4().hex
        root(f"logger {self._mark}")

    def modules(self) -> Counter[str]:
        lines = self._root("journalctl --sync; journalctl --quiet --boot").partition(self._mark)[2]
        return Counter(re.findall(r"ansible-(?:burrow\.vm\.)?(\S+)\[\d+\]: Invoked with", lines))


# Past the ssh configuration, which knows the server's key, and its login's.
APART = "-F /dev/null -o HostKeyAlias=server -o GlobalKnownHostsFile=/dev/null -o UserKnownHostsFile={known}"
# How a server can't be worked on -> (what is otherwise than in the inventory, parts of the message)
ACCESS: Mapping[str, tuple[Mapping[str, str], tuple[str, ...]]] = {
    "refused": (
        {"ansible_host": "127.0.0.1", "ansible_port": "1"},
        ("nothing answers by SSH there", "ansible_host and ansible_port"),
    ),
    # The firewall drops it.
    "silent": (
        {"ansible_port": "2222", "ansible_timeout": "10"},
        ("nothing answers by SSH there", "See whether it runs"),
    ),
    "nameless": ({"ansible_host": "nowhere.invalid"}, ("its name has no address", "State ansible_host")),
    "unknown": (
        {"ansible_host": "{address}", "ansible_ssh_common_args": APART.format(known="/dev/null")},
        ("isn't in your known_hosts", "pins keys of guests only", "accept it once, with `ssh`"),
    ),
    "exchanged": (
        {"ansible_host": "{address}", "ansible_ssh_common_args": APART.format(known="{other}")},
        ("isn't the one in your known_hosts", "ssh-keygen -R"),
    ),
    "locked": (
        {
            "ansible_host": "{address}",
            "ansible_ssh_common_args": APART.format(known="{known}"),
            "ansible_ssh_private_key_file": "{key}",
        },
        ("SSH refuses the login", "ansible_ssh_private_key_file"),
    ),
    "wrong": ({"ansible_become_password": "nonsense"}, ("the password for sudo is wrong", "ansible_become_password")),
    "unasked": ({"ansible_become_password": ""}, ("sudo asks for a password", "-K (--ask-become-pass)")),
    "outside": ({"ansible_user": OUTSIDER}, ("sudo doesn't let this user become root", "another ansible_user")),
    "without": ({"ansible_user": NO_SUDO}, ("sudo is not installed", "ansible_become=false")),
    "speechless": (
        {"ansible_python_interpreter": "/opt/none/python3"},
        ("Python is not there", "ansible_python_interpreter"),
    ),
}
# On the server that is well.
TOO_LARGE = ("bad-large-1", "bad-large-2", "bad-large-3")


@pytest.fixture(scope="module")
def root(connections: dict[str, Any]) -> Callable[[str], str]:
    """Runs a script on the hypervisor as root, past what is tested."""

    def script(text: str) -> str:
        with connections[OUTER].sudo():
            return str(connections[OUTER].check_output("sh -euc %s", text))

    return script


LOGINS = f"""
for name in {OUTSIDER} {NO_SUDO}; do
  useradd --create-home --shell /bin/sh $name
  install -d -o $name /home/$name/.ssh
done
echo {OUTSIDER}:{PASSWORD} | chpasswd
mkdir /run/bad-programs
ln -s /usr/bin/* /run/bad-programs
rm /run/bad-programs/sudo
cat ~LOGIN/.ssh/authorized_keys > /home/{OUTSIDER}/.ssh/authorized_keys
sed 's,^,command="PATH=/run/bad-programs exec /bin/sh -c \\\\"$SSH_ORIGINAL_COMMAND\\\\"" ,' \
  ~LOGIN/.ssh/authorized_keys > /home/{NO_SUDO}/.ssh/authorized_keys
"""
NO_LOGINS = f"""
rm -rf /run/bad-programs
for name in {OUTSIDER} {NO_SUDO}; do
  ! id $name 2> /dev/null || userdel --force --remove $name 2> /dev/null
done
"""


@pytest.fixture(scope="module")
def access(root: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """One run with a guest on each of those servers, and with some on the one that is well."""
    scratch = tmp_path_factory.mktemp("access")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(scratch / "key"))
    address = re.search(rf"Host {OUTER}\n\s+HostName (\S+)", (BURROW / "ssh_config").read_text())
    pinned = re.search(rf"^burrow-{OUTER} (.*)$", (BURROW / "known_hosts").read_text(), re.MULTILINE)
    assert address
    assert pinned
    (scratch / "known").write_text(f"server {pinned[1]}\n")
    (scratch / "other").write_text(f"server {(scratch / 'key.pub').read_text()}")
    names = {"address": address[1], **{name: str(scratch / name) for name in ("key", "known", "other")}}
    # Under emulation a login takes seconds.
    well = {"ansible_host": HYPERVISOR, "ansible_timeout": 60, **variables_of(HYPERVISOR)}
    hosts = {
        f"server-{case}": {**well, **{key: value.format(**names) for key, value in changes.items()}}
        for case, (changes, _parts) in ACCESS.items()
    }
    guests = {f"bad-{case}": {"burrow_hypervisor": f"server-{case}"} for case in ACCESS}
    guests |= {guest: {"burrow_memory": "64GiB"} for guest in TOO_LARGE}
    root(NO_LOGINS)
    try:
        root(LOGINS.replace("LOGIN", well["ansible_user"]))
        journal = Journal(root)
        found = timed("up", listed(scratch / "hosts.yml", guests, hosts))
        yield replace(found, modules=journal.modules())
    finally:
        root(NO_LOGINS)


@pytest.mark.parametrize("case", ACCESS)
def test_why_a_server_cannot_be_worked_on_is_said(access: Run, case: str) -> None:
    said = access.said(f"bad-{case}")
    assert f"hypervisor server-{case} can't be used" in said
    assert not [part for part in ACCESS[case][1] if part not in said], said


def test_a_server_that_is_down_fails_only_its_own_guests_and_quickly(access: Run) -> None:
    assert access.code != 0
    assert access.failed() == {*(f"bad-{case}" for case in ACCESS), *TOO_LARGE}
    assert re.search(rf"^{GUEST} +: ok=\d+ +changed=0 ", access.output, re.MULTILINE)
    assert access.seconds < QUICKLY
    assert PASSWORD not in access.output


@pytest.mark.parametrize("guest", TOO_LARGE)
def test_less_memory_than_asked_is_said(access: Run, guest: str) -> None:
    assert "64 GiB are more than the host's memory and swap" in access.said(guest)
    assert "Give the guest less memory" in access.said(guest)


def test_a_server_is_looked_at_once_for_all_its_guests(access: Run) -> None:
    """No facts are gathered besides. The guest that is there is compared; the others are refused by that look."""
    assert access.modules == {"preflight": 1, "domain": 1}


# A package that the role misses at once, in a source that has nothing else: the bed has no mirror, and its lists stay.
PACKAGE = "dosfstools"
SOURCE = "/opt/bad-apt"
AWAY = f"""
mkdir -p {SOURCE}/pool/DEBIAN {SOURCE}/lists/partial {SOURCE}/cache/archives/partial
cd {SOURCE}
dpkg-query --listfiles {PACKAGE} | while read -r file; do
  [ -d "$file" ] || cp --parents --no-dereference "$file" pool
done
dpkg-query --status {PACKAGE} | sed /^Status:/d > pool/DEBIAN/control
dpkg-deb --root-owner-group -Znone --build pool {PACKAGE}.deb
cat pool/DEBIAN/control > Packages
printf 'Filename: ./%s\\nSize: %s\\nSHA256: %s\\n' {PACKAGE}.deb $(stat -c %s {PACKAGE}.deb) \
  $(sha256sum {PACKAGE}.deb | cut -c-64) >> Packages
echo 'deb [trusted=yes] file:{SOURCE} ./' > sources.list
cat > /etc/apt/apt.conf.d/99bad <<'END'
Dir::Etc::sourcelist "{SOURCE}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::State::lists "{SOURCE}/lists";
Dir::Cache "{SOURCE}/cache";
Acquire::Retries "0";
END
cat > unattended-upgr <<'END'
#!/usr/bin/python3
import fcntl, pathlib, time
with open("/var/lib/dpkg/lock-frontend", "w") as lock:
    fcntl.lockf(lock, fcntl.LOCK_EX)
    pathlib.Path("{SOURCE}/held").touch()
    while pathlib.Path("{SOURCE}/held").exists():
        time.sleep(0.2)
END
chmod +x unattended-upgr
dpkg --remove {PACKAGE}
"""
BACK = f"""
rm -f {SOURCE}/held
while pgrep -x unattended-upgr; do sleep 0.2; done
[ -e /usr/sbin/mkfs.vfat ] || dpkg --install {SOURCE}/{PACKAGE}.deb
rm -rf {SOURCE} /etc/apt/apt.conf.d/99bad
"""
HELD = f"""
systemd-run --quiet --collect {SOURCE}/unattended-upgr
until [ -e {SOURCE}/held ]; do sleep 0.1; done
"""


@pytest.fixture
def package(root: Callable[[str], str]) -> Iterator[None]:
    """For one test the hypervisor lacks a package."""
    root(AWAY)
    yield
    root(BACK)


@pytest.mark.usefixtures("package")
def test_who_holds_the_lock_of_packages_is_waited_for(root: Callable[[str], str]) -> None:
    root(HELD)
    ends = timed("prepare", "-e", "__hypervisor_lock_timeout=5")
    assert ends.code != 0
    assert f"No packages can be installed on {HYPERVISOR}: unattended-upgr (process " in ends.said(GUEST)
    assert "journalctl -u unattended-upgrades" in ends.said(GUEST)
    command = ["ansible-playbook", f"--inventory={INVENTORY}", "burrow.vm.prepare"]
    # For the worst case: it goes on as soon as it may.
    command += ["-e", "__hypervisor_lock_timeout=60"]
    env = {**environment(), "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as waits:
        assert waits.stdout
        output = ""
        for line in waits.stdout:
            output += line
            if "this waits for it, up to" in output:
                root(f"rm -f {SOURCE}/held")
        assert waits.wait(timeout=10) == 0, output
    assert "unattended-upgr (process" in output
    root("test -x /usr/sbin/mkfs.vfat")


@pytest.fixture
def ill(root: Callable[[str], str]) -> Iterator[None]:
    """For one test the hypervisor's clock is behind, it finds no address, and its CPU has no virtualisation."""
    root(
        "mv /dev/kvm /dev/kvm.well; mv /etc/resolv.conf /etc/resolv.conf.well; date --set '-20 minutes'; "
        "echo nameserver 127.0.0.1 > /etc/resolv.conf"
    )
    yield
    root("mv /dev/kvm.well /dev/kvm; mv /etc/resolv.conf.well /etc/resolv.conf; date --set '+20 minutes'")


@pytest.mark.usefixtures("package", "ill")
def test_why_packages_cannot_be_had_is_said(root: Callable[[str], str]) -> None:
    root(f"echo deb http://deb.debian.org/debian trixie main >> {SOURCE}/sources.list")
    run = timed("prepare")
    assert run.code != 0
    assert "finds no address for the mirror of its packages. See to its name servers" in run.said(GUEST)
    assert "clock is 20 minutes behind" in run.output
    assert "timedatectl set-ntp true" in run.output


@pytest.mark.usefixtures("ill")
def test_what_a_server_lacks_is_said_before_a_guest_is_made(root: Callable[[str], str], tmp_path: Path) -> None:
    guests = {"bad-far": {"burrow_image": "debian-12"}}
    run = timed("up", listed(tmp_path / "hosts.yml", guests), "--limit", "bad-*")
    assert run.code != 0
    assert "/dev/kvm can't be used: there is no such device" in run.output
    assert "about ten times slower" in run.output
    assert "can't have the image: cloud.debian.org: " in run.said("bad-far")
    assert "this host's name servers" in run.said("bad-far")
    assert "bad-" not in root("ls /var/lib/burrow/guests; virsh --connect qemu:///system list --all --name")


@pytest.fixture
def nobody() -> Iterator[Path]:
    """The home of an account that may do nothing, and that has the key of the inventory's login."""
    with tempfile.TemporaryDirectory(prefix="burrow-") as name:
        home = Path(name)
        (home / "laptop/.ssh").mkdir(parents=True)
        entry = (BURROW / "ssh_config").read_text()
        address = re.search(rf"Host {OUTER}\n\s+HostName (\S+)", entry)
        assert address
        (home / "known_hosts").write_text((BURROW / "known_hosts").read_text())
        (home / "keeper").write_bytes((SCRATCH / "keeper").read_bytes())
        (home / "keeper").chmod(0o600)
        (home / "laptop/.ssh/config").write_text(
            f"Host {HYPERVISOR}\n HostName {address[1]}\n HostKeyAlias burrow-{OUTER}\n"
            f" UserKnownHostsFile {home}/known_hosts\n IdentityFile {home}/keeper\n"
        )
        for path in (home, *home.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        yield home


@pytest.mark.skipif(os.geteuid() != 0, reason="whoever runs this is unprivileged already")
def test_the_controller_needs_no_root(root: Callable[[str], str], nobody: Path) -> None:
    """It may read the checkout, wherever that is, and write nowhere but at home."""
    capability = "-all,+dac_read_search"
    prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    prefix += [f"--inh-caps={capability}", f"--ambient-caps={capability}", f"--bounding-set={capability}"]
    home = {
        "ANSIBLE_HOME": f"{nobody}/.ansible",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": f"{nobody}/cp",
        "HOME": f"{nobody}/laptop",
        "MOLECULE_EPHEMERAL_DIRECTORY": str(nobody),
        "XDG_DATA_HOME": f"{nobody}/data",
    }
    journal = Journal(root)
    for book in ("up", "status"):
        shown = good(
            run(*prefix, "ansible-playbook", f"--inventory={INVENTORY}", f"burrow.vm.{book}", limit=300, **home)
        )
        assert re.search(rf"^{GUEST} +running ", shown, re.MULTILINE)
    # Without a change a guest costs its hypervisor these two, and status one.
    assert journal.modules() == {"preflight": 1, "domain": 1, "domain_info": 1}
    assert {path.lstat().st_uid for path in nobody.rglob("*")} == {NOBODY}
    made = list((nobody / "data/burrow").iterdir())
    assert {"id_ed25519", "known_hosts", "ssh_config"} <= {path.name for path in made}
    assert [path.name for path in made if path.stat().st_mode & 0o22] == []
    assert (nobody / "data/burrow").stat().st_mode & 0o77 == 0
