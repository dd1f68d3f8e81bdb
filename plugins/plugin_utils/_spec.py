# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each module of an `up` is given, made from a guest's variables."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Optional

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_request import parse_request
from ansible_collections.burrow.vm.plugins.module_utils._model.guest import (
    PREFIX,
    Guest,
    Layer,
    parse,
    parse_run,
    parse_vms,
    strip_prefix,
)
from ansible_collections.burrow.vm.plugins.module_utils._model.names import mac_address
from ansible_collections.burrow.vm.plugins.module_utils._model.paths import DATA, Store
from ansible_collections.burrow.vm.plugins.module_utils._model.seed import DEFAULTS as SEED_DEFAULTS
from ansible_collections.burrow.vm.plugins.module_utils._model.seed import parse_seed
from ansible_collections.burrow.vm.plugins.module_utils._model.size import format_size
from ansible_collections.burrow.vm.plugins.module_utils._plan import UNKNOWN
from ansible_collections.burrow.vm.plugins.plugin_utils._plain import plain
from ansible_collections.burrow.vm.plugins.plugin_utils._ssh_proxy import VARIABLES as PROXY_VARIABLES
from ansible_collections.burrow.vm.plugins.plugin_utils._ssh_proxy import from_variables

LOCAL = ("localhost", "127.0.0.1", "::1")
_SSH_PORT = 22
# The address that QEMU's user-mode network gives its one guest, and that the forwards lead to.
_FORWARD_ADDRESS = "10.0.2.15/24"
_DOMAIN_KEYS = ("cpus", "memory", "interfaces", "autostart")
# What a VM has none of unless somebody states it.
_FURTHER_KEYS = ("iommu", "vsock", "pcie_root_ports", "xml")


def build(
    variables: Mapping[str, Any],
    name: str,
    *,
    profile: Optional[Mapping[str, Any]] = None,
    caller: Optional[Mapping[str, Any]] = None,
    hosts: Optional[Mapping[str, Any]] = None,
    data: str = DATA,
) -> dict[str, Any]:
    """The arguments of every module for one guest; keys that aren't stated are absent."""
    values = strip_prefix(plain(variables))
    who = plain(caller or {})
    guest = parse(values, name, _profile_layer(profile), who.get("user"))
    run = parse_run(values)
    place = Store(data).guest(name)
    spec: dict[str, Any] = {
        "name": name,
        "hypervisor": guest.hypervisor,
        "backend": guest.backend,
        "stated": sorted(guest.stated),
        "run": run,
        "image": {"name": guest.image},
        "disk": _disk(guest, place.root_disk),
        "seed": _seed(guest, place.seed, who),
        "domain": _domain(guest, data),
        "firmware": guest.firmware,
        "ready": {
            "name": name,
            "port": _SSH_PORT,
            "timeout": guest.timeout,
            "console_log": place.console_log,
            "mac": guest.mac(0),
        },
        "ssh": _ssh(guest, run, who, _connection(guest.hypervisor, hosts)),
        "preflight": _preflight(guest),
    }
    spec["seed_asked"] = _check(spec)
    if profile:
        spec["profile"] = {key: plain(profile[key]) for key in ("name", "role", "digest")}
    return spec


