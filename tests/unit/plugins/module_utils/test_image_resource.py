# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release's image: published, or built where that can't be had. qemu-img is a stand-in; the server is real."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._apply import apply
from ansible_collections.burrow.vm.plugins.module_utils._errors import HostError, SpecError
from ansible_collections.burrow.vm.plugins.module_utils._gateway import confined, image_maker
from ansible_collections.burrow.vm.plugins.module_utils._gateway.image_maker import ImageMaker
from ansible_collections.burrow.vm.plugins.module_utils._model.catalog import CATALOG
from ansible_collections.burrow.vm.plugins.module_utils._model.image import Record, Request, parse
from ansible_collections.burrow.vm.plugins.module_utils._plan import UNKNOWN
from ansible_collections.burrow.vm.plugins.module_utils._resource.image import ImageResource
from ansible_collections.burrow.vm.tests.unit.plugins.module_utils.image_samples import Qcow2, Vmdk, raw

IMAGE = Qcow2().content()
DEBIAN = CATALOG["debian-13"]
SHA512 = hashlib.sha512(IMAGE).hexdigest()
QEMU_IMG = """#!/bin/sh
# check and measure answer; an image's last byte says what is wrong with it. convert writes an empty qcow2.
case $1 in
check)
  case $(tail -c 1 "$5") in
  z) echo '{"compressed-clusters": 1}' ;;
  c) echo '{"corruptions": 1, "check-errors": 2}' && exit 2 ;;
  *) echo '{}' ;;
  esac
  ;;
measure) echo '{"required": 300000}' ;;
convert)
  [ "$(tail -c 1 "$7")" = y ] && echo "Invalid argument" >&2 && exit 1
  cat "$(dirname "$0")/converted" >"$8" ;;
esac
"""


class Handler(BaseHTTPRequestHandler):
    listing = ""

    def do_GET(self) -> None:
        content = type(self).listing.encode() if self.path.endswith("SUMS") else IMAGE
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    instance = HTTPServer(("127.0.0.1", 0), Handler)
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
    (tmp_path / "bin/converted").write_bytes(Qcow2(version=2, extensions=()).content())
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    # Only root passes pytest's directories.
    monkeypatch.setattr(confined, "unprivileged", lambda: None)


def request_for(data: Path, address: str, **more: object) -> Request:
    """debian-13, published at address."""
    entry = dataclasses.replace(DEBIAN, url=f"{address}/13.qcow2", checksum_url=f"{address}/SHA512SUMS")
    request = parse({"name": "debian-13", "data": str(data / "data"), **more}, "x86_64")
    trust = dataclasses.replace(request.trust, checksum_url=f"{address}/SHA512SUMS")
    return dataclasses.replace(request, entry=entry, trust=trust)


def make(request: Request) -> dict[str, object]:
    resource = ImageResource(request)
    plan = resource.plan(resource.observe())
    apply(plan, resource)
    state = resource.observe()
    assert resource.plan(state).actions == ()
    return resource.result(state, plan, planned=False)


def test_published(tmp_path: Path, server: str) -> None:
    Handler.listing = f"{SHA512}  13.qcow2\n"
    image = make(request_for(tmp_path, server))
    assert image["digest"] == hashlib.sha256(IMAGE).hexdigest()
    assert (image["source"], image["origin"]) == ("url", f"{server}/13.qcow2")
    assert (image["release"], image["user"], image["kernel"]) == ("debian-13", "debian", None)
    assert Path(str(image["path"])).read_bytes() == IMAGE


@pytest.mark.parametrize(
    ("listing", "code"), [(f"{'0' * 128}  13.qcow2\n", "checksum"), ("nothing here\n", "no_checksum")]
)
def test_a_published_image_that_is_not_the_one_is_never_built_instead(
    tmp_path: Path, server: str, listing: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageMaker, "build", lambda self: pytest.fail("built"))
    Handler.listing = listing
    with pytest.raises(HostError) as caught:
        make(request_for(tmp_path, server))
    assert caught.value.code == code
    kept = ["quarantine"] if code == "checksum" else []
    assert sorted(os.listdir(tmp_path / "data/images")) == ["names", *kept]


