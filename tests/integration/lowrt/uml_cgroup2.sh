#!/bin/sh
# Init of a User-Mode Linux kernel whose root is the host's file system: mounts what pure cgroup v2 needs, runs the v2
# suite, says how it ended, and switches the machine off.
# The kernel hands unknown NAME=value words of its command line to init as environment: PROJECT and SUITE.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/run PYTHONDONTWRITEBYTECODE=1
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
ln -s /proc/self/fd /dev/fd # as udev would; crun reads /dev/stdin
ln -s fd/0 /dev/stdin
mkdir /run/project # where it can be seen also when it lies below /tmp
mount --bind "$PROJECT" /run/project || echo "no project at $PROJECT"
mount -t tmpfs tmpfs /tmp
mount -t cgroup2 cgroup2 /sys/fs/cgroup
PROJECT=/run/project
cd "$PROJECT"
# shellcheck disable=SC2086  # SUITE is a list of words
"$PROJECT/.venv/bin/python" -m pytest -q -p no:cacheprovider $(echo "$SUITE" | tr , ' ') 2>&1
echo "SUITE ENDED WITH $?"
echo o >/proc/sysrq-trigger
sleep 10
