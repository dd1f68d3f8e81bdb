#!/usr/bin/env bash
# modular.sh DIRECTORY: have virtqemud and virtnetworkd of Debian 13's libvirt there, to be unpacked over its packages, and
# print the file's name. They are built once for each version of this script. Run as root.
#
# No suite of Debian has them. Of its source only the daemons are compiled, seven files each, and linked against the packages' own library:
# its private symbols are the same, since the release is. Drivers are the packages', too. So it takes one minute instead of a quarter of an hour.
#
# All of it happens in a root file system of mmdebstrap's, which removes it at the end and when it is interrupted.

set -euo pipefail

daemons='virtqemud virtnetworkd'
libraries=/usr/lib/x86_64-linux-gnu
needed=gcc,libc6-dev,meson,ninja-build,patch,pkg-config,python3-docutils,xsltproc,xz-utils
needed+=,libapparmor-dev,libcap-ng-dev,libglib2.0-dev,libgnutls28-dev,libjson-c-dev,libnl-3-dev,libnl-route-3-dev
needed+=,libtirpc-dev,libvirt-dev,libxml2-dev,libxml2-utils

from_outside() {
    mkdir --parents "$1"
    tarball=$(realpath "$1")/modular-$(sha256sum "$0" | cut --characters=1-12).tar.gz
    # Whoever comes while it is built waits.
    exec 9>"$1/modular.lock"
    flock 9
    if [ ! -e "$tarball" ]; then
        build >&2
    fi
    echo "$tarball"
}

build() {
    made=$(mktemp --directory)
    trap 'rm -rf "$made"' EXIT
    # shellcheck disable=SC2016 # mmdebstrap tells its hooks where that root is
    mmdebstrap --quiet --variant=apt --include="$needed" --aptopt='Acquire::Languages "none"' \
        --customize-hook="copy-in '$(realpath "$0")' /" \
        --customize-hook='chroot "$1" bash /modular.sh --inside' \
        --customize-hook="copy-out /build/modular.tar.gz '$made'" \
        trixie /dev/null - <<'SOURCES'
deb http://deb.debian.org/debian trixie main
deb-src http://deb.debian.org/debian trixie main
SOURCES
    mv "$made/modular.tar.gz" "$tarball.new"
    mv "$tarball.new" "$tarball"
}

# By its parts, which apt checks against the signed index: a mirror may lack .dsc files.
get_source() {
    apt-get source --quiet=2 --print-uris libvirt | tr -d "'" | while read -r address file _ checksum; do
        case $file in
            *.tar.xz) /usr/lib/apt/apt-helper download-file "$address" "$file" "$checksum" ;;
        esac
    done
    mkdir source
    tar --extract --file libvirt_*.orig.tar.xz --directory source --strip-components 1
    tar --extract --file libvirt_*.debian.tar.xz --directory source
    grep -v '^#' source/debian/patches/series | while read -r name; do
        patch --quiet --directory source --strip 1 <"source/debian/patches/$name"
    done
}

# As debian/rules does it where that shows in the daemons, their units and profiles.
configure() {
    CFLAGS=-O1 meson setup made source --auto-features=disabled --buildtype=plain \
        --prefix=/usr --libdir="$libraries" --libexecdir=/usr/lib/libvirt --sysconfdir=/etc --localstatedir=/var \
        -Drunstatedir=/run -Dinitconfdir=/etc/default -Dunitdir=/usr/lib/systemd/system -Dsysusersdir=/usr/lib/sysusers.d \
        -Dno_git=true -Dpackager=Debian -Dinit_script=systemd -Dremote_default_mode=legacy -Dtls_priority=NORMAL \
        -Ddriver_remote=enabled -Ddriver_libvirtd=enabled -Ddriver_qemu=enabled -Ddriver_network=enabled \
        -Dapparmor=enabled -Dsecdriver_apparmor=enabled -Dapparmor_profiles=enabled \
        -Dcapng=enabled -Djson_c=enabled -Dlibnl=enabled \
        -Dqemu_user=libvirt-qemu -Dqemu_group=libvirt-qemu -Dqemu_moddir="$libraries/qemu" -Dqemu_datadir=/usr/share/qemu
}

compile() {
    parts=$(printf '%s.c.o ' \
        meson-generated_.._remote_{remote,qemu,lxc}_protocol remote_remote_daemon{,_config,_dispatch,_stream})
    for daemon in $daemons; do
        for part in $parts; do
            echo "src/$daemon.p/$part"
        done
    done | xargs ninja -C made src/admin/libvirt_admin_driver.a
    for daemon in $daemons; do
        gcc -s -pie -Wl,-z,relro,-z,now,--as-needed,-export-dynamic -o "$daemon" \
            "made/src/$daemon.p"/*.o made/src/admin/libvirt_admin_driver.a -lvirt -lvirt-qemu -lvirt-lxc \
            -lgnutls -lgobject-2.0 -lgio-2.0 -lglib-2.0 -lxml2 -ltirpc
    done
}

pack() {
    for daemon in $daemons; do
        install -D --mode=755 --target-directory=tree/usr/sbin "$daemon"
        install -D --mode=644 --target-directory=tree/usr/lib/systemd/system "made/src/$daemon"{.service,.socket,-ro.socket,-admin.socket}
        install -D --mode=644 --target-directory=tree/etc/libvirt "made/src/$daemon.conf"
    done
    install -D --mode=644 --target-directory=tree/etc/apparmor.d made/src/security/apparmor/usr.sbin.virtqemud
    tar --create --gzip --owner=0 --group=0 --directory tree --file modular.tar.gz usr etc
}

case $1 in
    --inside)
        export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
        mkdir /build
        cd /build
        for step in get_source configure compile pack; do
            "$step"
        done
        ;;
    *) from_outside "$1" ;;
esac
