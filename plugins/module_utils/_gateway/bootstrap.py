# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a distribution's file tree with mmdebstrap, from the package mirror that this host itself uses."""

from __future__ import annotations

import glob
import os
import platform
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from .._errors import HostError
from .._model import recipe
from .._model.apt import Source, for_guest, mirror, parse_deb822, parse_list, resolve_mirrorlist, split_login
from .._model.release import Architecture, Content, Release
from . import files
from .process import run

_LISTS = ("/etc/apt/sources.list", "/etc/apt/sources.list.d/*.list")
_DEB822 = ("/etc/apt/sources.list.d/*.sources",)
# What of the host's own apt configuration says how to reach its mirror, and when to believe it.
_REACH = (
    "Acquire::http",
    "Acquire::https",
    "Acquire::ftp",
    "Acquire::Retries",
    "Acquire::ForceIPv4",
    "Acquire::ForceIPv6",
    "Acquire::Check-Valid-Until",
    "Acquire::Check-Date",
    "Acquire::Max-FutureTime",
)
_BUILD_TIMEOUT = 1500.0


@dataclass(frozen=True)
class Bootstrap:
    """Where one build works: directory is ours alone (0700), so what lies in it needs no further cover."""

    directory: str

    @property
    def tree(self) -> str:
        return os.path.join(self.directory, "tree")

    def path(self, name: str) -> str:
        return os.path.join(self.directory, name)


def machine() -> str:
    """This host's architecture: no other's packages can be configured here."""
    return platform.machine()


def host_mirror(release: Release) -> tuple[Source, ...]:
    """The sources of release on this host's mirror; an error when it has none of that distribution."""
    sources = [source for path in _paths(_DEB822) for source in parse_deb822(_text(path))]
    sources += [source for path in _paths(_LISTS) for source in parse_list(_text(path))]
    found = mirror(release, [_without_mirrorlist(source) for source in sources], _origins())
    if not found:
        raise HostError(
            "build the image",
            release.name,
            f"this host's apt has no archive of {release.family.name}",
            f"Build it on a host that runs {release.family.name}, or state `url` or `path`.",
            "no_mirror",
        )
    return found


def guest_sources(
    place: Bootstrap, release: Release, architecture: Architecture, sources: Iterable[Source]
) -> Mapping[str, bytes]:
    """The image's own apt sources, by path, with the key of a mirror that has one of its own."""
    written: dict[str, bytes] = {}
    entries = []
    for source in (for_guest(release, architecture, source) for source in sources):
        keyring = source.keyring
        if keyring != release.family.keyring:
            origin = keyring_file(place.directory, source)
            path = f"etc/apt/keyrings/burrow-mirror{os.path.splitext(origin)[1]}"
            written[path] = files.read(origin) or b""
            keyring = f"/{path}"
        entries.append(source.stanza(keyring) if release.deb822 else source.line(keyring))
    if release.deb822:
        written[f"etc/apt/sources.list.d/{release.family.name}.sources"] = "\n".join(entries).encode()
    else:
        written["etc/apt/sources.list"] = "".join(f"{line}\n" for line in entries).encode()
    return written


def make_tree(
    place: Bootstrap, release: Release, architecture: Architecture, sources: Iterable[Source], content: Content
) -> None:
    """Unpack and configure the release's packages, and those of content, in place.tree."""
    early = place.path("early")
    for path, text in recipe.early_files().items():
        _write(os.path.join(early, path), text, 0o755 if text.startswith("#!") else 0o644)
    _write(place.path("customize"), recipe.CUSTOMIZE, 0o700)
    _write(place.path("apt.conf"), _apt_configuration(place, sources))
    lines = [source.line(keyring_file(place.directory, source)) for source in sources]
    _write(place.path("sources.list"), "".join(f"{line}\n" for line in lines))
    hooks = (
        # mmdebstrap's apt knows nothing of the host's configuration; this file is never copied into the tree.
        ("setup", f'printf \'#include "%s";\\n\' {shlex.quote(place.path("apt.conf"))} >> "$MMDEBSTRAP_APT_CONFIG"'),
        ("essential", f'cp -R {shlex.quote(early)}/. "$1"'),
        ("customize", f'{shlex.quote(place.path("customize"))} "$1"'),
    )
    packages = release.packages_for(architecture, content)
    listed = place.path("sources.list")
    arguments = recipe.bootstrap(release, architecture, place.tree, listed, hooks, packages=packages)
    run(
        # Its mounts are never seen outside, and all it started ends with this process, however that ends:
        # so nothing hinders the next run from clearing the tree away.
        ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", *arguments],
        operation="build the image",
        obj=release.name,
        timeout=_BUILD_TIMEOUT,
        environment={"INITRD": "No", "DEBIAN_FRONTEND": "noninteractive"},
        package="util-linux and mmdebstrap",
    )


def keyring_file(directory: str, source: Source) -> str:
    """The key file of a source; a key written out in the sources themselves is put into one."""
    if "BEGIN PGP" not in source.keyring:
        return source.keyring
    path = os.path.join(directory, "mirror.asc")
    _write(path, source.keyring.strip() + "\n")
    return path


def _apt_configuration(place: Bootstrap, sources: Iterable[Source]) -> str:
    """How apt reaches the mirror from this host: proxies, certificates, logins. Secret, and never in the image."""
    dump = run(["apt-config", "dump"], operation="read apt's configuration", obj="apt-config")
    lines = [line for line in dump.decode("utf-8", "replace").splitlines() if line.startswith(_REACH)]
    logins = place.path("auth.d")
    os.makedirs(logins, mode=0o700)
    for path in ["/etc/apt/auth.conf", *sorted(glob.glob("/etc/apt/auth.conf.d/*.conf"))]:
        if os.path.exists(path):
            _write(os.path.join(logins, f"host-{os.path.basename(path)}"), _text(path), 0o600)
    for number, source in enumerate(sources):
        if source.login:
            user, password = source.login
            parts = urlsplit(source.uri)
            entry = f"machine {parts.scheme}://{parts.netloc}{parts.path} login {user} password {password}\n"
            _write(os.path.join(logins, f"source-{number}.conf"), entry, 0o600)
    return "\n".join([*lines, f'Dir::Etc::netrcparts "{logins}";', ""])


def _origins() -> Mapping[tuple[str, str], str]:
    """Who made each archive that apt has fetched lists of, by (address, suite)."""
    output = run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(ORIGIN)", "Created-By: Packages"],
        operation="read apt's sources",
        obj="apt-get",
    )
    found = {}
    for line in output.decode("utf-8", "replace").splitlines():
        uri, _space, rest = line.partition(" ")
        suite, _space, origin = rest.partition(" ")
        if origin:
            found[(split_login(uri)[0].rstrip("/"), suite)] = origin
    return found


def _without_mirrorlist(source: Source) -> Source:
    scheme, _colon, path = source.uri.partition(":")
    if scheme != "mirror+file":
        return source
    return resolve_mirrorlist(source, _text("/" + path.lstrip("/")))


def _paths(patterns: Iterable[str]) -> list[str]:
    return [path for pattern in patterns for path in sorted(glob.glob(pattern))]


def _text(path: str) -> str:
    return (files.read(path) or b"").decode("utf-8", "replace")


def _write(path: str, content: str, mode: int = 0o644) -> None:
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    files.write(path, content.encode(), mode)
