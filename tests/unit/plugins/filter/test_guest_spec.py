# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters: what each module is given for a guest."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.burrow.vm.plugins.filter.guest_spec import (
    FilterModule,
    guest_domain,
    guest_profile,
    guest_reset_required,
    guest_spec,
    vm_hosts,
)
from ansible_collections.burrow.vm.plugins.module_utils._model.names import mac_address

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ada"
CALLER = {"user": "ada", "authorized_keys": [KEY], "identity_file": "/home/ada/.local/share/burrow/id_ed25519"}
KERNEL = {"path": "/x/vmlinuz", "initrd": None, "cmdline": "root=/dev/vda1"}
IMAGE = {"name": "debian-13", "digest": "d1", "path": "/x/image.qcow2", "kernel": KERNEL}
DIRECTORY = "/var/lib/burrow/guests/work"
TCG = {"accelerator": "tcg", "efi": True}
KVM = {"accelerator": "kvm", "efi": True}


def spec(name: str = "work", /, **variables: Any) -> dict[str, Any]:
    return guest_spec({f"burrow_{key}": value for key, value in variables.items()}, name, caller=CALLER)


def test_a_guest_of_which_nothing_is_stated() -> None:
    made = spec()
    mac = mac_address("work", "net0")
    assert made["domain"] == {
        "name": "work",
        "state": "running",
        "disks": [
            {"name": "root", "source": f"{DIRECTORY}/root.qcow2", "format": "qcow2"},
            {"name": "seed", "source": f"{DIRECTORY}/seed.img", "format": "raw", "readonly": True},
        ],
        "filesystems": [],
        "forwards": [],
        "console_log": f"{DIRECTORY}/console.log",
        "purge": ["filesystems", "forwards"],
        "restart_policy": "refuse",
        "owned_only": True,
        "metadata": {},
        "defaults": {
            "cpus": 2,
            "memory": "2 GiB",
            "interfaces": [{"type": "network", "source": "burrow", "mac": mac}],
            "autostart": True,
        },
    }
    assert made["disk"] == {"path": f"{DIRECTORY}/root.qcow2"}
    assert "disk" not in made["preflight"]
    assert made["image"] == {"name": "debian-13"}
    assert made["ssh"] == {
        "name": "work",
        "alias": "burrow-work",
        "include": True,
        "user": "ada",
        "identity_file": CALLER["identity_file"],
    }
    assert made["ready"]["mac"] == mac
    assert set(made["seed"]["defaults"]) == {"user", "authorized_keys", "hostname", "cloud_config", "network_config"}
    assert made["stated"] == []
    assert "profile" not in made


def test_only_what_is_stated_is_compared() -> None:
    made = spec(cpus=4, memory="8GiB", autostart=False, disk="50GiB", user="eve", interfaces=[{"network": "lan"}])
    assert {key: made["domain"][key] for key in ("cpus", "memory", "autostart")} == {
        "cpus": 4,
        "memory": "8 GiB",
        "autostart": False,
    }
    assert made["domain"]["defaults"] == {}
    assert made["domain"]["interfaces"][0]["source"] == "lan"
    assert made["disk"]["size"] == made["preflight"]["disk"] == "50 GiB"
    assert set(made["seed"]["defaults"]) == {"authorized_keys", "hostname", "cloud_config"}
    assert made["seed"]["user"] == "eve"


def test_shares_and_forwards_go_where_they_are_used() -> None:
    made = spec(
        shares=[{"source": "/srv/code", "target": "/code", "tag": "code", "readonly": True}],
        forwards=["8080:80"],
        every_boot_script="date",
        workdir="/code",
    )
    share = {"source": "/srv/code", "readonly": True, "allow_sensitive": False}
    assert made["domain"]["filesystems"] == [{**share, "tag": "code"}]
    assert made["seed"]["shares"] == [{"source": "/srv/code", "target": "/code", "tag": "code", "readonly": True}]
    assert made["domain"]["forwards"] == [{"host_port": 8080, "guest_port": 80, "address": "127.0.0.1"}]
    assert made["preflight"]["forwards"] == made["domain"]["forwards"]
    assert made["preflight"]["shares"] == [share]
    assert made["seed"]["workdir"] == "/code"
    assert made["seed"]["every_boot_script"].endswith("date")
    assert "first_boot_script" not in made["seed"]


def test_the_network_is_found_by_mac_addresses() -> None:
    made = spec(interfaces=[{"network": "a", "mac": "52:54:00:00:00:01"}, {"network": "b"}])
    ethernets = made["seed"]["network_config"]["ethernets"]
    assert [ethernets[name]["match"]["macaddress"] for name in ("net0", "net1", "forward")] == [
        "52:54:00:00:00:01",
        mac_address("work", "net1"),
        mac_address("work", "forward"),
    ]
    assert ethernets["forward"]["addresses"] == ["10.0.2.15/24"]
    assert ethernets["forward"]["optional"] is True
    assert made["ready"]["mac"] == "52:54:00:00:00:01"


