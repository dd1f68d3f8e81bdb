# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one option of a domain means for another, and for the host: tables."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._errors import SpecError
from ansible_collections.burrow.vm.plugins.module_utils._gateway import host_memory
from ansible_collections.burrow.vm.plugins.module_utils._gateway.libvirt import LibvirtError
from ansible_collections.burrow.vm.plugins.module_utils._gateway.libvirt_domain import Domains
from ansible_collections.burrow.vm.plugins.module_utils._model.domain import Definition, parse
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_merge import create, merge
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_request import parse_request
from ansible_collections.burrow.vm.plugins.module_utils._model.domain_rules import check
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_check import Surroundings
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_check import check as check_all
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_host import Hardware, check_hardware, look
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_plan import new_definition
from ansible_collections.burrow.vm.plugins.module_utils._resource.domain_state import Host, State
from ansible_collections.burrow.vm.plugins.module_utils._xml import host
from ansible_collections.burrow.vm.tests.unit.plugins.module_utils.domain_states import STOPPED, planned

OBSERVED = parse(
    {
        "cpus": 2,
        "cpus_maximum": 4,
        "memory": "1GiB",
        "memory_maximum": "4GiB",
        "machine": "pc-q35-7.2",
        "firmware": "efi",
        "cpu": {"topology": {"cores": 4}, "require": ["aes"], "pinning": {3: 0}},
        "numa": [{"cpus": "0-3", "memory": "4GiB"}],
    }
)
CONTRADICTIONS: list[tuple[dict[str, Any], str, str]] = [
    ({"cpus": 4, "cpus_maximum": 2}, "cpus", "more than cpus_maximum, which is 2"),
    ({"cpus_maximum": 1}, "cpus_maximum", "2 is more than"),
    ({"memory": "8GiB", "memory_maximum": "4GiB"}, "memory", "8 GiB is more than memory_maximum, which is 4 GiB"),
    ({"memory_maximum": "512MiB"}, "memory_maximum", "1 GiB is more than"),
    ({"cpus": 6}, "cpus", "4 cores, 1 threads has 4 CPUs, and the guest 6"),
    ({"cpus_maximum": 8}, "cpus_maximum", "has 4 CPUs, and the guest 8"),
    ({"cpu": {"topology": {"sockets": 2, "threads": 3}}}, "cpu.topology", "has 6 CPUs, and the guest 4"),
    ({"memory": "8GiB"}, "memory", "its cells have 4 GiB, and the guest 8 GiB"),
    ({"numa": [{"cpus": "0-1", "memory": "4GiB"}]}, "numa", "have CPUs 0-1, and the guest 0-3"),
    ({"numa": [{"cpus": "0-3", "memory": "5GiB"}]}, "numa", "5 GiB"),
    ({"cpu": {"pinning": {4: 0}}}, "cpu.pinning.4", "no CPU 4"),
    ({"cpu": {"mode": "maximum", "model": "EPYC"}}, "cpu.model", "mode maximum takes none"),
    ({"cpu": {"mode": "custom"}}, "cpu.model", "needs one"),
    ({"secure_boot": True, "firmware": "bios"}, "secure_boot", "boots by firmware bios"),
    ({"secure_boot": True, "kernel": {"path": "/k"}}, "secure_boot", "boots by a kernel"),
    ({"secure_boot": True, "machine": "pc"}, "secure_boot", "machine pc has no Secure Boot"),
    ({"architecture": "aarch64"}, "architecture", "machine pc-q35-7.2 is none of aarch64. Set machine to virt"),
    ({"architecture": "x86_64", "machine": "virt"}, "architecture", "machine virt is none of x86_64"),
    ({"clock": {"offset": "utc", "timezone": "Europe/Berlin"}}, "clock.timezone", "offset utc takes none"),
    ({"clock": {"offset": "timezone"}}, "clock.timezone", "needs one"),
    ({"on_poweroff": "restart", "on_reboot": "destroy"}, "on_poweroff", "QEMU can't restart"),
    ({"disks": [{"name": "a", "source": "/a", "bus": "ide"}]}, "disks[0].bus", "machine pc-q35-7.2 has no IDE"),
    ({"balloon": "none"}, "balloon", "without a balloon"),
    (
        {"memory_backing": {"shared": False}, "filesystems": [{"tag": "a", "source": "/srv"}]},
        "memory_backing.shared",
        "filesystems need",
    ),
]


