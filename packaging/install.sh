#!/bin/sh
# Installs deepspine from this folder, on a Linux without dpkg. As root: ./install.sh
# A configuration that is there is kept. Journals are made new by a newer program, never old by an older one.
# For non-commercial research alone there is one more network, which is not in here: deepspine models install DIR.
set -eu
cd "$(dirname "$0")"
if [ "$(id -u)" != 0 ]; then
    echo "install.sh: only root can install" >&2
    exit 77
fi

(cd root && find . -type f ! -path './etc/*') | while read -r file; do
    mode=644
    if [ -x "root/$file" ]; then mode=755; fi
    install -D -m "$mode" "root/$file" "/$file"
done
mkdir -p /etc/deepspine/config.d
for file in root/etc/deepspine/*; do
    if [ -f "$file" ] && [ ! -e "/etc/deepspine/${file##*/}" ]; then install -m 644 "$file" "/etc/deepspine/${file##*/}"; fi
done

if command -v systemd-sysusers >/dev/null; then
    systemd-sysusers deepspine.conf deepspine-storescp.conf
else
    for group in deepspine deepspine-in deepspine-out deepspine-admin; do
        grep -q "^$group:" /etc/group || groupadd --system "$group"
    done
    grep -q '^deepspine:' /etc/passwd || useradd --system --gid deepspine --groups deepspine-in,deepspine-out,deepspine-admin \
        --home-dir /var/lib/deepspine --no-create-home --shell /usr/sbin/nologin deepspine
fi
if command -v systemd-tmpfiles >/dev/null; then
    systemd-tmpfiles --create deepspine.conf
else
    install -d -m 755 /srv/deepspine
    install -d -m 2770 -g deepspine-in /srv/deepspine/in
    install -d -m 2750 -o deepspine -g deepspine-out /srv/deepspine/out
    install -d -m 700 -o deepspine -g deepspine /var/lib/deepspine
fi
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl enable deepspine.service
    systemctl restart deepspine.service
else
    echo "no service manager runs here: start it as user deepspine by: deepspine run"
fi
/usr/bin/deepspine self-test
