#!/usr/bin/env bash
# Copyright: burrow.vm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# What runs on the controller, with a home directory of its own: action plugins read the controller's environment.
set -eu
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
unset SSH_AUTH_SOCK SUDO_USER XDG_DATA_HOME
HOME=$home ansible-playbook -i localhost, test.yml "$@"
HOME=$home ansible-playbook -i localhost, check.yml --check --diff "$@"