def test_keys_that_are_stated_replace_the_callers() -> None:
    assert spec()["seed"]["defaults"]["authorized_keys"] == [KEY]
    assert spec(authorized_keys=[])["seed"]["authorized_keys"] == []


def test_the_result_is_plain_data() -> None:
    class Tagged(str):
        """As ansible-core tags text."""

    made = spec(image=Tagged("debian-13"), cloud_config={Tagged("timezone"): Tagged("UTC"), "day": dt.date(2026, 1, 2)})
    assert made["image"]["name"].__class__ is str
    assert [part.__class__ for item in made["seed"]["cloud_config"].items() for part in item] == [str] * 4
    assert made["seed"]["cloud_config"]["day"] == "2026-01-02"
    json.dumps(made)


def test_templates_in_text_stay_text() -> None:
    assert spec(cloud_config={"a": "{{ x }}"})["seed"]["cloud_config"] == {"a": "{{ x }}"}


PROFILE = {"name": "dev", "role": "burrow.vm.profile_dev", "digest": "d2", "guest": {"cpus": 8, "memory": "4GiB"}}


def test_a_profile_counts_as_stated() -> None:
    made = guest_spec({"burrow_profile": "dev", "burrow_cpus": 4}, "work", profile=PROFILE, caller=CALLER)
    assert (made["domain"]["cpus"], made["domain"]["memory"]) == (4, "4 GiB")
    assert made["profile"] == {"name": "dev", "role": "burrow.vm.profile_dev", "digest": "d2"}
    assert made["domain"]["metadata"] == {"profile": "dev"}


@pytest.mark.parametrize(
    ("image", "host", "firmware", "boots"),
    [
        (IMAGE, TCG, "auto", {"kernel": KERNEL}),
        (IMAGE, KVM, "auto", {"firmware": "efi"}),
        (IMAGE, {"accelerator": "kvm", "efi": False}, "auto", {"firmware": "bios"}),
        ({**IMAGE, "kernel": None}, TCG, "auto", {"firmware": "efi"}),
        ({**IMAGE, "kernel": "(known after apply)"}, TCG, "auto", {}),
        (IMAGE, KVM, "direct", {"kernel": KERNEL}),
        (IMAGE, TCG, "bios", {}),
        (IMAGE, None, "auto", {"firmware": "efi"}),
    ],
)
def test_what_boots_a_new_guest(image: Any, host: Any, firmware: str, boots: dict[str, Any]) -> None:
    defaults = guest_domain(spec(firmware=firmware), image, host)["defaults"]
    assert {key: defaults[key] for key in ("kernel", "firmware") if key in defaults} == boots


def test_direct_boot_needs_a_kernel() -> None:
    with pytest.raises(
        AnsibleFilterError, match="burrow_firmware: 'direct' needs a kernel, and image debian-13 has none"
    ):
        guest_domain(spec(firmware="direct"), {**IMAGE, "kernel": None}, KVM)


def test_a_new_guest_records_what_it_is_made_from() -> None:
    made = spec(cloud_config={"b": 1, "a": 2})
    arguments = guest_domain(made, IMAGE, KVM)
    assert arguments["disks"][0]["base"] == "/x/image.qcow2"
    assert "base" not in arguments["disks"][1]
    assert arguments["metadata"]["image"] == "debian-13"
    assert arguments["metadata"]["digests"]["image"] == "d1"
    other = guest_domain(spec(cloud_config={"a": 2, "b": 1}), IMAGE, KVM)
    assert other["metadata"] == arguments["metadata"]


def test_a_guest_that_exists_keeps_what_it_was_made_from() -> None:
    made = spec(image="debian-12")
    assert guest_domain(made) == made["domain"]
    assert guest_reset_required(made, {"image": "debian-13"}) == ["image"]
    assert guest_reset_required(made, {"image": "debian-12"}) == []
    assert guest_reset_required(made, {}) == []
    assert guest_reset_required(spec(), {"image": "debian-12"}) == []


def test_errors_can_be_returned() -> None:
    made = guest_spec({"burrow_memory": "8", "burrow_hypervisor": "vmhost1"}, "work", errors="return")
    assert made == {
        "name": "work",
        "hypervisor": "vmhost1",
        "domain": {"name": "work"},
        "ssh": {"name": "work", "alias": "burrow-vmhost1-work"},
        "error": {
            "code": "invalid",
            "path": "burrow_memory",
            "hint": "Write a whole number with its unit, as in 8GiB or 512M.",
            "msg": "burrow_memory: '8' is not a size. Write a whole number with its unit, as in 8GiB or 512M.",
        },
    }


