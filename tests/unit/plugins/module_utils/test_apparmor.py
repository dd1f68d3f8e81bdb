# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AppArmor's denials: from lines as the kernel and auditd write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._gateway import apparmor
from ansible_collections.burrow.vm.plugins.module_utils._model.apparmor import denials, unwritable

UUID = "6f1e7c1a-2f0b-4a5d-9a39-0f2d1f4c9b11"
QEMU = (
    f'audit: type=1400 audit(1700000000.123:45): apparmor="DENIED" operation="open" '
    f'class="file" profile="libvirt-{UUID}" '
    'name="/odd/disk" pid=812 comm="qemu-system-x86" requested_mask="wr" denied_mask="wr" fsuid=64055 ouid=0'
)
HELPER = (
    'type=AVC msg=audit(1700000001.5:46): apparmor="DENIED" operation="open" profile="virt-aa-helper" '
    'name=2F6F64642F6120623A pid=9 comm="virt-aa-helper" requested_mask="r" denied_mask="r" fsuid=0 ouid=0'
)
MOUNT = (
    'audit: type=1400 audit(1795282494.188:111): apparmor="DENIED" operation="mount" class="mount" '
    'info="failed mntpnt match" error=-13 profile="virtqemud" name="/run/burrow/shares/web/src/" comm="burrow" '
    'srcname="/srv/src/" flags="rw, bind"'
)
OTHERS = (
    'apparmor="DENIED" operation="open" profile="/usr/bin/man" name="/odd/page" comm="man" denied_mask="r"',
    'apparmor="ALLOWED" operation="open" profile="libvirtd" name="/odd/x" comm="libvirtd" denied_mask="r"',
    'apparmor="DENIED" operation="capable" profile="libvirtd" pid=7 comm="libvirtd" capname="sys_admin"',
    "nothing",
)


def test_path_and_remedy_are_named() -> None:
    (found,) = denials([QEMU, QEMU, *OTHERS])
    assert found.reason.startswith("AppArmor does not let qemu-system-x86 write /odd/disk")
    assert '"/odd/**" rwk,' in found.remedy
    assert "local/abstractions/libvirt-qemu" in found.remedy


def test_a_name_in_hexadecimal_digits_is_read() -> None:
    (found,) = denials([HELPER])
    assert found.path == "/odd/a b:"
    assert '"/odd/**" r, to /etc/apparmor.d/local/usr.lib.libvirt.virt-aa-helper' in found.remedy
    assert "apparmor_parser -r" in found.remedy
    assert "read /odd" in found.reason


def test_a_mount_is_no_matter_of_reading() -> None:
    (found,) = denials([MOUNT])
    assert found.reason.startswith("AppArmor does not let burrow mount or unmount /run/burrow/shares/web/src/")
    assert "burrow.vm.prepare" in found.remedy
    assert "libvirt-qemu" not in found.remedy


def test_a_guest_is_told_only_of_its_own() -> None:
    other = QEMU.replace(UUID, "0" * 8)
    assert [item.path for item in denials([other, QEMU, HELPER], UUID)] == ["/odd/disk", "/odd/a b:"]


def test_what_a_terminal_would_obey_is_not_shown() -> None:
    (found,) = denials([HELPER.replace("2F6F64642F6120623A", "2F1B5B316D")])
    assert found.path == "/?[1m"


@pytest.mark.parametrize(("enabled", "since", "count"), [("Y", 1700000000.0, 2), ("Y", 1700000002.6, 0), ("N", 0.0, 0)])
def test_auditds_log_is_read_from_a_time_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, enabled: str, since: float, count: int
) -> None:
    (tmp_path / "enabled").write_text(enabled)
    (tmp_path / "audit.log").write_text("\n".join([QEMU, HELPER, *OTHERS]))
    monkeypatch.setattr(apparmor, "_ENABLED", str(tmp_path / "enabled"))
    monkeypatch.setattr(apparmor, "_AUDIT_LOG", str(tmp_path / "audit.log"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(apparmor, "find", lambda _program: None)
    assert len(apparmor.refusals(since)) == count


def test_the_journal_is_asked_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "enabled").write_text("Y")
    (tmp_path / "lines").write_text(QEMU)
    program = tmp_path / "journalctl"
    program.write_text(f'#!/bin/sh\n/bin/cat "{tmp_path}/lines"\necho "$@" >"{tmp_path}/asked"\n')
    program.chmod(0o755)
    monkeypatch.setattr(apparmor, "_ENABLED", str(tmp_path / "enabled"))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert [item.path for item in apparmor.refusals(1700000000.0, UUID)] == ["/odd/disk"]
    assert "--since=@1699999999" in (tmp_path / "asked").read_text()


def test_what_a_profile_forbids_for_good() -> None:
    rules = [
        '  "/var/lib/burrow/guests/web/root.one.qcow2" rwk,\n',
        '  "/var/lib/burrow/guests/web/root.qcow2" rk,\n',
        "  # don't audit writes to readonly files\n",
        '  deny "/var/lib/burrow/guests/web/root.qcow2" w,\n',
        '  deny "/srv/a b/x.qcow2" w,\n',
    ]
    assert unwritable(rules) == {"/var/lib/burrow/guests/web/root.qcow2", "/srv/a b/x.qcow2"}
    assert apparmor.write_denied("no-such-guest") == frozenset()
