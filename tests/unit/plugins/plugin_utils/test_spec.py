# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the filters make is what the modules take: each argument is valid for its module and its model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.burrow.vm.plugins.filter.guest_spec import guest_domain, guest_spec
from ansible_collections.burrow.vm.plugins.module_utils._model import preflight as preflight_model
from ansible_collections.burrow.vm.plugins.module_utils._model import ready as ready_model
from ansible_collections.burrow.vm.plugins.module_utils._model.disk import parse_disk
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_request import OPTIONS, parse_request
from ansible_collections.burrow.vm.plugins.module_utils._model.guest import parse
from ansible_collections.burrow.vm.plugins.module_utils._model.guest_keys import GUEST_KEYS
from ansible_collections.burrow.vm.plugins.module_utils._model.seed import parse_seed
from ansible_collections.burrow.vm.plugins.module_utils._plan import UNKNOWN
from ansible_collections.burrow.vm.plugins.modules import cloud_init, disk, guest_ready, preflight
from ansible_collections.burrow.vm.plugins.plugin_utils._ssh_text import parse_entry

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
CALLER = {"user": "ada", "authorized_keys": [KEY], "identity_file": "/home/ada/.local/share/burrow/id_ed25519"}
KERNEL = {"path": "/x/vmlinuz", "initrd": "/x/initrd.img", "cmdline": "root=/dev/vda1"}
EVERYTHING = {
    "hypervisor": "vmhost1",
    "backend": "libvirt",
    "profile": "dev",
    "image": "debian-12",
    "cpus": 4,
    "memory": "1536MiB",
    "disk": "50GiB",
    "interfaces": [{"network": "lan", "mac": "52:54:00:00:00:01"}, {"network": "burrow"}],
    "shares": [
        {"source": "/srv/My code", "target": "/code", "readonly": True},
        {"source": "/etc", "allow_sensitive": True},
    ],
    "forwards": ["8080:80", {"host_port": 2222, "guest_port": 22, "address": "0.0.0.0"}],
    "firmware": "efi",
    "iommu": "intel",
    "vsock": {"cid": 5},
    "pcie_root_ports": 14,
    "xml": "<domain><name>work</name><devices><watchdog model='i6300esb'/></devices></domain>",
    "autostart": False,
    "user": "eve",
    "authorized_keys": [KEY],
    "hostname": "web.example.org",
    "cloud_config": {"timezone": "UTC", "packages": ["git"]},
    "first_boot_script": "echo once",
    "every_boot_script": "#!/bin/bash\necho again",
    "workdir": "/code",
    "timeout": 600,
    "restart_policy": "now",
}
GUESTS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "everything": EVERYTHING,
    "taken away": {"workdir": "", "every_boot_script": ""},
}
IMAGES: dict[str, Any] = {
    "built": {"path": "/x/image.qcow2", "digest": "d", "kernel": KERNEL},
    "published": {"path": "/x/image.qcow2", "digest": "d", "kernel": None},
    "planned": {"path": UNKNOWN, "digest": UNKNOWN, "kernel": UNKNOWN},
    "none": None,
}


def validated(options: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    result = ArgumentSpecValidator(dict(options)).validate(dict(arguments))
    assert result.error_messages == []
    parameters: dict[str, Any] = result.validated_parameters
    return parameters


@pytest.fixture(params=GUESTS, ids=list(GUESTS))
def spec(request: pytest.FixtureRequest) -> dict[str, Any]:
    return guest_spec(GUESTS[request.param], "work", caller=CALLER)


def test_everything_is_everything() -> None:
    assert set(EVERYTHING) == set(GUEST_KEYS)
    assert parse(EVERYTHING, "work").stated == set(GUEST_KEYS)


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("accelerator", ["kvm", "tcg"])
def test_domain(spec: dict[str, Any], image: str, accelerator: str) -> None:
    arguments = guest_domain(spec, IMAGES[image], {"accelerator": accelerator, "efi": True})
    request = parse_request(validated(OPTIONS, arguments))
    assert request.owned_only
    assert request.stated.disks is not None
    assert [entry.name for entry in request.stated.disks] == ["root", "seed"]


def test_what_is_stated_is_not_a_default_too(spec: dict[str, Any]) -> None:
    arguments = guest_domain(spec, IMAGES["published"], {"accelerator": "kvm"})
    assert not set(arguments) & set(arguments["defaults"])
    assert {"cpus", "memory", "interfaces", "autostart"} <= {*arguments, *arguments["defaults"]}


@pytest.mark.parametrize("host_key", ["seed", "sealed"])
def test_seed(spec: dict[str, Any], host_key: str) -> None:
    seed = parse_seed(validated(cloud_init.ARGUMENTS, {**spec["seed"], "host_key": host_key}))
    assert {**seed.defaults, **seed.once}["network_config"]["version"] == 2
    assert not set(seed.defaults) & set(seed.once)
    assert seed.asked == spec["seed_asked"]


@pytest.mark.parametrize(
    ("part", "options", "parser"),
    [
        ("disk", disk.ARGUMENTS, parse_disk),
        ("ready", guest_ready.ARGUMENTS, ready_model.parse),
    ],
)
def test_disk_and_ready(
    spec: dict[str, Any], part: str, options: Mapping[str, Any], parser: Callable[[Any], object]
) -> None:
    assert parser(validated(options, spec[part]))


def test_preflight(spec: dict[str, Any]) -> None:
    parameters = validated(preflight.ARGUMENTS, {"guests": [spec["preflight"]]})
    (guest,) = preflight_model.parse_guests(parameters["guests"])
    assert guest.memory
    assert (guest.disk is not None) == ("disk" in spec["stated"])


def test_ssh_entry(spec: dict[str, Any]) -> None:
    ssh = {**spec["ssh"], "address": "192.0.2.7", "port": 22, "host_key": KEY}
    assert parse_entry(ssh, ssh["alias"]).user == {**spec["seed"]["defaults"], **spec["seed"]}["user"]
