# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guests after down and up, and after a changed cloud-config that nothing was to be done about."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from ..conftest import SCRATCH, remembered

if TYPE_CHECKING:
    from ..conftest import Guest

# The parts of a seed's user-data are in base64.
DECODE = (
    "import email, sys; message = email.message_from_file(open(sys.argv[1])); "
    "[print(part.get_payload(decode=True).decode()) for part in message.walk() if not part.is_multipart()]"
)


def test_it_was_restarted_and_kept_its_data(guest: Guest) -> None:
    assert guest.host.check_output("cat /proc/sys/kernel/random/boot_id") != remembered(guest)["boot"]
    assert guest.host.check_output("cat /etc/machine-id") == remembered(guest)["machine"]
    assert guest.host.check_output("cat ~/kept") == "kept"


def test_its_agent_was_asked_to_shut_down(guest: Guest) -> None:
    with guest.host.sudo():
        told = guest.host.check_output("journalctl --boot -1 --unit qemu-guest-agent --output cat")
    assert "guest-shutdown called" in told


def test_its_scripts_ran_as_often_as_they_say(guest: Guest) -> None:
    assert guest.host.file("/var/lib/first-boot").content_string == "first\n"
    assert guest.host.file("/var/lib/every-boot").content_string == "every\nevery\n"


def test_its_shares_are_mounted(guest: Guest) -> None:
    assert guest.host.file(f"/mnt/rw/{guest.name}").content_string == "from the guest\n"
    with guest.host.sudo():
        assert guest.host.run("mount -o remount,rw /mnt/ro; touch /mnt/ro/new").rc != 0
    assert not (SCRATCH / "ro/new").exists()


def test_its_forward_answers_again(guest: Guest) -> None:
    with socket.create_connection(("127.0.0.1", guest.port), timeout=20) as connection:
        assert connection.recv(64).startswith(b"SSH-2.0-")


def test_its_host_key_is_no_longer_on_the_seed(guest: Guest) -> None:
    with guest.host.sudo():
        guest.host.check_output("mkdir -p /run/seed && mount -o ro /dev/disk/by-label/cidata /run/seed")
        parts = guest.host.check_output(f"python3 -c '{DECODE}' /run/seed/user-data")
        guest.host.check_output("umount /run/seed")
    assert "ssh_authorized_keys" in parts
    assert "PRIVATE KEY" not in parts


def test_the_changed_cloud_config_was_not_applied(guest: Guest) -> None:
    assert guest.host.check_output("readlink -f /etc/localtime").endswith(guest.timezone)
