# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest's variables: the table, the layers they come from, and the rules across keys."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._model.guest import (
    Guest,
    Layer,
    merge_deep,
    parse,
    parse_run,
    parse_vms,
    profile_name,
    strip_prefix,
)
from ansible_collections.burrow.vm.plugins.module_utils._model.guest_keys import (
    BY_NAME,
    GUEST_KEYS,
    KEYS,
    RUN_KEYS,
    Interface,
)
from ansible_collections.burrow.vm.plugins.module_utils._model.names import mac_address

GIB = 1 << 30
CANARY = "canary-91c2"


def test_nothing_stated_gives_the_defaults() -> None:
    guest = parse({}, "work")
    assert guest == Guest(
        name="work",
        hypervisor="localhost",
        backend="libvirt",
        image="debian-13",
        cpus=2,
        memory=2 * GIB,
        disk=20 * GIB,
        interfaces=(Interface("burrow"),),
        firmware="auto",
        autostart=True,
        timeout=300,
        restart_policy="refuse",
        hostname="work",
    )


def test_the_model_has_a_field_for_each_key() -> None:
    fields = {field.name for field in dataclasses.fields(Guest)} - {"name", "stated"}
    assert fields == set(GUEST_KEYS)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: str(key.name))
def test_a_default_and_each_choice_can_be_read(key: Any) -> None:
    for written in (*([] if key.default is None else [key.default]), *key.choices):
        key.read(written, key.name)


def test_each_key_is_described_once() -> None:
    assert len(BY_NAME) == len(KEYS)
    assert all(key.description.endswith(".") for key in KEYS)
    assert not set(GUEST_KEYS) & set(RUN_KEYS)


def test_text_from_the_command_line_is_taken() -> None:
    guest = parse({"cpus": "4", "memory": "8gb", "disk": "50 GiB", "autostart": "no", "timeout": "60"}, "work")
    assert (guest.cpus, guest.memory, guest.disk, guest.autostart, guest.timeout) == (4, 8 * GIB, 50 * GIB, False, 60)
    assert guest.stated == {"cpus", "memory", "disk", "autostart", "timeout"}


@pytest.mark.parametrize("key", ["first_boot_script", "every_boot_script", "workdir"])
def test_empty_text_takes_a_thing_away(key: str) -> None:
    guest = parse({key: ""}, "work")
    assert getattr(guest, key) == ""
    assert guest.stated == {key}


def test_null_is_not_stated() -> None:
    assert parse({"cpus": None, "shares": None, "vms": None}, "work").stated == frozenset()


