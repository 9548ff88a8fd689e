#!/bin/bash
# build.sh OUT: makes the guest of the cgroup v2 tests from Debian's packages: OUT/vmlinuz, OUT/initrd.gz, OUT/root.ext4.
# The root has dockerd, Python and systemd; it boots with tests/vm/guest-init or, where the kernel's command line
# says so, with systemd. Needs root and: mmdebstrap qemu-system-x86 busybox-static e2fsprogs cpio kmod.
# Packages are kept in OUT/debs for the next time.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
out=$(readlink -f "$1")
suite=bookworm
packages=docker.io,containerd,runc,iptables,iproute2,kmod,busybox-static,python3,procps,ca-certificates,systemd,systemd-sysv,dbus
root=$out/rootfs
rm -rf "$root" "$out/kernel" "$out/initrd.d"
mkdir -p "$out/debs" "$out/kernel"

# The generic kernel: the one for clouds has no 9p file system, by which the guest sees the source.
mmdebstrap --quiet --variant=minbase --include="$packages" --mode=root \
    --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
    --skip=download/empty --skip=essential/unlink \
    --setup-hook='mkdir -p "$1"/var/cache/apt/archives/partial' \
    --setup-hook="cp -n $out/debs/*.deb \"\$1\"/var/cache/apt/archives/ 2>/dev/null || true" \
    --customize-hook="cp -n \"\$1\"/var/cache/apt/archives/*.deb $out/debs/ || true" \
    --customize-hook='chroot "$1" sh -c "cd /var/tmp && apt-get download -q \$(apt-cache depends linux-image-amd64 | sed -n \"s/.*Depends: \(linux-image-[^ ]*\).*/\1/p\" | head -1)" >/dev/null' \
    --customize-hook="mv \"\$1\"/var/tmp/linux-image-*.deb $out/kernel/kernel.deb" \
    "$suite" "$root"
# What nobody reads in a guest. (dpkg's path-exclude would do it earlier, by a filter that ends in a broken pipe at times.)
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/{man,doc,locale}

# Of the kernel: the image, and the modules that a Docker host needs.
dpkg-deb -x "$out/kernel/kernel.deb" "$out/kernel"
version=$(basename "$out"/kernel/lib/modules/*)
cp "$out/kernel/boot/vmlinuz-$version" "$out/vmlinuz"
from=$out/kernel/lib/modules/$version
to=$root/lib/modules/$version
for part in fs/9p fs/ext4 fs/jbd2 fs/mbcache.ko fs/overlayfs fs/fscache fs/netfs net/9p net/bridge net/802 net/llc \
    net/netfilter net/ipv4 net/ipv6 lib crypto arch drivers/virtio drivers/block drivers/char \
    drivers/net/veth.ko drivers/net/virtio_net.ko drivers/net/net_failover.ko; do
    [ -e "$from/kernel/$part" ] || continue
    mkdir -p "$to/kernel/$(dirname "$part")"
    cp -a "$from/kernel/$part" "$to/kernel/$part"
done
cp "$from"/modules.{builtin,builtin.modinfo,order} "$to/"
depmod -b "$root" "$version"

install -m 755 "$here/guest-init" "$here/guest-job" "$root/sbin/"
mkdir -p "$root/src" "$root/job" "$root/etc/docker"
printf '{"bridge": "none", "iptables": false, "ip6tables": false, "ip-forward": false, "ip-masq": false}\n' \
    >"$root/etc/docker/daemon.json"
echo guest >"$root/etc/hostname"
printf '127.0.0.1 localhost guest\n' >"$root/etc/hosts"
: >"$root/etc/resolv.conf"
# Under systemd the job is a service that comes after Docker; nothing else is started that is not needed.
cp "$here/guest-job.service" "$root/etc/systemd/system/"
chroot "$root" systemctl enable --quiet guest-job.service docker.service containerd.service
chroot "$root" systemctl mask --quiet apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer \
    e2scrub_all.timer e2scrub_reap.service systemd-timesyncd.service getty@tty1.service serial-getty@ttyS0.service

# What finds the disk and hands over to the root's own init.
initrd=$out/initrd.d
mkdir -p "$initrd"/{bin,proc,sys,dev,disk,modules}
cp "$root/bin/busybox" "$initrd/bin/busybox"
ln -s busybox "$initrd/bin/sh"
for module in virtio_pci virtio_blk crc32c_generic ext4; do
    modprobe -d "$root" -S "$version" --show-depends "$module" 2>/dev/null | awk '/^insmod/{print $2}'
done | awk '!seen[$0]++' | while read -r file; do
    cp "$file" "$initrd/modules/"
    basename "$file" >>"$initrd/modules/list"
done
cat >"$initrd/init" <<'INIT'
#!/bin/sh
b=/bin/busybox
$b mount -t devtmpfs none /dev
while read -r module; do $b insmod "/modules/$module"; done </modules/list
i=0
until [ -b /dev/vda ] || [ $i -gt 500 ]; do i=$((i + 1)); $b usleep 20000; done
$b mount -t ext4 -o rw,noatime /dev/vda /disk
$b mount --move /dev /disk/dev
$b mount -t proc none /proc
init=/sbin/guest-init
for word in $($b cat /proc/cmdline); do case $word in guest.init=*) init=${word#guest.init=} ;; esac; done
$b umount /proc
exec $b switch_root /disk "$init"
INIT
chmod 755 "$initrd/init"
(cd "$initrd" && find . | cpio -o -H newc --quiet) | gzip -1 >"$out/initrd.gz"

rm -f "$out/root.ext4"
truncate -s 3G "$out/root.ext4"
mke2fs -q -t ext4 -O ^has_journal -m 0 -E lazy_itable_init=1 -d "$root" "$out/root.ext4"
rm -rf "$root" "$out/kernel" "$initrd"
