# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""KVM or TCG, and the CPU that goes with it."""

from __future__ import annotations

import pytest

from ansible_collections.burrow.vm.plugins.module_utils._model.accelerator import (
    KVM,
    TCG,
    Evidence,
    cpu_default,
    decide,
)

X86 = frozenset({"fpu", "lm"})


@pytest.mark.parametrize(
    ("evidence", "kind", "reason"),
    [
        (Evidence("x86_64", None, cpu_flags=X86 | {"vmx"}), KVM, "opens and the CPU can"),
        (Evidence("x86_64", None, cpu_flags=X86 | {"svm"}), KVM, "opens and the CPU can"),
        (Evidence("x86_64", None, cpu_flags=X86), TCG, "neither vmx nor svm"),
        (Evidence("x86_64", None, True, X86), TCG, "neither vmx nor svm"),
        (Evidence("x86_64", None, True, X86 | {"vmx"}), TCG, "only root may open"),
        (Evidence("x86_64", "Permission denied", cpu_flags=X86 | {"vmx"}), TCG, "Permission denied"),
        (Evidence("aarch64", None), KVM, "opens and the CPU can"),
        (Evidence("aarch64", "there is no such device"), TCG, "no such device"),
    ],
)
def test_decides_by_device_and_cpu(evidence: Evidence, kind: str, reason: str) -> None:
    accelerator = decide(evidence)
    assert accelerator.kind == kind
    assert reason in accelerator.reason
    assert ("ten times slower" in accelerator.remedy) == (kind == TCG)
    assert accelerator.domain_type == {KVM: "kvm", TCG: "qemu"}[kind]


@pytest.mark.parametrize(
    ("kind", "architecture", "qemu", "expected"),
    [
        (KVM, "x86_64", 7_002_000, ("host-passthrough", ())),
        (TCG, "x86_64", 7_002_022, ("maximum", ("cx16",))),
        (TCG, "x86_64", 9_002_000, ("maximum", ("cx16",))),
        (TCG, "x86_64", 0, ("maximum", ("cx16",))),
        (TCG, "x86_64", 10_000_000, ("maximum", ())),
        (TCG, "aarch64", 7_002_000, ("maximum", ())),
    ],
)
def test_takes_cx16_from_emulated_cpus_of_old_qemu(
    kind: str, architecture: str, qemu: int, expected: tuple[str, tuple[str, ...]]
) -> None:
    assert cpu_default(kind, architecture, qemu) == expected
