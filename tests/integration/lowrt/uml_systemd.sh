#!/bin/sh
# Init of a User-Mode Linux kernel: lays a writable layer over the host's files, and has Debian's systemd boot from it
# with nothing but what a test needs. A unit of ours runs the suite, says how it ended, and switches the machine off.
# The kernel hands unknown NAME=value words of its command line to init as environment: PROJECT and SUITE.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
busybox insmod "/usr/lib/uml/modules/$(uname -r)/kernel/fs/overlayfs/overlay.ko"
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root || exec sleep 1
cd /mnt/root || exec sleep 1
rm -rf .dockerenv etc/systemd/system # with the first, systemd takes itself for a guest and reads no command line
mkdir -p etc/systemd/system old lib/modules
ln -s "/usr/lib/uml/modules/$(uname -r)" lib/modules/
ln -sf /bin/busybox usr/sbin/modprobe
: >etc/fstab
# What a machine of one test has no use for; its files must not be cleaned up, and nothing waits for devices.
for unit in systemd-udevd.service systemd-udevd-kernel.socket systemd-udevd-control.socket \
  systemd-udev-trigger.service systemd-tmpfiles-setup.service systemd-tmpfiles-setup-dev.service \
  systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket systemd-journald-audit.socket \
  systemd-journal-flush.service systemd-timesyncd.service systemd-update-utmp.service systemd-sysctl.service \
  systemd-modules-load.service systemd-sysusers.service systemd-random-seed.service systemd-binfmt.service \
  systemd-boot-system-token.service systemd-machine-id-commit.service systemd-remount-fs.service \
  systemd-firstboot.service systemd-hwdb-update.service systemd-pstore.service systemd-repart.service \
  systemd-ask-password-console.path systemd-ask-password-wall.path kmod-static-nodes.service timers.target \
  swap.target paths.target cryptsetup.target integritysetup.target veritysetup.target dev-hugepages.mount \
  dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount \
  sys-fs-fuse-connections.mount proc-sys-fs-binfmt_misc.automount; do
  ln -s /dev/null "etc/systemd/system/$unit"
done
cat >etc/systemd/system/suite.target <<E
[Unit]
Requires=basic.target
After=basic.target
Wants=suite.service
E
cat >etc/systemd/system/suite.service <<E
[Service]
Type=oneshot
Environment=HOME=/root PYTHONDONTWRITEBYTECODE=1
WorkingDirectory=$PROJECT
ExecStart=/bin/sh -c 'PATH=$PATH; .venv/bin/python -m pytest -q -p no:cacheprovider $(echo "$SUITE" | tr , ' ') 2>&1; echo SUITE ENDED WITH \$?'
ExecStopPost=/bin/sh -c 'echo o >/proc/sysrq-trigger'
StandardOutput=tty
StandardError=tty
TTYPath=/dev/console
TimeoutStartSec=infinity
E
umount /proc
pivot_root . old
exec chroot . /lib/systemd/systemd --unit=suite.target --log-target=null --show-status=0 --default-standard-output=null
