#!/bin/sh
# install_servers.sh: the real servers that the tests start, from Debian's packages. It says what it installs
# before it does, lets no package start or enable a service, and does nothing where it may not.
set -eu

PACKAGES="docker.io podman runc busybox-static influxdb victoria-metrics prometheus prometheus-alertmanager \
nginx-light chromium fonts-dejavu-core fonts-nanum mmdebstrap iptables iproute2 util-linux ca-certificates \
qemu-system-x86 e2fsprogs cpio kmod systemd"

missing=""
if command -v dpkg-query >/dev/null; then
    for package in $PACKAGES; do
        state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
        [ "$state" = installed ] || missing="$missing $package"
    done
    [ -n "$missing" ] || exit 0
fi

if [ -n "${NO_INSTALL:-}" ]; then
    echo "NO_INSTALL: nothing is installed; tests whose server is missing are skipped"
    exit 0
fi
if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
    echo "only root on Debian installs test servers; tests whose server is missing are skipped"
    exit 0
fi

echo "installing Debian packages for the tests:$missing (NO_INSTALL=1 keeps them away)"
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
apt-get update -qq </dev/null
# One package at a time only where all together fail: another Debian may lack one of them.
if ! DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing </dev/null >/dev/null; then
    for package in $missing; do
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" </dev/null >/dev/null ||
            echo "not to be had here: $package; its tests are skipped"
    done
fi

# On a systemd host a package's units would start at the next boot.
if [ -d /run/systemd/system ]; then
    for package in $missing; do
        for unit in $(dpkg -L "$package" | sed -n 's,^\(/usr\)\{0,1\}/lib/systemd/system/\([^/@]*\.\(service\|socket\|timer\)\)$,\2,p'); do
            systemctl disable --quiet "$unit" 2>/dev/null || true
        done
    done
fi