BAD: list[tuple[dict[str, Any], str]] = [
    ({"memory": 0}, "burrow_memory: '0' is not a size"),
    ({"memory": "0"}, "burrow_memory: '0' is not a size"),
    ({"memory": "0GiB"}, "burrow_memory: '0GiB' is too small"),
    ({"memory": "100MiB"}, "burrow_memory: '100MiB' is too small. Set 256 MiB or more."),
    ({"memory": "8"}, "burrow_memory: '8' is not a size. Write a whole number with its unit"),
    ({"memory": 8}, "burrow_memory: '8' is not a size"),
    ({"memory": "8 gigs"}, "burrow_memory: '8 gigs' is not a size"),
    ({"memory": 2**63}, "burrow_memory: .* is not a size"),
    ({"memory": "8388608TiB"}, "burrow_memory: '8388608TiB' is too large"),
    ({"memory": "-1GiB"}, "is not a size"),
    ({"memory": "1.5GiB"}, "is not a size"),
    ({"cpus": 0}, "burrow_cpus: 0 is out of range"),
    ({"cpus": "two"}, "burrow_cpus: 'two' is not a whole number"),
    ({"cpus": 1025}, "burrow_cpus: 1025 is out of range"),
    ({"iommu": "amd"}, "burrow_iommu: 'amd' is not known. Write one of: intel, none."),
    ({"vsock": {}}, "burrow_vsock.cid: it is missing"),
    ({"vsock": {"cid": 1}}, "burrow_vsock.cid: 1 is out of range"),
    ({"vsock": {"id": 3}}, "burrow_vsock.id: no such key. Did you mean `cid`"),
    ({"vsock": 3}, "burrow_vsock: it is not a mapping"),
    ({"pcie_root_ports": 100}, "burrow_pcie_root_ports: 100 is out of range"),
    ({"xml": "<devices/>"}, "burrow_xml: it begins with 'devices'"),
    ({"disk": "20"}, "burrow_disk: '20' is not a size"),
    ({"disk": "1K"}, "burrow_disk: '1K' is too small"),
    ({"image": "../x"}, "burrow_image: '../x' is not a valid name"),
    ({"image": ""}, "burrow_image: '' is not a valid name"),
    ({"user": "root"}, "burrow_user: root can't be the guest's user"),
    ({"user": "-x"}, "burrow_user: '-x' is not a valid user name"),
    ({"user": "a b"}, "burrow_user: 'a b' is not a valid user name"),
    ({"user": "Ada"}, "is not a valid user name"),
    ({"user": "x" * 33}, "is not a valid user name"),
    ({"hostname": "a_b"}, "burrow_hostname: 'a_b' is not a valid host name"),
    ({"hostname": "-a"}, "is not a valid host name"),
    ({"hostname": "a" * 64}, "is not a valid host name"),
    ({"hostname": "a\nb"}, "line break"),
    ({"hypervisor": ""}, "burrow_hypervisor: it is empty"),
    ({"hypervisor": ["a"]}, "is not text"),
    ({"backend": "qemu"}, "burrow_backend: 'qemu' is not known. Write one of: libvirt"),
    ({"firmware": "uefi"}, "burrow_firmware: 'uefi' is not known. Write one of: auto, efi, bios, direct"),
    ({"firmware": True}, "burrow_firmware: 'True' is not known"),
    ({"restart_policy": "never"}, "burrow_restart_policy: 'never' is not known"),
    ({"autostart": "perhaps"}, "burrow_autostart: 'perhaps' is neither true nor false"),
    ({"timeout": 0}, "burrow_timeout: 0 is out of range"),
    ({"timeout": "5 min"}, "burrow_timeout: '5 min' is not a whole number"),
    ({"workdir": "code"}, "burrow_workdir: 'code' is not an absolute path"),
    ({"first_boot_script": "a\0b"}, "burrow_first_boot_script: it holds a NUL byte"),
    ({"every_boot_script": "a\0b"}, "burrow_every_boot_script: it holds a NUL byte"),
    ({"cloud_config": "packages: [git]"}, "burrow_cloud_config: it is not a mapping"),
    ({"cloud_config": {1: 2}}, "burrow_cloud_config: the key '1' is not text"),
    ({"authorized_keys": ["nonsense"]}, r"burrow_authorized_keys\[0\]: it begins with no known key type"),
    ({"shares": [{"source": "/"}]}, r"burrow_shares\[0\].source: '/' is a system directory"),
    ({"shares": [{"source": "/etc/..//proc"}]}, r"burrow_shares\[0\].source: .* is a system directory"),
    ({"forwards": ["0:80"]}, r"burrow_forwards\[0\]: 0 is out of range"),
    ({"interfaces": []}, "burrow_interfaces: it is empty"),
    ({"interfaces": [{"network": "a b"}]}, r"burrow_interfaces\[0\].network: 'a b' is not a valid name"),
    ({"interfaces": [{"mac": "x"}]}, r"burrow_interfaces\[0\].mac: 'x' is not a MAC address"),
    ({"interfaces": [{"mac": "01:00:5e:00:00:01"}]}, "a group address is none"),
    ({"interfaces": [{"mac": 525400123456}]}, "is not a MAC address"),
    ({"interfaces": [{"mac": "52:54:00:00:00:01"}] * 2}, r"burrow_interfaces\[1\].mac: .* is interfaces\[0\]'s too"),
    ({"interfaces": [{"mac": mac_address("work", "forward")}]}, "is the interface of the forwards's too"),
    ({"interfaces": [{"net": "x"}]}, r"burrow_interfaces\[0\].net: no such key"),
    ({"memry": "8GiB"}, "burrow_memry: no such key. Did you mean `burrow_memory`"),
    ({"share": []}, "burrow_share: no such key. Did you mean `burrow_shares`"),
    ({"user": "ada", "shares": [{"source": "/srv/x", "target": "/home/ada"}]}, "would hide the user's keys"),
    ({"user": "ada", "shares": [{"source": "/srv/x", "target": "/home"}]}, "would hide the user's keys"),
    ({"user": "ada", "shares": [{"source": "/srv/x", "target": "/home/ada/.ssh"}]}, "would hide the user's keys"),
    ({"cloud_config": {"ssh_pwauth": True}}, "burrow_cloud_config.ssh_pwauth: this key is burrow.vm's own"),
    (
        {"user": "ada", "cloud_config": {"users": ["ada"]}},
        r"burrow_cloud_config.users\[0\].name: ada is the guest's own",
    ),
    ({"vms": {"name": "work"}}, "burrow_vms: it is not a list"),
    ({"vms": [{"name": "work"}, {"name": "work"}]}, r"burrow_vms\[1\].name: 'work' is there twice"),
    ({"vms": [{"cpus": 1}]}, r"burrow_vms\[0\].name: '' is not a valid name"),
    ({"vms": [{"name": "other", "cpuss": 1}]}, r"burrow_vms\[0\].cpuss: no such key. Did you mean `cpus`"),
    ({"vms": [{"name": "work", "cpus": 0}]}, r"^burrow_vms\[0\].cpus: 0 is out of range"),
]


