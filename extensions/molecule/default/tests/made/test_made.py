# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guests after their first boot."""

from __future__ import annotations

import json
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from ..conftest import BURROW, SCRATCH, remember

if TYPE_CHECKING:
    from pathlib import Path

    from ..conftest import Guest


def ssh(guest: Guest, option: str) -> subprocess.CompletedProcess[str]:
    """Try to log in with one option changed."""
    command = ["ssh", "-F", str(BURROW / "ssh_config"), "-o", option, "-o", "BatchMode=yes", guest.name, "true"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def banner(address: str, port: int) -> bytes:
    with socket.create_connection((address, port), timeout=20) as connection:
        return connection.recv(64)


def host_addresses() -> set[str]:
    """This host's addresses but loopback's."""
    listing = subprocess.run(["ip", "-json", "-4", "address"], capture_output=True, check=True).stdout
    found = {entry["local"] for link in json.loads(listing) for entry in link["addr_info"]}
    return {address for address in found if not address.startswith("127.")}


def test_it_has_the_cpus_and_the_memory_that_were_stated(guest: Guest) -> None:
    assert int(guest.host.check_output("nproc")) == guest.cpus
    kibibytes = int(guest.host.check_output("awk '/^MemTotal/ {print $2}' /proc/meminfo"))
    # The kernel keeps a part to itself before it counts.
    assert 0.85 * guest.memory < kibibytes * 1024 <= guest.memory


def test_it_grew_its_root(guest: Guest) -> None:
    size = int(guest.host.check_output("df --block-size=1 --output=size / | tail -n 1"))
    assert 0.9 * guest.disk < size <= guest.disk


def test_it_is_the_release_that_was_stated(guest: Guest) -> None:
    assert guest.host.check_output('. /etc/os-release && echo "$ID $VERSION_ID"') == f"debian {guest.release}"


def test_it_booted_as_stated(guest: Guest) -> None:
    assert guest.host.file("/sys/firmware/efi").exists == (guest.firmware == "efi")


def test_its_user_has_sudo_and_the_owner_id_of_the_share(guest: Guest) -> None:
    assert guest.host.check_output("id -un; id -u; sudo -n id -u").split() == ["mole", "4242", "0"]


def test_its_host_name_is_its_name(guest: Guest) -> None:
    assert guest.host.check_output("hostname") == guest.name


def test_nobody_logs_in_with_a_password(guest: Guest) -> None:
    refused = ssh(guest, "PubkeyAuthentication=no")
    assert refused.returncode == 255
    assert "Permission denied (publickey)" in refused.stderr
    with guest.host.sudo():
        hashes = guest.host.check_output("cut -d: -f2 /etc/shadow").split()
    assert all(value.startswith(("!", "*")) for value in hashes)


def test_its_host_key_is_the_pinned_one(guest: Guest) -> None:
    # cloud-init of Debian 12 lets nobody but root read it.
    with guest.host.sudo():
        assert guest.host.check_output("cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub") == guest.pinned_key


def test_another_host_key_is_refused(guest: Guest, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    known = tmp_path / "known_hosts"
    known.write_text(f"burrow-{guest.name} {(tmp_path / 'key.pub').read_text()}")
    refused = ssh(guest, f"UserKnownHostsFile={known}")
    assert refused.returncode == 255
    assert "Host key verification failed" in refused.stderr


def test_what_it_writes_to_a_share_belongs_to_the_owner_on_the_host(guest: Guest) -> None:
    guest.host.check_output(f"echo from the guest > /mnt/rw/{guest.name}")
    written = SCRATCH / "rw" / guest.name
    assert written.read_text() == "from the guest\n"
    assert written.stat().st_uid == 4242


def test_it_sees_and_changes_what_the_host_writes_to_a_share(guest: Guest) -> None:
    written = SCRATCH / "rw" / f"{guest.name}-host"
    written.write_text("from the host\n")
    subprocess.run(["chown", "4242", str(written)], check=True)
    guest.host.check_output(f"echo and the guest >> /mnt/rw/{written.name}")
    assert guest.host.check_output(f"stat -c %U /mnt/rw/{written.name}") == "mole"
    assert written.read_text() == "from the host\nand the guest\n"


def test_its_root_cannot_write_to_a_read_only_share(guest: Guest) -> None:
    assert guest.host.file("/mnt/ro/readme").content_string == "read me\n"
    with guest.host.sudo():
        assert guest.host.run("touch /mnt/ro/new").rc != 0
        # The guest may mount it as it likes, here or elsewhere: it is the host that refuses.
        guest.host.run("mount -o remount,rw /mnt/ro; mkdir -p /mnt/again")
        guest.host.run('mount -t virtiofs "$(findmnt -no SOURCE /mnt/ro)" /mnt/again')
        for attempt in ("touch /mnt/ro/new", "echo x >> /mnt/ro/readme", "rm /mnt/ro/readme", "touch /mnt/again/new"):
            assert guest.host.run(attempt).rc != 0, attempt
        guest.host.run("umount /mnt/again; rmdir /mnt/again")
    assert [file.name for file in (SCRATCH / "ro").iterdir()] == ["readme"]
    assert (SCRATCH / "ro/readme").read_text() == "read me\n"


def test_a_login_begins_in_the_work_directory(guest: Guest) -> None:
    assert guest.host.check_output("bash -lc pwd") == "/mnt/rw"


def test_its_forward_answers_on_loopback_alone(guest: Guest) -> None:
    assert banner("127.0.0.1", guest.port).startswith(b"SSH-2.0-")
    for address in host_addresses():
        with pytest.raises(ConnectionRefusedError):
            banner(address, guest.port)


def test_its_scripts_ran_once(guest: Guest) -> None:
    assert guest.host.file("/var/lib/first-boot").content_string == "first\n"
    assert guest.host.file("/var/lib/every-boot").content_string == "every\n"


def test_cloud_init_is_done_without_errors(guest: Guest) -> None:
    status = json.loads(guest.host.run("cloud-init status --format json").stdout)
    assert (status["status"], status["errors"]) == ("done", [])


def test_its_cloud_config_was_applied(guest: Guest) -> None:
    assert guest.host.check_output("readlink -f /etc/localtime").endswith(guest.timezone)
    if guest.firmware == "efi":
        assert guest.host.file("/etc/burrow-test").content_string == "written\n"
    else:
        assert guest.host.package("tree").is_installed


def test_it_made_its_own_machine_id(guest: Guest) -> None:
    machine = guest.host.check_output("cat /etc/machine-id")
    assert len(machine) == 32
    (SCRATCH / f"machine-id-{guest.name}").write_text(machine)
    assert len({file.read_text() for file in SCRATCH.glob("machine-id-*")}) == len(list(SCRATCH.glob("machine-id-*")))


def test_it_is_left_with_something_to_find_again(guest: Guest) -> None:
    guest.host.check_output("echo kept > ~/kept && sync")
    boot = guest.host.check_output("cat /proc/sys/kernel/random/boot_id")
    remember(guest, boot=boot, key=guest.pinned_key, machine=guest.host.check_output("cat /etc/machine-id"))
