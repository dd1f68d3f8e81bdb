# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to prove an image: which of it is asked for, what is fetched for it, and what is noted."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._apply import apply
from ansible_collections.burrow.vm.plugins.module_utils._errors import BurrowError, HostError, SpecError
from ansible_collections.burrow.vm.plugins.module_utils._gateway import confined
from ansible_collections.burrow.vm.plugins.module_utils._model.catalog import CATALOG
from ansible_collections.burrow.vm.plugins.module_utils._model.image import parse
from ansible_collections.burrow.vm.plugins.module_utils._model.verification import (
    Trust,
    Verification,
    of_entry,
    parse_trust,
    read_verification,
)
from ansible_collections.burrow.vm.plugins.module_utils._resource import image_info
from ansible_collections.burrow.vm.plugins.module_utils._resource.image import ImageResource
from ansible_collections.burrow.vm.tests.unit.plugins.module_utils.image_samples import Qcow2
from ansible_collections.burrow.vm.tests.unit.plugins.module_utils.openpgp_samples import Signers, signers

IMAGE = Qcow2().content()
SHA256 = hashlib.sha256(IMAGE).hexdigest()
LIST = f"{SHA256}  i.qcow2\n".encode()
# No image here is converted.
QEMU_IMG = "#!/bin/sh\necho '{}'\n"
FINGERPRINT = CATALOG["ubuntu-24.04"].fingerprint
SUM = f"sha256:{SHA256}"


class Handler(BaseHTTPRequestHandler):
    timeout = 10
    files: dict[str, bytes] = {}
    asked: list[str] = []

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.asked.append(path)
        content = self.files.get(path)
        self.send_response(404 if content is None else 200)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def people() -> Iterator[Signers]:
    with signers() as found:
        found.make("good")
        found.make("other")
        yield found


@pytest.fixture
def server(people: Signers) -> Iterator[str]:
    Handler.files = {
        "/i.qcow2": IMAGE,
        "/SUMS": LIST,
        "/SUMS.asc": people.sign(LIST, "good"),
        "/CLEAR": people.sign(LIST, "good", clear=True),
    }
    Handler.asked = []
    instance = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=instance.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{instance.server_port}"
    instance.shutdown()
    instance.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/qemu-img"
    program.write_text(QEMU_IMG)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    # Only root passes pytest's directories.
    monkeypatch.setattr(confined, "unprivileged", lambda: None)


def resource(data: Path, **options: object) -> ImageResource:
    return ImageResource(parse({"name": "x", "data": str(data / "data"), **options}, "x86_64"))


def make(found: ImageResource) -> dict[str, Any]:
    plan = found.plan(found.observe())
    apply(plan, found)
    state = found.observe()
    assert found.plan(state).actions == ()
    return found.result(state, plan, planned=False)


@pytest.mark.parametrize(
    ("options", "level"),
    [
        ({"checksum": SUM}, "checksum"),
        ({"checksum_url": "https://m/S"}, "checksum"),
        ({"checksum": SUM, "checksum_url": "https://m/S"}, "checksum"),
        ({"checksum_url": "https://m/S", "key": "/k"}, "signature"),
        (
            {"checksum_url": "https://m/S", "key": "/k", "signature_url": "https://m/S.asc", "checksum": SUM},
            "signature",
        ),
        ({"checksum_url": "https://m/S", "fingerprint": FINGERPRINT.lower()}, "signature"),
        ({"verify": "none"}, "none"),
        ({}, "none"),
    ],
)
def test_the_strongest_that_is_offered(options: dict[str, object], level: str) -> None:
    assert parse_trust(options, Trust()).level == level


@pytest.mark.parametrize(
    ("name", "options", "level"),
    [
        ("debian-13", {}, "checksum"),
        ("ubuntu-24.04", {}, "signature"),
        ("fedora-44", {}, "signature"),
        ("fedora-44", {"verify": "checksum"}, "checksum"),
        ("fedora-44", {"verify": "none"}, "none"),
        # The very bytes are stated: nobody has to have signed a list of them.
        ("fedora-44", {"checksum": SUM}, "checksum"),
        ("fedora-44", {"checksum": SUM, "verify": "signature"}, "signature"),
        ("fedora-44", {"key": "/k"}, "signature"),
        ("fedora-44", {"key": "/k", "fingerprint": "0" * 40}, "signature"),
    ],
)
def test_the_strongest_that_a_publisher_offers(name: str, options: dict[str, object], level: str) -> None:
    request = parse({"name": name, **options}, "x86_64")
    assert request.trust.level == level
    assert request.trust.insists == bool(set(options) - {"verify"})
    # A key of one's own is in place of the catalog's, also where no fingerprint narrows it.
    expected = options.get("fingerprint", "" if "key" in options else CATALOG[name].fingerprint)
    assert request.trust.fingerprint == expected


