#!/bin/sh
# Init of a User-Mode Linux kernel whose root is the host's file system: lets the kernel load its modules when it wants
# them, as a host's does, runs the suite, says how it ended, and switches the machine off.
# The kernel hands unknown NAME=value words of its command line to init as environment: PROJECT and SUITE.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/run PYTHONDONTWRITEBYTECODE=1
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mkdir -p /run/project /run/lib/modules # the first: where it can be seen also when it lies below /tmp
mount --bind "$PROJECT" /run/project || echo "no project at $PROJECT"
mount -t tmpfs tmpfs /tmp
# The modules lie in a folder of UML's own; laid over the host's, they are where the kernel's loader looks.
ln -s "/usr/lib/uml/modules/$(uname -r)" /run/lib/modules/
busybox insmod "/run/lib/modules/$(uname -r)/kernel/fs/overlayfs/overlay.ko"
mount -t overlay overlay -o lowerdir=/run/lib:/usr/lib /usr/lib || echo "no modules"
ln -s "$(command -v busybox)" /run/modprobe
echo /run/modprobe >/proc/sys/kernel/modprobe
ip link set lo up
cd /run/project || exec sleep 1
# shellcheck disable=SC2086  # SUITE is a list of words
.venv/bin/python -m pytest -q --color=no --tb=short -p no:cacheprovider $(echo "$SUITE" | tr , ' ') 2>&1
echo "SUITE ENDED WITH $?"
echo o >/proc/sysrq-trigger
sleep 10
