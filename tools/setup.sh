#!/bin/sh
# Makes what the checkout needs on this machine: `tools/setup.sh runtime` for the playbooks, `... test` for the suites too.
# Each step says what it does while it does it; what is there already is skipped without a word.
# Also sourced by play.sh, which needs the same password.

set -eu

root=${BURROW_CHECKOUT:-$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)}
log_dir=$root/.cache/log
password=''
export LC_ALL=C.UTF-8

# The distribution's own Python: it sees the distribution's libvirt module, and is on every machine that has apt.
python=${BURROW_PYTHON:-/usr/bin/python3}

# Debian package and a path that it alone brings; one line each.
runtime_packages='
python3-venv -
openssh-client /usr/bin/ssh
rsync /usr/bin/rsync
ca-certificates /etc/ssl/certs/ca-certificates.crt
'
# curl: a page of the documentation has it. gpg: tests sign with keys of their own. python3-libvirt and libxml2-utils: rendered XML is checked against libvirt's test driver
# and schemas.
test_packages="$runtime_packages
curl /usr/bin/curl
git /usr/bin/git
gpg /usr/bin/gpg
gpg-agent /usr/bin/gpg-agent
gpgv /usr/bin/gpgv
shellcheck /usr/bin/shellcheck
python3-libvirt /usr/lib/python3/dist-packages/libvirt.py
libvirt-clients /usr/bin/virsh
libxml2-utils /usr/bin/xmllint
"

fail() {
    printf '\n%s\n' "$*" >&2
    exit 1
}

# step TITLE COMMAND...: one line, the time where it was slow, and the output only where it failed.
step() {
    title=$1
    shift
    mkdir -p "$log_dir"
    log=$log_dir/setup.log
    started=$(date +%s)
    printf '==> %s' "$title"
    if ! "$@" >"$log" 2>&1 </dev/null; then
        printf '\n'
        tail -n 30 "$log" >&2
        fail "$title: failed. The whole output is in $log"
    fi
    elapsed=$(($(date +%s) - started))
    if [ "$elapsed" -ge 2 ]; then
        printf ' %s s' "$elapsed"
    fi
    printf '\n'
}

# Whether sudo works without a password where Ansible will call it, which is outside our terminal's session:
# sudo remembers a password for one terminal.
sudo_is_free() {
    setsid --wait sudo -n true >/dev/null 2>&1 </dev/null
}

# Asks for the password once; afterwards it is in $password, where that is needed at all.
ask_password() {
    if [ "$(id -u)" -eq 0 ] || [ -n "$password" ]; then
        return
    fi
    if command -v sudo >/dev/null 2>&1; then
        sudo_is_free && return
        prompt="sudo password of $(id -un): "
    else
        prompt='Password of root (there is no sudo; su is used): '
    fi
    [ -t 0 ] || fail "A password is needed (${prompt%: }) and there is no terminal to ask for it. Run this from a terminal or as root."
    trap 'stty echo' EXIT INT TERM
    stty -echo
    printf '%s' "$prompt" >&2
    IFS= read -r password || true
    stty echo
    trap - EXIT INT TERM
    printf '\n' >&2
    [ -n "$password" ] || fail 'No password was given.'
    if command -v sudo >/dev/null 2>&1; then
        printf '%s\n' "$password" | setsid --wait sudo -S -p '' true 2>/dev/null || fail 'sudo does not take this password.'
    fi
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif [ -n "$password" ]; then
        printf '%s\n' "$password" | setsid --wait sudo -S -p '' "$@"
    else
        sudo -n "$@"
    fi
}

missing_packages() {
    printf '%s' "$1" | while read -r package path; do
        case $path in
            '') ;;
            -) "$python" -c 'import ensurepip, venv' 2>/dev/null || echo "$package" ;;
            *) [ -e "$path" ] || echo "$package" ;;
        esac
    done
}

apt_install() {
    # A new machine has no package lists yet, an old one has stale ones.
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 update
    # shellcheck disable=SC2086 # one word for each package
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends $1
}

system_packages() {
    missing=$(missing_packages "$1" | tr '\n' ' ')
    missing=${missing% }
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null 2>&1; then
        fail "Missing on this machine: $missing (Debian's names). Install them with this system's package manager, then run make again."
    fi
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null 2>&1; then
        fail "Missing on this machine: $missing. There is no sudo here, so install them with:
    su - -c 'apt-get update && apt-get install --no-install-recommends $missing'
then run make again."
    fi
    ask_password
    step "system packages ($missing)" apt_install "$missing"
}

