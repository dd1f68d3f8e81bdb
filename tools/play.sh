#!/bin/sh
# Runs one of the collection's playbooks from the checkout: `tools/play.sh up`. What the person gave to make is in the
# environment (see play.py). The password, where one is needed, is asked once and goes to Ansible through a pipe.

set -eu

BURROW_CHECKOUT=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
export BURROW_CHECKOUT
# shellcheck source=tools/setup.sh
. "$BURROW_CHECKOUT/tools/setup.sh"

setup runtime

case " ${ARGS:-} " in
    *' -K '* | *' --ask-become-pass '* | *' --become-password-file'*) ;;
    *) [ -n "${ANSIBLE_BECOME_PASSWORD_FILE:-}" ] || ask_password ;;
esac

export ANSIBLE_CONFIG="${ANSIBLE_CONFIG:-$BURROW_CHECKOUT/ansible.cfg}"
if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null 2>&1; then
    export ANSIBLE_BECOME_METHOD="${ANSIBLE_BECOME_METHOD:-su}"
fi
if [ -n "$password" ]; then
    printf '%s\n' "$password" | "$BURROW_CHECKOUT/.venv/bin/python" "$BURROW_CHECKOUT/tools/play.py" "$@" --become-password-file -
else
    exec "$BURROW_CHECKOUT/.venv/bin/python" "$BURROW_CHECKOUT/tools/play.py" "$@"
fi