def test_a_download_with_a_wrong_checksum_is_kept_apart(tmp_path: Path, server: str) -> None:
    asked = {"name": "x", "url": f"{server}/i.qcow2", "data": str(tmp_path / "data")}
    for _time in range(2):
        with pytest.raises(HostError) as caught:
            make(parse({**asked, "checksum": f"sha512:{'0' * 128}"}, "x86_64"))
        place = Path(caught.value.results["quarantine"])
        assert place == tmp_path / "data/images/quarantine/x"
        assert [file.read_bytes() for file in place.iterdir()] == [IMAGE]
        assert place.stat().st_mode & 0o077 == 0
        assert place.parent.stat().st_mode & 0o077 == 0
    forget(asked)
    assert os.listdir(tmp_path / "data/images/quarantine") == []
    image = make(parse({**asked, "checksum": f"sha512:{SHA512}"}, "x86_64"))
    assert Path(str(image["path"])).read_bytes() == IMAGE
    forget(asked)
    assert sorted(os.listdir(tmp_path / "data/images")) == ["names", "quarantine"]


def forget(asked: dict[str, str]) -> None:
    resource = ImageResource(parse({**asked, "state": "absent"}, "x86_64"))
    plan = resource.plan(resource.observe())
    assert plan.changed
    apply(plan, resource)
    assert not resource.plan(resource.observe()).changed


def fake_build(self: ImageMaker) -> Record:
    for name, content in (("image.qcow2", IMAGE), ("vmlinuz", b"kernel"), ("initrd.img", b"initrd")):
        Path(self._directory, name).write_bytes(content)
    record = self._record("d" * 64, image_maker.Origin("build", "http://m/debian", DEBIAN), {})
    return dataclasses.replace(record, cmdline="ro")


def fake_build_of_content(self: ImageMaker) -> Record:
    record, content = fake_build(self), self._request.content
    digest = hashlib.sha256(repr(content).encode()).hexdigest()
    return dataclasses.replace(record, digest=digest, packages=content.packages, flavour=content.kernel)


def test_unreachable_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageMaker, "build", fake_build)
    image = make(request_for(tmp_path, "http://127.0.0.1:1"))
    assert (image["source"], image["user"]) == ("build", "debian")
    kernel = image["kernel"]
    assert isinstance(kernel, dict)
    assert kernel["cmdline"] == "ro"
    assert Path(kernel["path"]).read_bytes() == b"kernel"
    assert Path(kernel["initrd"]).read_bytes() == b"initrd"


def test_a_checksum_insists_on_the_published_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageMaker, "build", fake_build)
    with pytest.raises(HostError) as caught:
        make(request_for(tmp_path, "http://127.0.0.1:1", checksum=f"sha512:{SHA512}"))
    assert caught.value.code == "unreachable"


def test_neither_way_says_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(self: ImageMaker) -> Record:
        raise HostError("build the image", "debian-13", "no archive of debian", "Build it elsewhere.", "no_mirror")

    monkeypatch.setattr(ImageMaker, "build", build)
    with pytest.raises(HostError, match=r"refused.*no archive of debian") as caught:
        make(request_for(tmp_path, "http://127.0.0.1:1"))
    assert caught.value.code == "no_mirror"
    assert caught.value.hint == "Check the address and this host's network and proxy. Build it elsewhere."


@pytest.mark.parametrize("more", [{}, {"source": "build"}])
def test_planned_and_made_have_the_same_keys(
    tmp_path: Path, more: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageMaker, "build", fake_build)
    request = request_for(tmp_path, "http://127.0.0.1:1", **more)
    resource = ImageResource(request)
    state = resource.observe()
    plan = resource.plan(state)
    planned = resource.result(state, plan, planned=True)
    assert (planned["digest"], planned["path"], planned["kernel"]) == (UNKNOWN, UNKNOWN, UNKNOWN)
    assert not (tmp_path / "data").exists()
    assert list(make(request)) == list(planned)


def test_another_checksum_is_another_image(tmp_path: Path, server: str) -> None:
    Handler.listing = f"{SHA512}  13.qcow2\n"
    make(request_for(tmp_path, server))
    resource = ImageResource(request_for(tmp_path, server, checksum=f"sha512:{'1' * 128}"))
    assert resource.plan(resource.observe()).changed
    resource = ImageResource(request_for(tmp_path, server, checksum=f"sha512:{SHA512}"))
    assert not resource.plan(resource.observe()).changed


def test_other_packages_are_another_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageMaker, "build", fake_build_of_content)

    def resource(**more: object) -> ImageResource:
        return ImageResource(parse({"name": "web", "data": str(tmp_path / "data"), **more}, "x86_64"))

    asked = {"release": "debian-13", "packages": ["rsync", "git"], "kernel": "generic"}
    with pytest.raises(SpecError, match="no image of the store"):
        resource().observe()
    first = resource(**asked)
    plan = first.plan(first.observe())
    assert [action.summary for action in plan.actions] == [
        "build image web (release debian-13; generic kernel; packages git, rsync) from this host's package mirror"
    ]
    apply(plan, first)
    image = first.result(first.observe(), plan, planned=False)
    assert (image["packages"], image["release"]) == (["git", "rsync"], "debian-13")
    # By its name alone it is there from now on, and what nobody states is no difference.
    for same in ({}, {"release": "debian-13"}, {"release": "debian-13", "packages": ["git", "rsync"]}, asked):
        again = resource(**same)
        assert not again.plan(again.observe()).changed
    for other in ({"packages": ["git"]}, {"kernel": "cloud"}):
        changed = resource(**{**asked, **other})
        assert changed.plan(changed.observe()).changed
    make(parse({"name": "web", "data": str(tmp_path / "data"), **asked, "packages": ["git"]}, "x86_64"))
    assert not Path(str(image["path"])).exists()


