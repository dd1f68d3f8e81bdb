# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The VM on the hypervisor. How a person works with it is in test_page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..conftest import GUEST, HYPERVISOR, VIRSH, remember, run, ssh

if TYPE_CHECKING:
    from pathlib import Path

FORWARD = "exec 3<>/dev/tcp/{}/2222 && head -c 8 <&3"


def test_it_is_reached_through_the_hypervisor(shared: Any) -> None:
    said = shared.check_output("hostname; id -un; sudo -n id -u; systemd-detect-virt")
    assert said.split() == [GUEST, "mole", "0", "kvm"]


def test_libvirtd_was_killed_while_it_was_made(hypervisor: Any) -> None:
    """All that the tests here find is the work of two runs, then."""
    told = hypervisor.check_output("journalctl --unit libvirtd --output cat")
    assert "code=killed, status=9/KILL" in told


def test_its_host_key_is_pinned(tmp_path: Path) -> None:
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key"))
    known = tmp_path / "known_hosts"
    known.write_text(f"burrow-{HYPERVISOR}-{GUEST} {(tmp_path / 'key.pub').read_text()}")
    refused = ssh(GUEST, "true", "-o", f"UserKnownHostsFile={known}")
    assert refused.returncode == 255
    assert "Host key verification failed" in refused.stderr


def test_shares_map_the_owner(shared: Any, hypervisor: Any) -> None:
    assert shared.check_output("id -u") == "4242"
    shared.check_output("echo from the guest > /mnt/shared/guest")
    assert hypervisor.check_output("stat -c %u /srv/shared/guest") == "4242"
    hypervisor.check_output("install -o 4242 /dev/null /srv/shared/host")
    shared.check_output("echo changed > /mnt/shared/host")
    assert hypervisor.file("/srv/shared/host").content_string == "changed\n"


def test_read_only_is_enforced_by_the_hypervisor(shared: Any, hypervisor: Any) -> None:
    assert shared.file("/mnt/fixed/readme").content_string == "read me\n"
    with shared.sudo():
        shared.run("mount -o remount,rw /mnt/fixed")
        for attempt in ("touch /mnt/fixed/new", "echo x >> /mnt/fixed/readme", "rm /mnt/fixed/readme"):
            assert shared.run(attempt).rc != 0, attempt
    assert hypervisor.check_output("ls /srv/fixed; cat /srv/fixed/readme") == "readme\nread me"


def test_its_forward_answers_on_the_loopback_of_the_hypervisor_alone(hypervisor: Any) -> None:
    assert hypervisor.check_output(f"timeout 20 bash -c '{FORWARD.format('127.0.0.1')}'") == "SSH-2.0-"
    address = hypervisor.check_output("hostname -I").split()[0]
    refused = hypervisor.run(f"timeout 20 bash -c '{FORWARD.format(address)}'")
    assert "refused" in refused.stderr


def test_what_it_sends_is_forwarded(shared: Any, beyond: str) -> None:
    shared.check_output(beyond)


LISTEN = """import socket
with socket.socket(socket.AF_VSOCK) as server:
    server.bind((socket.VMADDR_CID_ANY, 5000))
    server.listen()
    server.accept()[0].sendall(b"from inside")
"""
ASK = """import socket
with socket.socket(socket.AF_VSOCK) as client:
    client.connect(({cid}, 5000))
    print(client.recv(64).decode())
"""


def test_a_socket_needs_no_network(shared: Any, hypervisor: Any) -> None:
    cid = hypervisor.check_output(
        f"{VIRSH} dumpxml {GUEST} | sed -n \"s/.*<cid auto='yes' address='\\([0-9]*\\)'.*/\\1/p\""
    )
    assert int(cid) >= 3
    shared.check_output(f"setsid -f timeout 60 python3 -c '{LISTEN}' < /dev/null > /dev/null 2>&1; sleep 1")
    assert hypervisor.check_output(f"timeout 20 python3 -c '{ASK.format(cid=cid)}'") == "from inside"


def test_cloud_init_is_done(shared: Any) -> None:
    assert "status: done" in shared.check_output("cloud-init status")


def test_it_is_left_with_something_to_find_again(shared: Any, hypervisor: Any) -> None:
    shared.check_output("echo kept > ~/kept && sync")
    boot = "cat /proc/sys/kernel/random/boot_id"
    remember(GUEST, boot=shared.check_output(boot), hypervisor=hypervisor.check_output(boot))