@pytest.mark.parametrize(
    ("options", "path", "problem"),
    [
        ({"verify": "signature"}, "verify", "nothing that is signed"),
        ({"verify": "signature", "checksum": SUM}, "verify", "nothing that is signed"),
        ({"verify": "checksum"}, "checksum", "missing"),
        ({"verify": "none", "checksum": SUM}, "verify", "a checksum is stated"),
        ({"verify": "none", "checksum_url": "https://m/S"}, "verify", "a checksum is stated"),
        ({"verify": "checksum", "checksum_url": "https://m/S", "key": "/k"}, "verify", "a signature is stated"),
        ({"verify": "most"}, "verify", "not known"),
        ({"key": "/k"}, "checksum_url", "missing"),
        ({"signature_url": "https://m/S.asc"}, "checksum_url", "missing"),
        ({"checksum_url": "https://m/S", "signature_url": "https://m/S.asc"}, "key", "missing"),
        ({"checksum_url": "https://m/S", "fingerprint": "0" * 40}, "key", "none of that fingerprint"),
        ({"checksum_url": "https://m/S", "fingerprint": "7DB87C81"}, "fingerprint", "not the fingerprint"),
        ({"checksum_url": "https://m/S", "key": "k.asc"}, "key", "neither a path"),
        ({"checksum_url": "https://m/S", "key": "-----BEGIN PGP PRIVATE KEY BLOCK-----"}, "key", "private"),
        ({"checksum_url": "ftp://m/S"}, "checksum_url", "http"),
        ({"checksum_url": "https://joe:secret@m/S"}, "checksum_url", "login"),
        ({"checksum_url": "https://m/S", "signature_url": "S.asc", "key": "/k"}, "signature_url", "http"),
    ],
)
def test_refused(options: dict[str, object], path: str, problem: str) -> None:
    with pytest.raises(SpecError, match=problem) as caught:
        parse_trust(options, Trust())
    assert caught.value.path == path
    assert "secret" not in str(caught.value)


def test_what_a_publisher_does_not_sign() -> None:
    for options in ({"verify": "signature"}, {"key": "/k"}, {"fingerprint": FINGERPRINT}):
        with pytest.raises(SpecError, match="sign"):
            parse({"name": "debian-13", **options}, "x86_64")


def test_the_chain_of_a_detached_signature(tmp_path: Path, people: Signers, server: str) -> None:
    key = tmp_path / "key.gpg"
    key.write_bytes(people.key("other", "good"))
    asked = {
        "url": f"{server}/i.qcow2?token=canary",
        "checksum_url": f"{server}/SUMS?token=canary",
        "signature_url": f"{server}/SUMS.asc",
        "key": str(key),
    }
    found = make(resource(tmp_path, **asked))["verification"]
    Handler.files.clear()
    signed = found.pop("signed")
    assert len(signed) == len("2026-11-22T00:00:00Z")
    assert found == {
        "level": "signature",
        "checksum": SUM,
        "checksum_url": f"{server}/SUMS",
        "signature_url": f"{server}/SUMS.asc",
        "key": people.fingerprints["good"],
        "key_source": str(key),
    }


def test_the_chain_of_a_clear_signed_list(tmp_path: Path, people: Signers, server: str) -> None:
    key = people.key("good", armoured=True).decode()
    found = make(resource(tmp_path, url=f"{server}/i.qcow2", checksum_url=f"{server}/CLEAR", key=key))["verification"]
    assert (found["level"], found["key_source"]) == ("signature", "stated")
    assert found["signature_url"] == found["checksum_url"] == f"{server}/CLEAR"
    record = json.loads((tmp_path / "data/images" / SHA256 / "record.json").read_text())
    assert record["verification"] == found