def partial(variables: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What can be told of a guest whose variables are wrong: enough to look at it and to remove it."""
    try:
        values = strip_prefix(plain(variables))
        entry = parse_vms(values["vms"]).get(name) if values.get("vms") else None
        stated = (entry.values.get("hypervisor") if entry else None) or values.get("hypervisor")
    except SpecError:
        stated = None
    hypervisor = str(stated or "localhost")
    return {
        "name": name,
        "hypervisor": hypervisor,
        "domain": {"name": name},
        "ssh": {"name": name, "alias": alias(name, hypervisor)},
    }


def alias(name: str, hypervisor: str) -> str:
    """The name under which a guest's host key is kept: two hypervisors may have guests of one name."""
    place = "" if hypervisor in LOCAL else re.sub(r"[^A-Za-z0-9._-]+", "-", hypervisor, flags=re.ASCII) + "-"
    text = f"burrow-{place}{name}"
    # ssh lowers a pattern of known_hosts before it compares (OpenSSH 9, match_pattern_list).
    lower = text.lower()
    return lower if lower == text else f"{lower}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def domain(
    spec: Mapping[str, Any], image: Optional[Mapping[str, Any]] = None, host: Optional[Mapping[str, Any]] = None
) -> dict[str, Any]:
    """spec's arguments of module domain, completed by what the image turned out to be.

    image is None for a guest that exists: it keeps what it was made with, and the record of that.
    """
    arguments: dict[str, Any] = {**spec["domain"]}
    if image is None:
        return arguments
    found = plain(image)
    arguments["disks"] = [
        {**disk, "base": found["path"]} if disk["name"] == "root" else disk for disk in arguments["disks"]
    ]
    arguments["defaults"] = {**arguments["defaults"], **boot(spec, found, plain(host or {}))}
    metadata = arguments["metadata"]
    seed = spec["seed"]
    cloud_config = seed.get("cloud_config", seed["defaults"].get("cloud_config"))
    digests = {"image": found["digest"], "cloud_config": digest(cloud_config)}
    arguments["metadata"] = {**metadata, "image": spec["image"]["name"], "digests": digests}
    return arguments


def boot(spec: Mapping[str, Any], image: Mapping[str, Any], host: Mapping[str, Any]) -> dict[str, Any]:
    """The firmware or the kernel of a new guest.

    Firmware costs an emulated CPU several seconds, so that the image's own kernel is loaded directly there.
    """
    if "firmware" in spec["domain"]:
        return {}
    kernel = image.get("kernel")
    wanted = spec["firmware"]
    if wanted == "auto":
        direct = host.get("accelerator") == "tcg" and kernel is not None
        wanted = "direct" if direct else "efi" if host.get("efi", True) else "bios"
    if wanted != "direct":
        return {"firmware": wanted}
    if kernel is None:
        problem = f"'direct' needs a kernel, and image {spec['image']['name']} has none beside it"
        raise SpecError("burrow_firmware", problem, "Choose efi or bios, or an image that was built here.")
    # Before an image is built its kernel isn't known, and the domain is only planned.
    return {} if kernel == UNKNOWN else {"kernel": kernel}


def reset_required(spec: Mapping[str, Any], metadata: Mapping[str, Any]) -> list[str]:
    """The stated keys that an existing guest can only get by a reset, as its metadata tells."""
    made_from = metadata.get("image")
    return ["image"] if "image" in spec["stated"] and made_from and made_from != spec["image"]["name"] else []