@pytest.mark.parametrize(("stated", "path", "words"), CONTRADICTIONS)
def test_contradictions_are_refused_by_name(stated: dict[str, Any], path: str, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        check(parse(stated), merge(OBSERVED, parse(stated)))
    assert caught.value.path == path
    assert words in str(caught.value)
    assert caught.value.hint


NEW: list[tuple[dict[str, Any], str]] = [
    ({"clock": {"offset": "utc", "timezone": "Europe/Berlin"}}, "clock.timezone"),
    ({"cpu": {"mode": "maximum", "model": "EPYC"}}, "cpu.model"),
    ({"cpu": {"topology": {"cores": 3}}}, "cpu.topology"),
    ({"cpus": 3, "defaults": {"cpu": {"topology": {"cores": 2}}}}, "cpus"),
    ({"memory_backing": {"shared": False}, "filesystems": [{"tag": "a", "source": "/srv"}]}, "memory_backing.shared"),
    ({"secure_boot": True, "firmware": "bios"}, "secure_boot"),
    ({"architecture": "aarch64", "machine": "q35"}, "architecture"),
]


@pytest.mark.parametrize(("stated", "path"), NEW)
def test_a_new_domain_contradicts_itself_no_less(stated: dict[str, Any], path: str) -> None:
    with pytest.raises(SpecError) as caught:
        planned(State(), **stated)
    assert caught.value.path == path


@pytest.mark.parametrize(
    "stated",
    [
        {},
        {"cpus": 4},
        {"memory": "4GiB"},
        {"cpus": 8, "memory": "8GiB", "numa": [], "cpu": {"topology": {}}},
        {"cpus": 8, "numa": [], "cpu": {"topology": {"sockets": 2, "cores": 2, "threads": 2}}},
        {"memory_backing": {"shared": False}},
    ],
)
def test_what_fits_is_taken(stated: dict[str, Any]) -> None:
    check(parse(stated), merge(OBSERVED, parse(stated)))


def test_what_others_made_is_left_alone() -> None:
    odd = Definition(cpus=4, cpus_maximum=2, cpu_topology={"cores": 3}, cpu_pinning={"7": "0"}, cpu_mode="custom")
    check(parse({"memory": "1GiB"}), merge(odd, parse({"memory": "1GiB"})))


def test_a_maximum_is_raised_by_what_is_stated() -> None:
    assert merge(OBSERVED, parse({"cpus": 6})).cpus_maximum is None
    assert merge(OBSERVED, parse({"cpus": 3})).cpus_maximum == 4
    assert merge(OBSERVED, parse({"cpus": 4})).cpus_maximum is None
    assert merge(OBSERVED, parse({"memory": "2GiB"})).memory_maximum == 4 << 30
    assert create(parse({"cpus": 2, "cpus_maximum": 2})) == create(parse({"cpus": 2}))


def test_a_feature_is_under_the_policy_that_was_stated_last() -> None:
    after = merge(OBSERVED, parse({"cpu": {"disable": ["aes"], "force": ["svm"]}}))
    assert (after.cpu_require, after.cpu_disable, after.cpu_force) == (None, ("aes",), ("svm",))
    made = create(parse({"cpu": {"force": ["cx16"]}}), parse({"cpu": {"disable": ["cx16", "svm"]}}))
    assert (made.cpu_disable, made.cpu_force) == (("svm",), ("cx16",))


def test_only_a_custom_cpu_has_a_model() -> None:
    named = merge(Definition(), parse({"cpu": {"model": "EPYC"}}))
    assert (named.cpu_mode, named.cpu_model) == ("custom", "EPYC")
    assert merge(named, parse({"cpu": {"mode": "maximum"}})).cpu_model is None


def test_shares_bring_shared_memory() -> None:
    share = {"filesystems": [{"tag": "a", "source": "/srv"}]}
    after = merge(Definition(), parse(share))
    assert after.memory_shared
    assert merge(after, parse({"filesystems": []}), ("filesystems",)).memory_shared
    # It is there already, and whoever made it knows how.
    assert merge(Definition(filesystems=after.filesystems), parse(share)).memory_shared is None


def test_firmware_has_no_secure_boot_unless_it_is_asked_for() -> None:
    assert create(parse({"firmware": "efi"})).secure_boot is False
    assert create(parse({"firmware": "efi", "secure_boot": True})).secure_boot is True
    assert create(parse({"firmware": "bios", "secure_boot": False})).secure_boot is None
    secure = Definition(firmware="efi", secure_boot=True)
    assert merge(secure, parse({"firmware": "efi"})).secure_boot is True
    assert merge(secure, parse({"kernel": {"path": "/k"}})).secure_boot is None
    assert merge(Definition(firmware="bios"), parse({"firmware": "efi"})).secure_boot is False


def test_what_belongs_to_another_option_goes_with_it() -> None:
    observed = parse({"watchdog": {"model": "i6300esb", "action": "pause"}, "clock": {"timezone": "Europe/Berlin"}})
    assert observed.clock_offset == "timezone"
    after = merge(observed, parse({"watchdog": {"model": "none"}, "clock": {"offset": "utc"}}))
    assert (after.watchdog_action, after.clock_timezone) == (None, None)


@pytest.mark.parametrize(
    ("stated", "accelerator", "machine"),
    [
        ({}, "kvm", "q35"),
        ({"architecture": "x86_64"}, "kvm", "q35"),
        ({"architecture": "aarch64"}, "tcg", "virt"),
        ({"architecture": "aarch64", "defaults": {"accelerator": "kvm"}}, "tcg", "virt"),
    ],
)
def test_another_architecture_is_emulated(stated: dict[str, Any], accelerator: str, machine: str) -> None:
    made = new_definition(parse_request({"name": "work", **stated}), Host("x86_64", "kvm"))
    assert (made.accelerator, made.machine, made.architecture) == (
        accelerator,
        machine,
        stated.get("architecture", "x86_64"),
    )


def test_another_architecture_has_no_kvm() -> None:
    request = parse_request({"name": "work", "architecture": "aarch64", "accelerator": "kvm"})
    with pytest.raises(SpecError, match="this host's architecture only") as caught:
        new_definition(request, Host("x86_64", "kvm"))
    assert caught.value.path == "accelerator"


@pytest.mark.parametrize(
    ("stated", "dropped"), [({"secure_boot": True}, True), ({"machine": "pc"}, False), ({"firmware": "bios"}, True)]
)
def test_other_keys_need_another_nvram(stated: dict[str, Any], dropped: bool) -> None:
    (action,) = planned(STOPPED, allow_recreate=True, **stated).actions
    assert (action.operation, action.arguments["drop_nvram"]) == ("recreate", dropped)


CAPABILITIES = """<capabilities><host><topology><cells num='2'>
  <cell id='0'><pages unit='KiB' size='2048'>512</pages><cpus><cpu id='0'/><cpu id='1'/></cpus></cell>
  <cell id='1'><pages unit='KiB' size='2048'>512</pages><pages unit='KiB' size='1048576'>0</pages>
    <cpus><cpu id='2'/></cpus></cell>
</cells></topology></host></capabilities>"""


@pytest.mark.parametrize(
    ("stated", "path", "words"),
    [
        ({"cpu": {"pinning": {0: "1-3"}}}, "cpu.pinning.0", "has no CPU 3. Its CPUs are 0-2"),
        ({"cpu": {"pinning": {"emulator": 9}}}, "cpu.pinning.emulator", "no CPU 9"),
        ({"memory_backing": {"hugepages": "2MiB"}, "memory": "4GiB"}, "memory_backing.hugepages", "has 2 GiB in"),
        ({"memory_backing": {"hugepages": "1GiB"}, "memory": "1GiB"}, "memory_backing.hugepages", "has nothing in"),
        ({"cpus": 2, "cpus_maximum": 9}, "cpus_maximum", "9 is more than the hypervisor can give"),
    ],
)
def test_what_the_host_lacks_is_refused_by_name(stated: dict[str, Any], path: str, words: str) -> None:
    there = Hardware(8, host.cpus(CAPABILITIES), host.pages(CAPABILITIES))
    with pytest.raises(SpecError) as caught:
        check_hardware(parse(stated), there)
    assert caught.value.path == path
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("mounts", "hugepages", "words"),
    [
        ({}, "2MiB", "no hugetlbfs of pages of 2 MiB is mounted on this host. Mount one (mount -t hugetlbfs -o page"),
        ({1 << 30: True}, "default", "no hugetlbfs of pages of 2 MiB is mounted"),
        ({2 << 20: False}, "2MiB", "hasn't found the hugetlbfs of pages of 2 MiB yet. Restart libvirtd"),
        ({2 << 20: True}, "default", ""),
        (None, "2MiB", ""),
    ],
)
def test_libvirt_needs_a_file_system_of_host_memory(
    mounts: Optional[dict[int, bool]], hugepages: str, words: str
) -> None:
    there = Hardware(pages=host.pages(CAPABILITIES), page=2 << 20, mounts=mounts)
    wanted = parse({"memory_backing": {"hugepages": hugepages}, "memory": "2GiB"})
    if not words:
        check_hardware(wanted, there)
        return
    with pytest.raises(SpecError) as caught:
        check_hardware(wanted, there)
    assert (caught.value.code, caught.value.path) == ("no_hugetlbfs", "memory_backing.hugepages")
    assert words in str(caught.value)