def test_the_catalog_brings_its_keys(tmp_path: Path, server: str) -> None:
    asked = {"url": f"{server}/i.qcow2", "checksum_url": f"{server}/SUMS", "signature_url": f"{server}/SUMS.asc"}
    with pytest.raises(HostError, match=f"not by {FINGERPRINT}"):
        make(resource(tmp_path, **asked, fingerprint=FINGERPRINT))
    assert "/i.qcow2" not in Handler.asked


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"/SUMS": None}, ("unreachable", r"read the list of checksums http://\S+/SUMS: .*404")),
        ({"/SUMS.asc": None}, ("unreachable", r"read the signature http://\S+/SUMS.asc: .*404")),
        ({"/SUMS": LIST + b"\n"}, ("signature", "changed or damaged after it was signed")),
        ({"/SUMS.asc": b"<html>"}, ("signature", "it is no signature")),
        ({"/SUMS": b"x" * (1 << 20) + b"x"}, ("too_long", "sent more than")),
        ({"/i.qcow2": IMAGE + b"x"}, ("checksum", "has the checksum")),
        ({"/i.qcow2": None}, ("unreachable", "404")),
    ],
)
def test_a_broken_chain(
    tmp_path: Path, people: Signers, server: str, change: dict[str, bytes | None], refusal: tuple[str, str]
) -> None:
    code, problem = refusal
    for path, content in change.items():
        if content is None:
            del Handler.files[path]
        else:
            Handler.files[path] = content
    key = people.key("good", armoured=True).decode()
    asked = {"url": f"{server}/i.qcow2", "checksum_url": f"{server}/SUMS", "signature_url": f"{server}/SUMS.asc"}
    with pytest.raises(HostError, match=problem) as caught:
        make(resource(tmp_path, **asked, key=key))
    assert caught.value.code == code
    assert ("/i.qcow2" in Handler.asked) is ("/i.qcow2" in change)
    assert set(os.listdir(tmp_path / "data/images")) <= {"names", "quarantine"}


@pytest.mark.parametrize(
    ("listing", "problem"),
    [(b"nothing\n", "doesn't have i.qcow2"), (LIST + LIST, "twice"), (b"0" * 32 + b"  i.qcow2\n", "weak checksum")],
)
def test_a_list_that_does_not_tell(tmp_path: Path, server: str, listing: bytes, problem: str) -> None:
    Handler.files["/SUMS"] = listing
    with pytest.raises(HostError, match=problem) as caught:
        make(resource(tmp_path, url=f"{server}/i.qcow2", checksum_url=f"{server}/SUMS"))
    assert caught.value.code == "no_checksum"


@pytest.mark.parametrize("content", [None, b"<html>"])
def test_a_key_that_is_none(tmp_path: Path, server: str, content: bytes | None) -> None:
    key = tmp_path / "key"
    if content is not None:
        key.write_bytes(content)
    with pytest.raises(BurrowError) as caught:
        make(resource(tmp_path, url=f"{server}/i.qcow2", checksum_url=f"{server}/CLEAR", key=str(key)))
    assert caught.value.path == "key"


def test_both_the_stated_and_the_listed_checksum_have_to_be_right(tmp_path: Path, server: str, people: Signers) -> None:
    key = people.key("good", armoured=True).decode()
    asked = {"url": f"{server}/i.qcow2", "checksum_url": f"{server}/CLEAR", "key": key}
    with pytest.raises(HostError, match="instead of sha256:0000"):
        make(resource(tmp_path, **asked, checksum=f"sha256:{'0' * 64}"))
    assert make(resource(tmp_path, **asked, checksum=SUM))["verification"]["level"] == "signature"


def test_none_is_warned_of_and_noted_until_it_is_proven(tmp_path: Path, people: Signers, server: str) -> None:
    asked = {"url": f"{server}/i.qcow2"}
    unproven = resource(tmp_path, **asked, verify="none")
    plan = unproven.plan(unproven.observe())
    assert "Nothing proves" in plan.warnings[0]
    planned: Any = unproven.result(unproven.observe(), plan, planned=True)
    assert planned["verification"]["level"] == "none"
    assert make(unproven)["verification"] == Verification().document()
    # It is there, so that what nobody insists on is no difference.
    again = resource(tmp_path)
    state = again.observe()
    shown: Any = again.result(state, again.plan(state), planned=False)
    assert shown["verification"]["level"] == "none"
    with pytest.raises(SpecError, match="in the store is none"):
        resource(tmp_path, verify="checksum").observe()
    stronger = {**asked, "checksum_url": f"{server}/CLEAR", "key": people.key("good", armoured=True).decode()}
    assert not resource(tmp_path, **stronger).plan(resource(tmp_path, **stronger).observe()).changed
    made: Any = make(resource(tmp_path, **stronger, verify="signature"))
    assert made["verification"]["level"] == "signature"
    assert os.stat(made["path"]).st_mode & 0o777 == 0o444
    # The same bits by another name, unproven: what is known of them stays known.
    other = ImageResource(parse({"name": "y", "data": str(tmp_path / "data"), **asked, "verify": "none"}, "x86_64"))
    assert make(other)["verification"]["level"] == "signature"