@pytest.mark.parametrize(("variables", "message"), BAD)
def test_bad_variables(variables: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        parse(variables, "work")


@pytest.mark.parametrize("name", ["", "a" * 64, "a/b", "..", "a..b", "a b", "a\nb", "-a", ".a", "ä", 5, None])
def test_bad_names(name: Any) -> None:
    with pytest.raises(SpecError, match="is not a valid name"):
        parse({}, name)


def test_a_share_below_the_home_is_fine() -> None:
    assert parse({"shares": [{"source": "/srv/x", "target": "/home/ada/code"}]}, "work", caller="ada").shares


def test_secrets_are_never_repeated() -> None:
    for variables in (
        {"cloud_config": CANARY},
        {"cloud_config": [CANARY]},
        {"first_boot_script": [CANARY]},
        {"every_boot_script": f"{CANARY}\0"},
        {"authorized_keys": [f"-----BEGIN OPENSSH PRIVATE KEY-----\n{CANARY}"]},
        {"authorized_keys": [CANARY]},
    ):
        with pytest.raises(SpecError) as caught:
            parse(variables, "work")
        assert CANARY not in str(caught.value)


def test_a_profile_lies_below_the_variables() -> None:
    profile = Layer(
        "profile dev: ", {"cpus": 8, "memory": "8GiB", "cloud_config": {"packages": ["git"], "a": {"b": 1}}}
    )
    guest = parse({"cpus": 4, "cloud_config": {"a": {"c": 2}, "packages": ["vim"]}}, "work", profile)
    assert (guest.cpus, guest.memory) == (4, 8 * GIB)
    assert guest.cloud_config == {"packages": ["vim"], "a": {"b": 1, "c": 2}}
    assert guest.stated == {"cpus", "memory", "cloud_config"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"cpus": "many"}, "^profile dev: cpus: 'many' is not a whole number"),
        ({"cpuss": 1}, "^profile dev: cpuss: no such key. Did you mean `cpus`"),
        ({"hypervisor": "x"}, "^profile dev: hypervisor: no such key"),
        ({"profile": "x"}, "^profile dev: profile: no such key"),
        ({"name": "x"}, "^profile dev: name: no such key"),
    ],
)
def test_a_wrong_profile_is_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        parse({}, "work", Layer("profile dev: ", values))


def test_an_entry_of_vms_lies_above_the_variables() -> None:
    vms = [{"name": "other", "cpus": 1}, {"name": "work", "cpus": 8, "profile": "dev"}]
    guest = parse({"cpus": 4, "memory": "4GiB", "vms": vms}, "work")
    assert (guest.cpus, guest.memory, guest.profile) == (8, 4 * GIB, "dev")
    assert parse({"vms": vms}, "third").cpus == 2
    assert vms[1] == {"name": "work", "cpus": 8, "profile": "dev"}


def test_the_profile_is_known_before_the_rest() -> None:
    assert profile_name({"profile": "dev", "cpus": "wrong"}, "work") == "dev"
    assert profile_name({"profile": "dev", "vms": [{"name": "work", "profile": "web"}]}, "work") == "web"
    assert profile_name({}, "work") is None


def test_run_keys_are_typed_and_not_the_guests() -> None:
    run = parse_run({"destroy_all": "true", "name": "work", "prepare": "never", "cpus": 4, "provision": None})
    assert run == {
        "destroy_all": True,
        "provision": False,
        "prepare": "never",
        "ssh_include": True,
        "output": "text",
        "lines": 40,
        "name": "work",
    }
    assert parse({"destroy_all": True, "name": "work"}, "work").stated == frozenset()


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"destroy_all": "sure"}, "burrow_destroy_all: 'sure' is neither true nor false"),
        ({"prepare": "maybe"}, "burrow_prepare: 'maybe' is not known. Write one of: auto, always, never"),
        ({"output": "json"}, "burrow_output: 'json' is not known"),
        ({"name": "a b"}, "burrow_name: 'a b' is not a valid name"),
    ],
)
def test_bad_run_keys(variables: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        parse_run(variables)


def test_prefixes() -> None:
    assert strip_prefix({"burrow_cpus": 1, "memory": 2}) == {"cpus": 1, "memory": 2}


def test_names_become_host_names() -> None:
    assert parse({}, "My_Box.lab").hostname == "my-box.lab"
    assert parse({"hostname": "Web.example.org"}, "x").hostname == "web.example.org"


def test_vms_keep_their_order() -> None:
    assert list(parse_vms([{"name": "b"}, {"name": "a"}])) == ["b", "a"]


@pytest.mark.parametrize(
    ("below", "above", "merged"),
    [
        (None, 1, 1),
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": [1]}, {"a": [2]}, {"a": [2]}),
        ({"a": {"b": {"c": 1}}}, {"a": {"b": {"d": 2}}}, {"a": {"b": {"c": 1, "d": 2}}}),
        ({"a": {"b": 1}}, {"a": None}, {"a": None}),
        ([1], {"a": 1}, {"a": 1}),
    ],
)
def test_merge(below: object, above: object, merged: object) -> None:
    assert merge_deep(below, above) == merged