def test_memory_is_locked_where_that_is_allowed() -> None:
    wanted = parse({"memory_backing": {"locked": True}, "memory": "2GiB"})
    for allowed in (None, 4 << 30):
        check_hardware(wanted, Hardware(lockable=allowed))
    with pytest.raises(SpecError, match="a guest may lock 8 MiB on this host") as caught:
        check_hardware(wanted, Hardware(lockable=8 << 20))
    assert (caught.value.code, caught.value.path) == ("no_locking", "memory_backing.locked")


def test_memory_in_pages_of_the_least_size_needs_none() -> None:
    check_hardware(parse({"memory_backing": {"hugepages": "4K"}}), Hardware(pages={4096: 1 << 30}, mounts={}))


OFFERED = """<domainCapabilities><vcpu max='8'/><devices>
  <graphics supported='yes'><enum name='type'><value>vnc</value></enum></graphics>
  <video supported='yes'><enum name='modelType'><value>vga</value><value>virtio</value></enum></video>
  <tpm supported='yes'><enum name='backendModel'><value>passthrough</value></enum></tpm>
</devices></domainCapabilities>"""
OFFERS = {
    "graphics": frozenset({"vnc"}),
    "video": frozenset({"vga", "virtio"}),
    "tpm": frozenset({"passthrough"}),
}


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        (OFFERED, OFFERS),
        ("<domainCapabilities><devices><tpm supported='no'/></devices></domainCapabilities>", {"tpm": frozenset()}),
        ("<domainCapabilities/>", {}),
    ],
)
def test_what_a_domain_may_have(offered: str, expected: object) -> None:
    assert host.offers(offered) == expected