def test_an_image_of_another_store_brings_its_kernel_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageMaker, "build", fake_build)
    built = make(request_for(tmp_path, "http://127.0.0.1:1", source="build"))
    directory = os.path.dirname(str(built["path"]))
    asked = {"name": "copied", "path": directory, "data": str(tmp_path / "other")}
    copied = make(parse(asked, "x86_64"))
    for key in ("digest", "release", "user", "source", "origin"):
        assert copied[key] == built[key]
    kernel = copied["kernel"]
    assert isinstance(kernel, dict)
    assert Path(kernel["path"]).read_bytes() == b"kernel"
    assert str(tmp_path / "other") in kernel["initrd"]


@pytest.mark.parametrize(
    "damage", ["short", "rotten", "no kernel", "linked kernel", "record", "digest", "architecture", "checksum"]
)
def test_a_damaged_image_of_another_store_is_refused(
    tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageMaker, "build", fake_build)
    built = make(request_for(tmp_path, "http://127.0.0.1:1", source="build"))
    directory = Path(os.path.dirname(str(built["path"])))
    asked: dict[str, object] = {"name": "copied", "path": str(directory), "data": str(tmp_path / "other")}
    for file in directory.iterdir():
        file.chmod(0o644)
    if damage == "short":
        (directory / "image.qcow2").write_bytes(IMAGE[:-1])
    elif damage == "rotten":
        (directory / "vmlinuz").write_bytes(b"karnel")
    elif damage == "no kernel":
        (directory / "vmlinuz").unlink()
    elif damage == "linked kernel":
        (directory / "vmlinuz").unlink()
        (directory / "vmlinuz").symlink_to("/etc/shadow")
    elif damage == "digest":
        record = json.loads((directory / "record.json").read_text())
        (directory / "record.json").write_text(json.dumps({**record, "digest": "../../../etc"}))
    elif damage == "record":
        (directory / "record.json").write_text("{}")
    elif damage == "architecture":
        asked["architecture"] = "arm64"
    else:
        asked["checksum"] = f"sha512:{SHA512}"
    with pytest.raises(HostError if damage == "rotten" else SpecError):
        make(parse(asked, "x86_64"))
    images = tmp_path / "other/images"
    assert not images.exists() or os.listdir(images) == ["names"]


@pytest.mark.parametrize(
    "image", [raw(sectors=2048), Vmdk().content(), IMAGE + b"z"], ids=["raw", "vmdk", "compressed"]
)
def test_what_performs_badly_is_converted(tmp_path: Path, image: bytes) -> None:
    source = tmp_path / "appliance"
    source.write_bytes(image)
    made = make(parse({"name": "x", "path": str(source), "data": str(tmp_path / "data")}, "x86_64"))
    assert (made["format"], made["virtual_size"]) == ("qcow2", 1 << 20)
    assert made["digest"] == hashlib.sha256(image).hexdigest()
    path = Path(str(made["path"]))
    assert path.read_bytes() == (tmp_path / "bin/converted").read_bytes()
    assert sorted(os.listdir(path.parent)) == ["image.qcow2", "record.json"]


@pytest.mark.parametrize("kind", ["fifo", "directory", "device", "none"])
def test_only_a_regular_file_is_opened(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "it"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    place = "/dev/null" if kind == "device" else str(path)
    with pytest.raises(SpecError, match=r"no regular file|No such file"):
        make(parse({"name": "x", "path": place, "data": str(tmp_path / "data")}, "x86_64"))
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(("last", "says"), [(b"c", "finds 3 errors"), (b"y", "Invalid argument")])
def test_what_qemu_finds_damaged_is_refused(tmp_path: Path, last: bytes, says: str) -> None:
    source = tmp_path / "appliance"
    source.write_bytes(Vmdk().content() + last)
    with pytest.raises(HostError, match=says) as caught:
        make(parse({"name": "x", "path": str(source), "data": str(tmp_path / "data")}, "x86_64"))
    assert caught.value.code == "damaged_image"
    assert os.listdir(tmp_path / "data/images") == ["names"]