def digest(document: object) -> str:
    """Of the content, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _check(spec: Mapping[str, Any]) -> str:
    """What a module would refuse is refused here, for all guests and before anything changes.

    It returns the digest of the seed that is asked for: one that answered it already is not asked again.
    """
    try:
        parse_request(spec["domain"])
        return parse_seed(spec["seed"]).asked
    except SpecError as error:
        path = PREFIX + error.path.removeprefix("defaults.").replace("filesystems[", "shares[", 1)
        raise SpecError(path, error.problem, error.hint) from None


def _profile_layer(profile: Optional[Mapping[str, Any]]) -> Optional[Layer]:
    if not profile:
        return None
    if profile.get("error"):
        raise SpecError(*(str(profile["error"][key]) for key in ("path", "problem", "hint")))
    return Layer(f"profile {profile['name']}: ", plain(profile["guest"]))


def _disk(guest: Guest, path: str) -> dict[str, Any]:
    stated = {"size": format_size(guest.disk)} if "disk" in guest.stated else {}
    return {"path": path, **stated}


def _seed(guest: Guest, path: str, caller: Mapping[str, Any]) -> dict[str, Any]:
    keys = [key.line for key in guest.authorized_keys] if guest.authorized_keys is not None else None
    optional = {
        "user": guest.user,
        "first_boot_script": guest.first_boot_script,
        "every_boot_script": guest.every_boot_script,
        "workdir": guest.workdir,
    }
    made: dict[str, Any] = {
        "hostname": guest.hostname,
        "authorized_keys": list(caller.get("authorized_keys", ())) if keys is None else keys,
        "cloud_config": dict(guest.cloud_config),
        "network_config": _network_config(guest),
        **{key: value for key, value in optional.items() if value is not None},
    }
    # Decided once, at creation, where nobody states them: another caller's keys are no change of a guest.
    defaults = [key for key in SEED_DEFAULTS if _seed_source(key) not in guest.stated]
    return {
        "name": guest.name,
        "path": path,
        "shares": [
            {"source": share.source, "target": share.target, "tag": share.tag, "readonly": share.readonly}
            for share in guest.shares
        ],
        **{key: value for key, value in made.items() if key not in defaults},
        "defaults": {key: made[key] for key in defaults if key in made},
    }


def _seed_source(key: str) -> str:
    return "interfaces" if key == "network_config" else key


def _network_config(guest: Guest) -> dict[str, Any]:
    """Version 2, each interface found by its MAC: names differ between distributions and machine types."""
    main = {
        f"net{index}": {"match": {"macaddress": guest.mac(index)}, "dhcp4": True, "dhcp6": False}
        for index in range(len(guest.interfaces))
    }
    forward = {
        "match": {"macaddress": mac_address(guest.name, "forward")},
        "addresses": [_FORWARD_ADDRESS],
        "dhcp4": False,
        "dhcp6": False,
        # Without forwards the interface isn't there, and nothing may wait for it.
        "optional": True,
    }
    return {"version": 2, "ethernets": {**main, "forward": forward}}


def _domain(guest: Guest, data: str) -> dict[str, Any]:
    place = Store(data).guest(guest.name)
    values: dict[str, Any] = {
        "cpus": guest.cpus,
        "memory": format_size(guest.memory),
        "interfaces": [
            {"type": "network", "source": interface.network, "mac": guest.mac(index)}
            for index, interface in enumerate(guest.interfaces)
        ],
        "autostart": guest.autostart,
    }
    arguments: dict[str, Any] = {
        "name": guest.name,
        "state": "running",
        "disks": [
            {"name": "root", "source": place.root_disk, "format": "qcow2"},
            {"name": "seed", "source": place.seed, "format": "raw", "readonly": True},
        ],
        "filesystems": [
            {
                "source": share.source,
                "tag": share.tag,
                "readonly": share.readonly,
                # preflight has asked for consent, but what a link leads to may have changed since.
                "allow_sensitive": share.allow_sensitive,
            }
            for share in guest.shares
        ],
        "forwards": [asdict(forward) for forward in guest.forwards],
        "console_log": place.console_log,
        "purge": ["filesystems", "forwards"],
        "restart_policy": guest.restart_policy,
        "owned_only": True,
        "metadata": {"profile": guest.profile} if guest.profile else {},
        **{key: values[key] for key in _DOMAIN_KEYS if key in guest.stated},
        **{key: getattr(guest, key) for key in _FURTHER_KEYS if key in guest.stated},
        "defaults": {key: values[key] for key in _DOMAIN_KEYS if key not in guest.stated},
    }
    if "firmware" in guest.stated and guest.firmware in ("efi", "bios"):
        arguments["firmware"] = guest.firmware
    return arguments


def _ssh(
    guest: Guest, run: Mapping[str, Any], caller: Mapping[str, Any], connection: Mapping[str, Any]
) -> dict[str, Any]:
    optional = {
        "user": guest.user,
        "identity_file": caller.get("identity_file"),
        "proxy": from_variables(guest.hypervisor, connection, local=guest.hypervisor in LOCAL),
    }
    return {
        "name": guest.name,
        "alias": alias(guest.name, guest.hypervisor),
        "include": run["ssh_include"],
        **{key: value for key, value in optional.items() if value},
    }


def _connection(name: str, hosts: Optional[Mapping[str, Any]]) -> dict[str, Any]:
    """How Ansible reaches a host. Nothing else of its variables is looked at: they are templates until they are."""
    host = hosts[name] if hosts is not None and name in hosts else {}
    return {key: plain(host[key]) for key in PROXY_VARIABLES if key in host}


def _preflight(guest: Guest) -> dict[str, Any]:
    return {
        "name": guest.name,
        "image": guest.image,
        "cpus": guest.cpus,
        "memory": format_size(guest.memory),
        **({"disk": format_size(guest.disk)} if "disk" in guest.stated else {}),
        "forwards": [asdict(forward) for forward in guest.forwards],
        "shares": [
            {"source": share.source, "readonly": share.readonly, "allow_sensitive": share.allow_sensitive}
            for share in guest.shares
        ],
    }