# Where the checkout is found as burrow.vm: a link, so that an edit needs no installation.
link_collection() {
    link=$root/.venv/collections/ansible_collections/burrow/vm
    [ -e "$link/galaxy.yml" ] && return
    mkdir -p "${link%/*}"
    ln -sfn ../../../.. "$link"
}

# environment DIRECTORY PYTHON REQUIREMENTS...: a virtual environment with just these packages, made again when a pin changed.
environment() {
    directory=$1
    interpreter=$2
    shift 2
    stamp=$root/$directory/.requirements.sha256
    wanted=$( (cd "$root/requirements" && cat constraints.txt "$@" && "$interpreter" -V && echo "$root") | sha256sum)
    if [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && [ -x "$root/$directory/bin/python" ]; then
        return 0
    fi
    last=$(for last in "$@"; do :; done; echo "$last")
    step "python environment ($directory)" make_environment "$root/$directory" "$interpreter" "$root/requirements/$last"
    echo "$interpreter" >"$root/$directory/.interpreter"
    echo "$wanted" >"$stamp"
}

make_environment() {
    "$2" -m venv --clear "$1"
    case $3 in
        */python-3.9.txt) set -- "$1" "$2" -r "$3" ;;  # its pins are of another time
        *) set -- "$1" "$2" -r "$3" -c "$root/requirements/constraints.txt" ;;
    esac
    made=$1
    shift 2
    "$made/bin/python" -m pip install --quiet --no-input --disable-pip-version-check --prefer-binary "$@"
}

# The distribution's libvirt module inside an environment of the same Python: PyPI's needs a compiler and libvirt's headers.
link_libvirt() {
    for site in "$root/$1"/lib/python3.*/site-packages; do
        for file in /usr/lib/python3/dist-packages/libvirt*.py /usr/lib/python3/dist-packages/libvirtmod*.so; do
            if [ -e "$file" ] && [ ! -e "$site/${file##*/}" ]; then
                ln -sf "$file" "$site/"
            fi
        done
    done
}

# find_python DIRECTORY VERSION...: what the environment there was made from, else the first of these versions that
# really runs here; pyenv has shims for versions that don't.
find_python() {
    used=$(cat "$root/$1/.interpreter" 2>/dev/null || true)
    if [ -x "$used" ]; then
        echo "$used"
        return 0
    fi
    shift
    for version; do
        for candidate in "python$version" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python3; do
            if found=$(command -v "$candidate" 2>/dev/null) && "$found" -c 'import ensurepip, venv' 2>/dev/null; then
                echo "$found"
                return 0
            fi
        done
    done
    return 1
}

python_at_least() {
    "$python" -c "import sys; sys.exit(sys.version_info < ($1))"
}

setup_runtime() {
    [ -x "$python" ] || missing_python
    system_packages "$1"
    python_at_least '3, 11' || fail "$python is $("$python" -V); ansible-core needs Python 3.11 or newer.
Debian 12, Debian 13 and Ubuntu 24.04 have one. Or name one: make BURROW_PYTHON=/path/to/python3 ..."
    environment .venv "$python" runtime.txt
    link_collection
}

missing_python() {
    system_packages "python3 $python
$runtime_packages"
    [ -x "$python" ] || fail "$python is not there. Name a Python 3.11 or newer: make BURROW_PYTHON=/path/to/python3 ..."
}

# The ansible-core that this machine's own Python does not bring, and the oldest Python of a hypervisor: where they can be had.
setup_test() {
    setup_runtime "$test_packages"
    environment .venvs/test "$python" runtime.txt test.txt
    link_libvirt .venvs/test
    if python_at_least '3, 12'; then
        optional_environment core-2.19 3.13 3.12 3.11
    else
        optional_environment core-2.21 3.13 3.12
    fi
    optional_environment python-3.9 3.9
}

# optional_environment NAME VERSION...: a suite that finds none of these is not run, and the summary says so.
optional_environment() {
    name=$1
    shift
    if found=$(find_python ".venvs/$name" "$@"); then
        environment ".venvs/$name" "$found" "$name.txt"
    fi
}

setup() {
    mkdir -p "$root/.cache"
    exec 9>"$root/.cache/setup.lock"
    flock 9
    case $1 in
        runtime) setup_runtime "$runtime_packages" ;;
        test) setup_test ;;
        *) fail "usage: $0 runtime|test" ;;
    esac
    exec 9>&-
}

case ${0##*/} in
    setup.sh) setup "${1:-}" ;;
esac
