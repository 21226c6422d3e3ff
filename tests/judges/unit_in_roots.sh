#!/usr/bin/env bash
# Judges the service unit by the systemd of each Debian that a board may have: makes bullseye and bookworm
# roots with debootstrap (as root; some 300 MB and minutes each) and prints what systemd-analyze says there.
# Usage: tests/judges/unit_in_roots.sh [FOLDER]   where the roots are kept for the next time
set -euo pipefail
units=$(cd "$(dirname "$0")/../../systemd" && pwd)
roots=${1:-$(mktemp -d)}
mkdir -p "$roots"
verdict=0

# A root with its /proc and the machine's cgroups, which systemd looks for; both are gone with the command.
inside() {
  local root=$1
  shift
  unshare --mount --propagation private sh -ec '
    mount -t proc proc "$0/proc"
    mount --rbind /sys "$0/sys"
    exec chroot "$0" "$@"' "$root" "$@"
}

for suite in bullseye bookworm; do
  root=$roots/$suite
  if [ ! -x "$root/usr/bin/systemd-analyze" ]; then
    if ! debootstrap --variant=minbase --include=systemd "$suite" "$root" http://deb.debian.org/debian >"$root.log" 2>&1; then
      echo "$suite: the root can't be made, see $root.log"
      verdict=1
      continue
    fi
  fi
  # verify asks that the program is there, no more.
  printf '#!/bin/sh\n' >"$root/usr/bin/deepspine"
  chmod 755 "$root/usr/bin/deepspine"
  install -D -m 644 "$units/deepspine.service" "$root/etc/systemd/system/deepspine.service"
  install -D -m 644 "$units/deepspine.sysusers" "$root/usr/lib/sysusers.d/deepspine.conf"
  install -D -m 644 "$units/deepspine.tmpfiles" "$root/usr/lib/tmpfiles.d/deepspine.conf"
  echo "$suite: $(inside "$root" systemd-analyze --version | head -n 1)"
  if said=$(inside "$root" systemd-analyze verify --man=no /etc/systemd/system/deepspine.service 2>&1) && [ -z "$said" ]; then
    echo "$suite: verify is clean"
  else
    echo "$suite: verify says: $said"
    verdict=1
  fi
  inside "$root" systemd-sysusers deepspine.conf
  inside "$root" systemd-tmpfiles --create deepspine.conf
  inside "$root" id deepspine | sed "s/^/$suite: /"
  inside "$root" stat -c "$suite: %A %U:%G %n" /srv/deepspine/in /srv/deepspine/out /var/lib/deepspine
  # Only since 250 without a running systemd.
  inside "$root" systemd-analyze security --offline=true --no-pager /etc/systemd/system/deepspine.service 2>/dev/null |
    sed -n "s/^→/$suite:/p" || true
done
exit $verdict