@pytest.mark.parametrize(
    ("stated", "path", "words"),
    [
        ({"tpm": "emulator"}, "tpm", "this host can't emulate one. Install swtpm and swtpm-tools"),
        ({"graphics": [{"type": "vnc"}, {"type": "spice"}]}, "graphics[1].type", "QEMU has no spice on this host"),
        ({"video": [{"model": "qxl"}]}, "video[0].model", "qemu-system-modules-spice"),
        ({"rng": "/dev/none"}, "rng", "this host has no /dev/none"),
        ({"hostdevs": [{"usb": "1/2"}, {"pci": "0000:01:00.0"}]}, "hostdevs[1].pci", "it is gone. Find it"),
    ],
)
def test_what_can_t_be_made_on_this_host_is_refused_by_name(stated: dict[str, Any], path: str, words: str) -> None:
    missing = {"0000:01:00.0": ("it is gone", "Find it.")}
    around = Surroundings(Hardware(offers=OFFERS), rng=False, lacking=missing)
    with pytest.raises(SpecError) as caught:
        check_all(parse(stated), parse(stated), around)
    assert caught.value.path == path
    assert words in str(caught.value)


def test_what_can_be_made_on_this_host_is_taken() -> None:
    fine = parse({"graphics": [{"type": "vnc"}], "video": [{"model": "none"}, {"model": "vga"}], "rng": "/dev/random"})
    check_all(fine, fine, Surroundings(Hardware(offers=OFFERS)))
    odd = parse({"tpm": "emulator", "graphics": [{"type": "spice"}]})
    # Nothing is known of it.
    check_all(odd, odd, Surroundings())


