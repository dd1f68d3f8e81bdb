# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hypervisor after its preparation."""

from __future__ import annotations

from typing import Any

from ..conftest import GUEST, HYPERVISOR, LAPTOP, PASSWORD, good, play, run, task


def test_it_is_what_a_server_is(hypervisor: Any) -> None:
    assert hypervisor.check_output("cat /proc/1/comm") == "systemd"
    assert hypervisor.check_output("cat /sys/module/kvm_amd/parameters/nested") == "1"
    assert hypervisor.file("/dev/kvm").exists
    assert hypervisor.file("/dev/vhost-vsock").exists
    assert "Status: active" in hypervisor.check_output("ufw status")


def test_its_login_is_asked_for_a_password() -> None:
    options = ("-F", str(LAPTOP / ".ssh/config"), "-o", "BatchMode=yes", "-l", "keeper")
    refused = run("ssh", *options, HYPERVISOR, "sudo -n true")
    assert refused.returncode == 1
    assert "password is required" in refused.stderr


def test_preflight_is_green() -> None:
    found = task("burrow.vm.preflight", {})["preflight"]
    assert found["host"]["prepared"], found["host"]["unprepared"]
    assert found["host"]["accelerator"] == "kvm"
    assert not [check for check in found["checks"] if not check["ok"]]


def test_guests_run_by_kvm_and_are_confined(hypervisor: Any) -> None:
    xml = hypervisor.check_output(f"virsh --connect qemu:///system dumpxml {GUEST}")
    assert "<domain type='kvm'" in xml
    assert "mode='host-passthrough'" in xml
    find = f"pgrep -f '^/usr/bin/qemu-system.* -name guest={GUEST},'"
    label = hypervisor.check_output(f"cat $({find} | sed 's,.*,/proc/&/attr/current,')")
    assert label.startswith("libvirt-")
    assert label.endswith("(enforce)")


def test_nobody_but_root_owns_the_store(hypervisor: Any) -> None:
    assert hypervisor.check_output("stat -c '%U %a' /var/lib/burrow") == "root 711"


def test_a_wrong_password_is_said() -> None:
    wrong = play("status", "-e", "vaulted_password=nonsense")
    assert "password" in wrong.stdout
    assert PASSWORD not in wrong.stdout + wrong.stderr


def test_the_password_is_shown_at_no_verbosity() -> None:
    output = good(play("up", "-vvv"))
    assert PASSWORD not in output
