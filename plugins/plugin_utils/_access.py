# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a hypervisor could not be worked on: what ssh, sudo and Ansible say, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.burrow.vm.plugins.plugin_utils._text import printable

# How it is put (OpenSSH 9, sudo 1.9, ansible-core 2.19 and 2.21), and what it means here. The first that fits counts.
_TROUBLES = (
    (
        r"REMOTE HOST IDENTIFICATION HAS CHANGED",
        "its SSH host key isn't the one in your known_hosts: it was installed anew, or another machine answers. "
        "Compare the fingerprint there; if it is right, `ssh-keygen -R` with its name, and accept it once, with `ssh`.",
    ),
    (
        r"Host key verification failed",
        "its SSH host key isn't in your known_hosts. This collection pins keys of guests only: compare the "
        "hypervisor's fingerprint and accept it once, with `ssh` to it.",
    ),
    (
        r"UNPROTECTED PRIVATE KEY FILE",
        "ssh ignores a private key that others may read. Make it yours alone (chmod 600).",
    ),
    (
        r"not permitted to log in yet|System is going down",
        "it is starting or shutting down, and lets nobody in meanwhile. Try again in a minute.",
    ),
    (
        r"kex_exchange_identification|Connection (?:closed|reset) by",
        "its SSH server hangs up at once. It may be starting, or keep this address away for a while (fail2ban, sshd's "
        "MaxStartups and PerSourcePenalties). Try again in a minute; then see its log (journalctl -u ssh).",
    ),
    (
        r"Permission denied \(",
        "SSH refuses the login. Try it with `ssh`; user and key are ansible_user and ansible_ssh_private_key_file.",
    ),
    (
        r"Could not resolve hostname",
        "its name has no address. State ansible_host, or an alias in ~/.ssh/config.",
    ),
    (
        r"Connection refused|Connection timed out|No route to host|Network is unreachable|Operation timed out",
        "nothing answers by SSH there. See whether it runs, and to ansible_host and ansible_port.",
    ),
    (
        r"sudo: (?:command )?not found|No such file or directory.*sudo",
        "sudo is not installed. Install it there, or log in as root (ansible_user=root, ansible_become=false).",
    ),
    (
        r"(?:interpreter|python\S*:?) .*(?:was )?not found|No such file or directory.*python",
        "Python is not there. Install python3, or name it in ansible_python_interpreter.",
    ),
    (
        r"you must have a tty",
        "its sudo wants a terminal. Take requiretty out of its sudoers, or set ansible_pipelining to false.",
    ),
    (
        r"waiting for privilege escalation prompt",
        "sudo doesn't come to an end there. See whether `sudo true` is slow (name resolution, PAM); ansible_timeout "
        "says how long it may take.",
    ),
    (
        r"[Mm]issing sudo password|a password is required|Duplicate sudo password prompt",
        "sudo asks for a password. Give it with -K (--ask-become-pass), or as ansible_become_password from a vault.",
    ),
    (
        r"[Ii]ncorrect sudo password|Sorry, try again",
        "the password for sudo is wrong. See to ansible_become_password, or give it with -K (--ask-become-pass).",
    ),
    (
        r"is not in the sudoers file|may not run sudo",
        "sudo doesn't let this user become root. Add it to the group that may, or choose another ansible_user.",
    ),
)
_LONGEST = 500


def problem(result: Mapping[str, Any]) -> str:
    """In one sentence, with what was said where that is known to nobody here."""
    parts = [str(result.get(key) or "") for key in ("msg", "module_stderr", "module_stdout")]
    said = "\n".join(parts)
    meaning = next((text for pattern, text in _TROUBLES if re.search(pattern, said)), "")
    heard = printable(" ".join(part for part in parts if part.strip()), _LONGEST)
    return meaning or heard or "it was not looked at"
