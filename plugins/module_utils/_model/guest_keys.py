# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one table of `burrow_*` variables: argument specs, documentation and the filters follow it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable, Optional

from .._errors import SpecError
from . import domain_values, share, short_forward
from .cloud_config import parse_cloud_config
from .fragment import parse_fragment
from .inside import hostname, parse_user, script
from .names import parse_name
from .public_key import parse_public_keys
from .size import MIB, parse_size
from .value import absolute_path, boolean, choice, count, mapping, sequence, shown, text, unknown_keys

GUEST = "guest"
RUN = "run"
NETWORK = "burrow"
LEAST_MEMORY = 256 * MIB
# What KVM takes (KVM_MAX_VCPUS of Linux 6.1); what a hypervisor really has is preflight's matter.
MOST_CPUS = 1024
_DAY = 24 * 60 * 60
# The first byte of an Ethernet address has bit 0 set when it is a group's.
_MAC = re.compile(r"[0-9a-f][02468ace](?::[0-9a-f]{2}){5}", re.ASCII)


@dataclass(frozen=True)
class Interface:
    """An interface on a libvirt network; without a MAC the guest gets one that follows from its name."""

    network: str = NETWORK
    mac: Optional[str] = None


@dataclass(frozen=True)
class Key:
    """One variable, written `burrow_<name>`.

    type and elements are Ansible's names of types; suboptions are (name, type, description) of a list's mappings.
    default is what is taken at creation when nobody states the key, as a person would write it.
    """

    name: str
    type: str
    read: Callable[[Any, str], Any]
    description: str
    default: Any = None
    choices: tuple[str, ...] = ()
    elements: str = ""
    suboptions: tuple[tuple[str, str, str], ...] = ()
    scope: str = GUEST