def offering(monkeypatch: pytest.MonkeyPatch, error: bool = False) -> Domains:
    def offered(*_asked: object) -> str:
        if error:
            raise LibvirtError("read the domain capabilities", "uri", "no emulator", 8)
        return OFFERED

    monkeypatch.setattr(Domains, "architecture", lambda _self: "x86_64")
    monkeypatch.setattr(Domains, "capabilities", lambda _self: CAPABILITIES)
    monkeypatch.setattr(Domains, "domain_capabilities", offered)
    return Domains()


def test_the_host_is_asked_only_for_what_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert look(offering(monkeypatch), parse({"tpm": "emulator"})) == Hardware(8, offers=OFFERS)
    pinned = parse({"cpus": 2, "cpu": {"pinning": {0: 0}}})
    assert look(offering(monkeypatch), pinned) == Hardware(
        8, frozenset({0, 1, 2}), host.pages(CAPABILITIES), offers=OFFERS
    )
    assert look(offering(monkeypatch), Definition()) == Hardware()
    monkeypatch.setattr(host_memory, "default_page", lambda: 2 << 20)
    monkeypatch.setattr(host_memory, "mounts", lambda: {2 << 20: True})
    found = look(offering(monkeypatch), parse({"memory_backing": {"hugepages": "default"}}))
    assert (found.page, found.mounts) == (2 << 20, {2 << 20: True})


def test_another_architecture_needs_its_emulator(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = offering(monkeypatch, error=True)
    with pytest.raises(SpecError, match="can't emulate it: no emulator") as caught:
        look(connection, parse({"cpus": 2, "architecture": "aarch64"}))
    assert (caught.value.path, caught.value.code) == ("architecture", "no_emulator")
    with pytest.raises(LibvirtError):
        look(connection, parse({"cpus": 2, "architecture": "x86_64"}))


def test_what_the_host_has_is_taken() -> None:
    there = Hardware(8, host.cpus(CAPABILITIES), host.pages(CAPABILITIES))
    given = {"cpu": {"pinning": {0: "0-2"}}, "memory_backing": {"hugepages": "2MiB"}, "memory": "2GiB"}
    check_hardware(parse(given), there)
    # Nothing is known of this one.
    check_hardware(parse({"cpu": {"pinning": {0: 7}}}), Hardware())
