# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a libvirt is."""

from __future__ import annotations

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._model.uri import parse_uri, quiet, unreachable


@pytest.mark.parametrize(
    "uri",
    [
        "qemu:///system",
        "qemu:///session",
        "qemu+unix:///system?socket=/run/libvirt/libvirt-sock",
        "qemu+unix:///session",
        "qemu+ssh://host/system",
        "qemu+ssh://me@host.example:2222/session?keyfile=/k&no_verify=1",
        "qemu+ssh://me@[2001:db8::1]/system",
        "qemu+libssh2://me@host/system",
        "qemu+tls://host/system",
        "qemu://host/system",
        "qemu+tcp://host/system",
        "test:///default",
        "test:///srv/hosts/one.xml",
    ],
)
def test_it_is_taken(uri: str) -> None:
    assert parse_uri(uri) == uri


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("", "empty"),
        ("system", "hypervisor"),
        ("/run/libvirt/libvirt-sock", "hypervisor"),
        ("xen:///system", "hypervisor"),
        ("lxc:///", "hypervisor"),
        ("qemu+shh://host/system", "transport 'shh'"),
        ("qemu+ext:///system?command=/x", "transport 'ext'"),
        ("qemu:///", "names no libvirt"),
        ("qemu:///sistem", "names no libvirt"),
        ("qemu:///system/", "names no libvirt"),
        ("test:///", "names no libvirt"),
        ("qemu+unix://host/system", "names a host"),
        ("qemu+unix:///system?socket=run/sock", "absolute path"),
        ("qemu+ssh:///system", "names no host"),
        ("qemu+ssh://-oProxyCommand=x/system", "hyphen"),
        ("qemu+ssh://-x@host/system", "hyphen"),
        ("qemu+ssh://host:99999/system", "not a URI"),
        ("qemu+ssh://host:0/system", "port 0"),
        ("qemu+ssh://[::1/system", "not a URI"),
        ("qemu+ssh://ho st/system", "space"),
        ("qemu:///system\n", "line break"),
        ("qemu:///" + "s" * 2000, "characters"),
        (5, "not text"),
    ],
)
def test_it_is_refused(uri: object, problem: str) -> None:
    with pytest.raises(SpecError) as refused:
        parse_uri(uri)
    assert problem in str(refused.value)
    assert refused.value.path == "uri"
    assert refused.value.hint


def test_a_password_is_refused_and_not_shown() -> None:
    with pytest.raises(SpecError) as refused:
        parse_uri("qemu+ssh://me:hunter2@host/system")
    assert "password" in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("uri", "opened"),
    [
        ("qemu:///system", "qemu:///system"),
        ("qemu+unix:///system?socket=/s", "qemu+unix:///system?socket=/s"),
        ("qemu+ssh://host/system", "qemu+ssh://host/system?no_tty=1"),
        ("qemu+ssh://host/system?keyfile=/k", "qemu+ssh://host/system?keyfile=/k&no_tty=1"),
        ("qemu+ssh://host/system?no_tty=0", "qemu+ssh://host/system?no_tty=0"),
    ],
)
def test_ssh_never_asks(uri: str, opened: str) -> None:
    assert quiet(uri) == opened


@pytest.mark.parametrize(
    ("uri", "word"),
    [
        ("qemu:///system", "Start libvirtd"),
        ("qemu+unix:///system", "Start libvirtd"),
        ("qemu:///session", "$XDG_RUNTIME_DIR"),
        ("qemu+ssh://me@host:2222/system", "`ssh me@host true`"),
        ("qemu+ssh://host/session", "`ssh host true`"),
        ("qemu+tls://host/system", "runs there"),
    ],
)
def test_the_hint_fits_the_transport(uri: str, word: str) -> None:
    assert word in unreachable(uri)