def _or_nothing(read: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    """Empty text takes the thing away; not stating it leaves it as it is."""
    return lambda value, path: value if value == "" else read(value, path)


def _disk(value: object, path: str) -> int:
    return parse_size(value, path, least=MIB)


def _memory(value: object, path: str) -> int:
    return parse_size(value, path, least=LEAST_MEMORY)


def _interfaces(value: object, path: str) -> tuple[Interface, ...]:
    return tuple(_interface(entry, f"{path}[{index}]") for index, entry in enumerate(sequence(value, path)))


def _interface(value: object, path: str) -> Interface:
    entry = mapping(value, path)
    unknown_keys(entry, ("network", "mac"), path)
    network, mac = entry.get("network"), entry.get("mac")
    if mac is not None and not (isinstance(mac, str) and _MAC.fullmatch(mac.lower())):
        hint = 'Write one as in "52:54:00:12:34:56", in quotes; a group address is none.'
        raise SpecError(f"{path}.mac", f"{shown(mac)} is not a MAC address", hint)
    return Interface(
        NETWORK if network is None else parse_name(network, f"{path}.network"),
        None if mac is None else str(mac).lower(),
    )


def _vsock(value: object, path: str) -> dict[str, object]:
    entry = mapping(value, path)
    unknown_keys(entry, ("cid",), path)
    if entry.get("cid") is None:
        raise SpecError(f"{path}.cid", "it is missing", "Write auto, none, or a number from 3.")
    return {"cid": domain_values.cid(entry["cid"], f"{path}.cid")}


def _xml(value: object, path: str) -> object:
    """The text itself: module domain reads it again."""
    parse_fragment(value, path)
    return value


def _one_of(*choices: str) -> Callable[[object, str], str]:
    return lambda value, path: choice(value, path, choices)


def _number(least: int, most: int) -> Callable[[object, str], int]:
    return lambda value, path: count(value, path, least=least, most=most)


def _anything(value: object, path: str) -> object:
    del path
    return value


KEYS: tuple[Key, ...] = (
    Key("hypervisor", "str", text, "Inventory host that the VM lives on.", "localhost"),
    Key("backend", "str", _one_of("libvirt"), "What runs the VM.", "libvirt", choices=("libvirt",)),
    Key(
        "profile",
        "str",
        text,
        "Profile of the VM: V(dev) is role C(profile_dev), of the playbook's own roles or of this collection.",
    ),
    Key("image", "str", parse_name, "Name of the image that the root disk is made from.", "debian-13"),
    Key("cpus", "int", _number(1, MOST_CPUS), "Number of virtual CPUs.", 2),
    Key("memory", "str", _memory, "Memory, with its unit; at least V(256MiB).", "2GiB"),
    Key("disk", "str", _disk, "Size of the root disk, with its unit. It grows, and never shrinks.", "20GiB"),
    Key(
        "interfaces",
        "list",
        _interfaces,
        "Interfaces of the VM, in order.",
        ({"network": NETWORK},),
        elements="dict",
        suboptions=(
            ("network", "str", "Name of the libvirt network."),
            ("mac", "str", "MAC address; follows from the VM's name when not stated."),
        ),
    ),
    Key(
        "shares",
        "list",
        share.parse_shares,
        "Directories of the hypervisor that the VM sees.",
        elements="dict",
        suboptions=(
            ("source", "path", "Directory on the hypervisor, absolute."),
            ("target", "path", "Where the VM mounts it, absolute; below C(/mnt), by its name, when not stated."),
            ("tag", "str", "The virtiofs tag, of 36 bytes at most; follows from the target when not stated."),
            ("readonly", "bool", "Whether the hypervisor lets the VM only read it."),
            ("allow_sensitive", "bool", "Consent to share a directory that holds the host's system, keys or tokens."),
        ),
    ),
    Key(
        "forwards",
        "list",
        short_forward.parse_forwards,
        'TCP ports of the hypervisor that lead to the VM. C("8080:80") and C("127.0.0.1:8080:80") are taken too.',
        elements="raw",
        suboptions=(
            ("host_port", "int", "Port on the hypervisor."),
            ("guest_port", "int", "Port in the VM."),
            ("address", "str", "Address on which the hypervisor listens, V(127.0.0.1) when not stated."),
        ),
    ),
    Key(
        "firmware",
        "str",
        _one_of("auto", "efi", "bios", "direct"),
        "What boots the VM. V(direct) loads the image's kernel without firmware. V(auto) is V(direct) where the CPU is "
        "emulated and the image has a kernel beside it, else V(efi) where the hypervisor has it, else V(bios).",
        "auto",
        choices=("auto", "efi", "bios", "direct"),
    ),
    Key(
        "iommu",
        "str",
        _one_of(*domain_values.IOMMUS, domain_values.NONE),
        "An emulated IOMMU, with which the VM can hand devices on to guests of its own; V(none) takes it away. The "
        "kernel of the VM uses V(intel) with C(intel_iommu=on) on its command line.",
        choices=(*domain_values.IOMMUS, domain_values.NONE),
    ),
    Key(
        "vsock",
        "dict",
        _vsock,
        "Sockets between the hypervisor and the VM, without a network.",
        suboptions=(
            ("cid", "str", "The VM's address. V(auto) is a free one at each start, V(none) takes the device away."),
        ),
    ),
    Key(
        "pcie_root_ports",
        "int",
        domain_values.root_ports,
        "Number of PCI Express root ports that the VM has at least, those of its own devices included.",
    ),
    Key(
        "xml",
        "str",
        _xml,
        "What has no variable, as part of libvirt's C(<domain>); see option C(xml) of module C(burrow.vm.domain).",
    ),
    Key("autostart", "bool", boolean, "Whether the VM starts with the hypervisor.", True),
    Key("user", "str", parse_user, "The VM's user, who has sudo; the caller's own name when not stated."),
    Key(
        "authorized_keys",
        "list",
        parse_public_keys,
        "Public keys that may log in as the user; the caller's own when not stated.",
        elements="str",
    ),
    Key("hostname", "str", hostname, "Host name of the VM; follows from its name when not stated."),
    Key(
        "cloud_config",
        "dict",
        parse_cloud_config,
        "Further cloud-config, as cloud-init documents it: packages, files, time zone. Applied at creation.",
    ),
    Key("first_boot_script", "str", _or_nothing(script), "Script that root runs in the VM once, at its first boot."),
    Key("every_boot_script", "str", _or_nothing(script), "Script that root runs in the VM at each boot."),
    Key("workdir", "path", _or_nothing(absolute_path), "Directory in which a login starts."),
    Key("timeout", "int", _number(1, _DAY), "Seconds that a boot may take.", 300),
    Key(
        "restart_policy",
        "str",
        _one_of("refuse", "defer", "now"),
        "What happens to a change that a running VM can't take: V(refuse) it before anything changes, V(defer) it to "
        "the next start, or restart V(now).",
        "refuse",
        choices=("refuse", "defer", "now"),
    ),
    Key("name", "str", parse_name, "The one VM that is meant; it is made when the inventory lacks it.", scope=RUN),
    Key(
        "vms",
        "list",
        _anything,
        "VMs that the inventory lacks: mappings of C(name) and these keys without C(burrow_).",
        elements="dict",
        scope=RUN,
    ),
    Key("destroy_all", "bool", boolean, "Consent to destroy more than one VM without naming it.", False, scope=RUN),
    Key("provision", "bool", boolean, "Apply the profile's role though it has not changed.", False, scope=RUN),
    Key(
        "prepare",
        "str",
        _one_of("auto", "always", "never"),
        "Whether role hypervisor is applied first: V(auto) does so where the hypervisor isn't prepared.",
        "auto",
        choices=("auto", "always", "never"),
        scope=RUN,
    ),
    Key(
        "ssh_include",
        "bool",
        boolean,
        "Whether C(~/.ssh/config) includes our entries, so that C(ssh NAME) works.",
        True,
        scope=RUN,
    ),
    Key("output", "str", _one_of("text"), "How the guests are shown.", "text", choices=("text",), scope=RUN),
    Key("lines", "int", _number(1, 100_000), "Lines of each log that are shown.", 40, scope=RUN),
)
BY_NAME: Mapping[str, Key] = {key.name: key for key in KEYS}
GUEST_KEYS = tuple(key.name for key in KEYS if key.scope == GUEST)
RUN_KEYS = tuple(key.name for key in KEYS if key.scope == RUN)
