# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made of a hypervisor that can't be worked on. The words are those of the real programs."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.burrow.vm.plugins.plugin_utils._access import problem


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ({"msg": "Failed to connect to the host via ssh: Host key verification failed."}, "accept it once"),
        (
            {"msg": "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @ Host key verification failed."},
            "ssh-keygen -R",
        ),
        ({"msg": "@ WARNING: UNPROTECTED PRIVATE KEY FILE! @ a@h: Permission denied (publickey)."}, "chmod 600"),
        ({"msg": "kex_exchange_identification: read: Connection reset by peer"}, "MaxStartups"),
        ({"msg": "Connection closed by 192.0.2.1 port 22"}, "hangs up"),
        ({"msg": '"System is booting up. Unprivileged users are not permitted to log in yet."'}, "starting or"),
        ({"msg": "Failed to connect to the host via ssh: a@h: Permission denied (publickey)."}, "refuses the login"),
        ({"msg": "ssh: Could not resolve hostname vm1: Name or service not known"}, "ansible_host"),
        ({"msg": "ssh: connect to host 127.0.0.1 port 1: Connection refused"}, "nothing answers"),
        ({"msg": "MODULE FAILURE", "module_stdout": "/bin/sh: 1: sudo: not found"}, "sudo is not installed"),
        ({"msg": "The module interpreter '/usr/bin/python3' was not found."}, "Install python3"),
        ({"module_stdout": "/bin/sh: 1: /usr/bin/python3: not found"}, "Install python3"),
        ({"module_stderr": "sudo: sorry, you must have a tty to run sudo"}, "requiretty"),
        ({"msg": "Timeout (12s) waiting for privilege escalation prompt: "}, "ansible_timeout"),
        ({"msg": "Missing sudo password"}, "-K"),
        ({"module_stderr": "sudo: a password is required"}, "-K"),
        ({"msg": "Incorrect sudo password"}, "is wrong"),
        ({"module_stderr": "eve is not in the sudoers file."}, "doesn't let this user"),
        ({"msg": "something else\x1b[0m"}, "something else"),
        ({}, "not looked at"),
    ],
)
def test_the_remedy_is_told(result: dict[str, Any], words: str) -> None:
    assert words in problem(result)
    assert "\x1b" not in problem(result)
