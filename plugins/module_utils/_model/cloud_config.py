# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""cloud-config: what the guest's own settings are, and how a person's are laid over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Optional

from .._errors import SpecError
from .value import mapping, sequence
from .yaml_json import document

LARGEST = 1 << 20
_HOST_KEY = "The guest's ed25519 host key is made and pinned by burrow.vm."
_KEYS_ONLY = "Logins are by public key only: state `authorized_keys`."
_HOSTNAME = "State `hostname`."
_REFUSED = {
    "ssh_keys": _HOST_KEY,
    "ssh_deletekeys": _HOST_KEY,
    "ssh_genkeytypes": _HOST_KEY,
    "ssh_pwauth": _KEYS_ONLY,
    "password": _KEYS_ONLY,
    "chpasswd": _KEYS_ONLY,
    "ssh_authorized_keys": _KEYS_ONLY,
    "disable_root": "The guest's user has sudo.",
    "user": "State `user`; further ones go into `users`.",
    "hostname": _HOSTNAME,
    "fqdn": _HOSTNAME,
    "preserve_hostname": _HOSTNAME,
}
_PASSWORDS = ("passwd", "plain_text_passwd", "hashed_passwd")


def parse_cloud_config(value: object, path: str = "cloud_config") -> dict[str, Any]:
    """A person's cloud-config. Keys that would break a promise of the guest are refused; no value is shown."""
    config = mapping(value, path)
    document(config, path, most=LARGEST)
    for key, hint in _REFUSED.items():
        if key in config:
            raise SpecError(f"{path}.{key}", "this key is burrow.vm's own", hint)
    if "users" in config:
        for index, user in enumerate(sequence(config["users"], f"{path}.users")):
            _check_user(user, f"{path}.users[{index}]")
    return config


def _check_user(user: object, path: str) -> None:
    if not isinstance(user, Mapping):
        return
    for key in _PASSWORDS:
        if key in user:
            raise SpecError(f"{path}.{key}", "a password can't be set", "Give the user `ssh_authorized_keys`.")
    if user.get("lock_passwd", True) is not True:
        raise SpecError(f"{path}.lock_passwd", "the password must stay locked", "Leave the key out.")


def check_other_users(config: Mapping[str, Any], user: str, path: str = "cloud_config") -> None:
    """`users` adds to the guest's own user and can't redefine it."""
    for index, entry in enumerate(config.get("users") or ()):
        name = entry.get("name") if isinstance(entry, Mapping) else entry
        if name == user:
            problem = f"{user} is the guest's own user"
            raise SpecError(f"{path}.users[{index}].name", problem, "State `user` and `authorized_keys` instead.")


def own_config(
    user: str, uid: Optional[int], authorized_keys: Sequence[str], host_key: Optional[tuple[str, str]]
) -> dict[str, Any]:
    """The guest's own settings. host_key: private and public text; None once the guest was ready.

    cc_ssh writes the given keys and generates none. Without them it would generate the types listed, so that RSA,
    which takes up to 9 s under emulation, is never made; and without ssh_deletekeys it keeps those that are there.
    """
    account: dict[str, Any] = {
        "name": user,
        "groups": ["adm"],
        "shell": "/bin/bash",
        "sudo": "ALL=(ALL) NOPASSWD:ALL",
        "lock_passwd": True,
        "ssh_authorized_keys": list(authorized_keys),
    }
    if uid is not None:
        account["uid"] = uid
    config: dict[str, Any] = {
        "users": [account],
        "disable_root": True,
        "ssh_pwauth": False,
        "ssh_deletekeys": host_key is not None,
        "ssh_genkeytypes": ["ed25519"],
        "ssh": {"emit_keys_to_console": False},
        # 127.0.1.1 only; the rest of /etc/hosts stays the guest's.
        "manage_etc_hosts": "localhost",
        "preserve_hostname": False,
    }
    if host_key:
        config["ssh_keys"] = {"ed25519_private": host_key[0], "ed25519_public": host_key[1]}
    return config


def overlaid(own: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Theirs over ours: lists are appended, mappings merged, anything else is theirs."""
    merged = dict(own)
    for key, value in theirs.items():
        ours = own.get(key)
        if isinstance(ours, list) and isinstance(value, list):
            merged[key] = ours + value
        elif isinstance(ours, dict) and isinstance(value, Mapping):
            merged[key] = {**ours, **value}
        else:
            merged[key] = value
    return merged
