# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Profiles are roles: where they are found, and what one consists of."""

from __future__ import annotations

import hashlib
import importlib
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Optional

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._model.value import nearest, shown

COLLECTION = "burrow.vm"
PREFIX = "profile_"
GUEST_FILE = os.path.join("vars", "guest.yml")
_NAME = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*)?", re.ASCII | re.IGNORECASE)
# What comes and goes without a change of the role.
_NOISE = frozenset({"__pycache__", ".git"})


@dataclass(frozen=True)
class Profile:
    """role is what include_role is given: a collection's full name, or the directory of a role of the user's."""

    name: str
    role: str
    path: str

    @property
    def guest_file(self) -> Optional[str]:
        """The file that says what VM the profile wants, where it has one."""
        path = os.path.join(self.path, GUEST_FILE)
        return path if os.path.isfile(path) else None


def find(name: str, directories: Sequence[str]) -> Profile:
    """The profile of that name; the user's own roles (in directories) come before the collection's."""
    if not _NAME.fullmatch(name):
        hint = "Write a profile's name, as in dev, or a collection's role, as in my.collection.profile_web."
        raise SpecError("burrow_profile", f"{shown(name)} is not a profile's name", hint)
    for profile in _candidates(name, directories):
        if os.path.isdir(profile.path) and (os.path.basename(profile.path).startswith(PREFIX) or profile.guest_file):
            return profile
    raise SpecError("burrow_profile", f"there is no profile {shown(name)}", _hint(name, directories))


def digest(path: str) -> str:
    """Of the role's files: their names, what can be run, and their content."""
    total = hashlib.sha256()
    for name in sorted(_files(path)):
        file = os.path.join(path, name)
        with open(file, "rb") as stream:
            content = hashlib.sha256(stream.read()).hexdigest()
        total.update(f"{name}\0{'x' if os.access(file, os.X_OK) else '-'}\0{content}\n".encode())
    return total.hexdigest()


def _candidates(name: str, directories: Sequence[str]) -> Iterable[Profile]:
    if "." in name:
        collection, role = name.rsplit(".", 1)
        yield from _of_collection(collection, (role, PREFIX + role), name)
        return
    for role in (PREFIX + name, name):
        for directory in directories:
            path = os.path.join(directory, role)
            yield Profile(name, path, path)
    yield from _of_collection(COLLECTION, (PREFIX + name,), name)


def _of_collection(collection: str, roles: Sequence[str], name: str) -> Iterable[Profile]:
    root = _collection_path(collection)
    for role in roles if root else ():
        yield Profile(name, f"{collection}.{role}", os.path.join(root, "roles", role))


def _collection_path(collection: str) -> str:
    try:
        module = importlib.import_module(f"ansible_collections.{collection}")
    except ImportError:
        return ""
    return next(iter(module.__path__), "")


def _hint(name: str, directories: Sequence[str]) -> str:
    if "." in name and not _collection_path(name.rpartition(".")[0]):
        return "Install its collection, or correct the name."
    root = _collection_path(COLLECTION)
    known = sorted({*_profiles(os.path.join(root, "roles")), *(p for place in directories for p in _profiles(place))})
    near = nearest(name, known)
    return f"Did you mean {near}?" if near else f"There are: {', '.join(known)}."


def _profiles(directory: str) -> list[str]:
    try:
        entries = os.listdir(directory)
    except OSError:
        return []
    return [entry[len(PREFIX) :] for entry in entries if entry.startswith(PREFIX)]


def _files(path: str) -> Iterable[str]:
    for directory, subdirectories, names in os.walk(path):
        subdirectories[:] = [name for name in subdirectories if name not in _NOISE]
        for name in names:
            if not name.endswith(".pyc") and os.path.isfile(os.path.join(directory, name)):
                yield os.path.relpath(os.path.join(directory, name), path)
