# Copyright: burrow.vm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""apt's sources: read in both of its formats, and turned into those of another release from the same mirror.

A source's address never holds a login: that is kept apart, so that it can't reach a guest or a log.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Callable, Optional
from urllib.parse import unquote, urlsplit, urlunsplit

from .release import RELEASES, Architecture, Release

_OPTION = re.compile(r"([A-Za-z-]+)=(\S+)")
_ONE_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)(?P<components>[^#]*)")
# A deb822 host names its archive by suite instead of by codename now and then.
_ALIASES = frozenset({"oldoldstable", "oldstable", "stable", "testing", "unstable"})
_FETCHED = frozenset({"http", "https", "ftp", "file", "copy"})
_FROM_GUEST = frozenset({"http", "https", "ftp"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class Source:
    """One archive. keyring is a file's path or an ASCII-armoured key; login is "user password"."""

    uri: str
    suite: str
    components: tuple[str, ...] = ()
    keyring: str = ""
    login: Optional[tuple[str, str]] = field(default=None, repr=False)

    def line(self, keyring: str) -> str:
        """The source in apt's one-line format, verified by the key file keyring."""
        return f"deb [signed-by={keyring}] {self.uri} {self.suite} {' '.join(self.components)}"

    def stanza(self, keyring: str) -> str:
        """The source in deb822 format."""
        return (
            f"Types: deb\nURIs: {self.uri}\nSuites: {self.suite}\n"
            f"Components: {' '.join(self.components)}\nSigned-By: {keyring}\n"
        )


def parse_list(text: str) -> tuple[Source, ...]:
    """Sources in the one-line format (`sources.list`, `*.list`)."""
    found = []
    for line in text.splitlines():
        match = _ONE_LINE.match(line.strip())
        if match is None:
            continue
        options = dict(_OPTION.findall(match["options"] or ""))
        keyring = options.get("signed-by", "").split(",")[0]
        found.append(_source(match["uri"], match["suite"], match["components"].split(), keyring))
    return tuple(found)


def parse_deb822(text: str) -> tuple[Source, ...]:
    """Sources in the deb822 format (`*.sources`)."""
    found = []
    for stanza in _stanzas(text):
        if "deb" not in stanza.get("types", "").split() or stanza.get("enabled", "yes").lower() in ("no", "false", "0"):
            continue
        keyring = stanza.get("signed-by", "").strip()
        if "BEGIN PGP" not in keyring:
            keyring = keyring.split()[0] if keyring else ""
        found += [
            _source(uri, suite, stanza.get("components", "").split(), keyring)
            for uri in stanza.get("uris", "").split()
            for suite in stanza.get("suites", "").split()
        ]
    return tuple(found)


def _stanzas(text: str) -> Iterator[Mapping[str, str]]:
    stanza: dict[str, str] = {}
    name = ""
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            if stanza:
                yield stanza
            stanza, name = {}, ""
        elif line[0] in " \t":
            # A line of an embedded key that is empty is written as one dot.
            stanza[name] = stanza.get(name, "") + "\n" + ("" if line.strip() == "." else line.strip())
        else:
            name, _colon, value = line.partition(":")
            name = name.strip().lower()
            stanza[name] = value.strip()


def _source(uri: str, suite: str, components: Sequence[str], keyring: str) -> Source:
    uri, login = split_login(uri)
    return Source(uri.rstrip("/"), suite, tuple(components), keyring, login)


def split_login(uri: str) -> tuple[str, Optional[tuple[str, str]]]:
    """The address without its login, and the login."""
    parts = urlsplit(uri)
    if "@" not in parts.netloc:
        return uri, None
    login, _at, host = parts.netloc.rpartition("@")
    user, _colon, password = login.partition(":")
    return urlunsplit(parts._replace(netloc=host)), (unquote(user), unquote(password))


def resolve_mirrorlist(source: Source, text: str) -> Source:
    """A source of method mirror+file with the first address of its list; Debian's own cloud images use it."""
    for line in text.splitlines():
        address = line.split("#")[0].split()
        if address:
            uri, login = split_login(address[0])
            return replace(source, uri=uri.rstrip("/"), login=login)
    return source


def mirror(release: Release, sources: Iterable[Source], origins: Mapping[tuple[str, str], str]) -> tuple[Source, ...]:
    """The sources of a release, from the archives where the host gets its own distribution; none when it has none.

    origins: what apt knows of who made an archive, by (address, suite); others than the
    distribution are left out (a third party's suite may well be called `stable`, too).
    """
    family = release.family
    usable = [
        source
        for source in sources
        if urlsplit(source.uri).scheme in _FETCHED
        and family.components[0] in source.components
        and origins.get((source.uri, source.suite), family.name).lower() == family.name
    ]
    # A codename is the distribution's own; third parties like `stable`, and apt may not have fetched their lists.
    usable.sort(key=lambda source: source.suite in _ALIASES)
    chosen = []
    for suffix, wanted in _SUITES:
        source = next((source for source in usable if wanted(source.suite)), None)
        if source is not None:
            keyring = source.keyring or family.keyring
            suite = release.codename + suffix
            chosen.append(replace(source, suite=suite, components=family.components, keyring=keyring))
        elif not suffix:
            return ()
    return tuple(chosen)


_CODENAMES = frozenset({"sid", "forky", "bullseye", *(release.codename for release in RELEASES.values())})
# What a release's archives are called, and how they are found among the host's.
_SUITES: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("", lambda suite: suite in _CODENAMES or suite in _ALIASES),
    ("-updates", lambda suite: suite.endswith("-updates")),
    ("-security", lambda suite: suite.endswith(("-security", "/updates"))),
)


def for_guest(release: Release, architecture: Architecture, source: Source) -> Source:
    """The source as a guest can use it: the public archive where only this host reaches its mirror."""
    parts = urlsplit(source.uri)
    private = parts.scheme not in _FROM_GUEST or parts.hostname in _LOOPBACK or source.login is not None
    if private:
        base, security = release.family.archives[architecture.name]
        uri = security if source.suite.endswith("-security") else base
        return replace(source, uri=uri, login=None, keyring=release.family.keyring)
    if is_own_keyring(release, source.keyring):
        return replace(source, keyring=release.family.keyring)
    return source


def is_own_keyring(release: Release, keyring: str) -> bool:
    """Whether the key file is the distribution's own, which guests have as a package (by either of its names)."""
    return keyring.startswith(f"/usr/share/keyrings/{release.family.name}-archive-")