def test_a_file_is_proven_as_a_download_is(tmp_path: Path, people: Signers, server: str) -> None:
    (tmp_path / "i.qcow2").write_bytes(IMAGE)
    asked: dict[str, object] = {"path": str(tmp_path / "i.qcow2")}
    proven = {**asked, "checksum_url": f"{server}/CLEAR", "key": people.key("good", armoured=True).decode()}
    assert make(resource(tmp_path, **proven))["verification"]["level"] == "signature"
    assert make(resource(tmp_path / "other", **asked))["verification"]["level"] == "none"


def test_an_image_of_another_store_brings_its_proof(tmp_path: Path, server: str) -> None:
    made = make(resource(tmp_path, url=f"{server}/i.qcow2", checksum=SUM))
    asked = {"path": os.path.dirname(made["path"])}
    assert make(resource(tmp_path / "other", **asked))["verification"] == made["verification"]
    with pytest.raises(SpecError, match="taken by its record") as caught:
        resource(tmp_path / "third", **asked, checksum_url="https://m/S").observe()
    assert caught.value.path == "checksum_url"
    with pytest.raises(SpecError, match="nothing that is signed"):
        resource(tmp_path / "third", **asked, verify="signature")


def test_the_catalogs_image(tmp_path: Path, people: Signers, server: str) -> None:
    """Of a publisher who has changed keys: the user states the new one."""
    request = parse(
        {"name": "ubuntu-24.04", "data": str(tmp_path / "data"), "key": people.key("good", armoured=True).decode()},
        "x86_64",
    )
    entry = dataclasses.replace(
        CATALOG["ubuntu-24.04"],
        url=f"{server}/i.qcow2",
        checksum_url=f"{server}/SUMS",
        signature_url=f"{server}/SUMS.asc",
    )
    places = of_entry(entry, request.architecture)
    trust = dataclasses.replace(request.trust, checksum_url=places.checksum_url, signature_url=places.signature_url)
    made = make(ImageResource(dataclasses.replace(request, entry=entry, trust=trust)))
    assert made["verification"]["key"] == people.fingerprints["good"]
    assert (made["release"], made["user"]) == ("ubuntu-24.04", "ubuntu")
    # What the user insists on is never replaced by a build.
    lost = dataclasses.replace(entry, url=f"{server}/lost")
    Handler.files.pop("/SUMS")
    request = dataclasses.replace(request, entry=lost, trust=trust, name="y")
    with pytest.raises(HostError, match="404"):
        make(ImageResource(request))


@pytest.mark.parametrize("document", [None, "none", {}, {"level": "most"}, {"level": "signature", "odd": 1}])
def test_a_proof_that_cannot_be_read_is_none(document: object) -> None:
    assert read_verification(document) == Verification()


def test_what_there_is(tmp_path: Path, server: str) -> None:
    def look(**options: object) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        info = image_info.build({"data": str(tmp_path / "data"), **options})
        plan = info.plan(info.observe())
        assert (plan.actions, info.lock) == ((), None)
        images: Any = info.result(info.observe(), plan, planned=False)
        catalog: Any = plan.facts["catalog"]
        return images, catalog

    assert look()[0] == []
    assert [entry["name"] for entry in look()[1]] == list(CATALOG)
    made = make(resource(tmp_path, url=f"{server}/i.qcow2", checksum=SUM))
    make(ImageResource(parse({"name": "y", "data": str(tmp_path / "data"), "path": made["path"]}, "x86_64")))
    (tmp_path / "data/images" / ("0" * 64)).mkdir()
    images, catalog = look(name="x")
    assert catalog == []
    assert [image["names"] for image in images] == [["x", "y"]]
    assert images[0]["verification"] == made["verification"]
    assert images[0]["size"] == len(IMAGE)
    images, catalog = look(name="fedora-44")
    assert images == []
    assert catalog[0]["signature"] == "clear-signed"
    assert catalog[0]["architectures"]["aarch64"]["firmware"] == ["efi"]
    json.dumps(catalog)