@pytest.mark.parametrize(
    ("variables", "hypervisor"),
    [
        ({"vms": "nonsense", "hypervisor": "a"}, "localhost"),
        ({"vms": [{"name": "work", "hypervisor": "b"}], "hypervisor": "a", "cpus": 0}, "b"),
        ({"nonsense": 1}, "localhost"),
    ],
)
def test_wrong_variables_still_tell_the_hypervisor(variables: dict[str, Any], hypervisor: str) -> None:
    made = guest_spec(variables, "work", errors="return")
    assert made["hypervisor"] == hypervisor
    assert made["error"]["msg"]


def test_errors_are_raised_otherwise() -> None:
    with pytest.raises(AnsibleFilterError, match=r"^burrow_cpus: 0 is out of range"):
        spec(cpus=0)
    with pytest.raises(AnsibleFilterError, match=r"^errors: 'ignore' is not known"):
        guest_spec({}, "work", errors="ignore")
    with pytest.raises(AnsibleFilterError, match=r"^burrow_vms\[0\]"):
        vm_hosts([{}])


def test_an_unknown_profile_is_an_error_of_the_guest() -> None:
    lost = {
        "name": "x",
        "error": {"path": "burrow_profile", "problem": "there is no profile 'x'", "hint": "There are: dev."},
    }
    made = guest_spec({"burrow_profile": "x"}, "work", profile=lost, errors="return")
    assert made["error"]["msg"] == "burrow_profile: there is no profile 'x'. There are: dev."


@pytest.mark.parametrize(
    ("variables", "name"),
    [({"profile": "dev"}, "dev"), ({}, ""), ({"profile": ["x"]}, ""), ({"nonsense": 1}, "")],
)
def test_the_profile_is_named(variables: dict[str, Any], name: str) -> None:
    assert guest_profile(variables, "work") == name


def test_what_a_module_would_refuse_is_refused_first() -> None:
    made = guest_spec({"forwards": ["[::1]:8080:80"]}, "work", errors="return")
    assert made["error"]["path"] == "burrow_forwards[0].address"
    assert "IPv6" in made["error"]["msg"]


def test_vms_become_hosts() -> None:
    assert vm_hosts([{"name": "web", "cpus": 4, "shares": []}, {"name": "db"}]) == [
        {"name": "web", "variables": {"burrow_cpus": 4, "burrow_shares": []}},
        {"name": "db", "variables": {}},
    ]


@pytest.mark.parametrize(
    ("name", "variables", "proxy"),
    [
        ("localhost", {}, None),
        ("localhost", {"ansible_connection": "ssh", "ansible_host": "10.0.0.1"}, {"host": "10.0.0.1"}),
        ("vmhost1", {"other": object()}, {"host": "vmhost1"}),
        ("vmhost1", {"ansible_connection": "local"}, None),
        (
            "vmhost1",
            {"ansible_host": "192.0.2.1", "ansible_user": "root", "ansible_port": 2222},
            {"host": "192.0.2.1", "user": "root", "port": 2222},
        ),
        (
            "vmhost1",
            {"ansible_ssh_private_key_file": "~/key", "ansible_ssh_common_args": "-J bastion -o 'SetEnv A=b c'"},
            {"host": "vmhost1", "identity_file": "~/key", "arguments": ["-J", "bastion", "-o", "SetEnv A=b c"]},
        ),
    ],
)
def test_the_way_to_a_guest_leads_through_its_hypervisor(name: str, variables: Any, proxy: Any) -> None:
    made = guest_spec({"burrow_hypervisor": name}, "work", caller=CALLER, hosts={name: variables})
    assert made["ssh"].get("proxy") == proxy


@pytest.mark.parametrize(
    ("name", "hypervisor", "alias"),
    [
        ("work", "localhost", "burrow-work"),
        ("work", "vmhost1", "burrow-vmhost1-work"),
        ("work", "a b/c", "burrow-a-b-c-work"),
    ],
)
def test_host_keys_are_kept_apart_by_hypervisor(name: str, hypervisor: str, alias: str) -> None:
    assert spec(name, hypervisor=hypervisor)["ssh"]["alias"] == alias


def test_names_that_differ_in_case_have_two_aliases() -> None:
    upper, lower = spec("Work")["ssh"]["alias"], spec("work")["ssh"]["alias"]
    assert upper != lower
    assert upper == upper.lower()


def test_each_filter_is_there() -> None:
    assert sorted(FilterModule().filters()) == [
        "guest_domain",
        "guest_profile",
        "guest_reset_required",
        "guest_spec",
        "vm_hosts",
    ]
