#!/bin/sh
# life.sh FOLDER: the package from its installation to its purge, on this machine's own system, seen through a layer
# that is gone afterwards. In FOLDER: new.deb, old.deb (an older version whose schema is 1), journal.db (of schema 1, with
# a message that waits), phantom/ (a study). A line for each thing that holds; ends with 1 at the first that does not.
# Needs root and a namespace of mounts of its own.
set -eu
given=$1
layer=$given/layer
root=$layer/root
state=$root/var/lib/deepspine
# How long the appliance may take for its self-test and the study.
patience_secs=300
appliance=

mkdir "$layer"
mount -t tmpfs none "$layer"
mkdir "$layer/upper" "$layer/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$layer/upper,workdir=$layer/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
# No service manager runs here, whatever the machine has.
mount -t tmpfs none "$root/run"
mkdir -p "$root/packages"
mount --bind "$given" "$root/packages"

inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
# In the place of its shell, which is what gets the signals.
as_service() {
    exec chroot --userspec=deepspine:deepspine --groups=deepspine-in,deepspine-out,deepspine-admin "$root" \
        env -i PATH=/usr/bin:/bin deepspine "$@"
}
holds() { # holds NAME COMMAND...
    name=$1
    shift
    if "$@" >"$given/said" 2>&1; then
        echo "√ $name"
    else
        echo "× $name" && tail -n 40 "$given/said"
        if [ -n "$appliance" ]; then kill -9 "$appliance"; fi
        exit 1
    fi
}
refuses() { ! "$@"; }
version() { inside dpkg-query -f '${Status} ${Version}' -W deepspine; }
schema() { python3 -c 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("PRAGMA user_version").fetchone()[0])' "$state/journal.db"; }
is() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'" && false; }; }
old=$(inside dpkg-deb -f /packages/old.deb Version)
new=$(inside dpkg-deb -f /packages/new.deb Version)

holds "an older version is installed" inside dpkg --install /packages/old.deb
holds "its folders are the service's and the scanner's" is \
    "$(inside stat -c '%a %U:%G' /var/lib/deepspine /srv/deepspine/in /srv/deepspine/out | xargs)" \
    "700 deepspine:deepspine 2770 root:deepspine-in 2750 deepspine:deepspine-out"
holds "its unit is enabled" test -L "$root/etc/systemd/system/multi-user.target.wants/deepspine.service"

install -m 600 -o "$(stat -c %u "$state")" -g "$(stat -c %g "$state")" "$given/journal.db" "$state/journal.db"
holds "the older version's journal has schema 1" is "$(schema)" 1
echo "# edited" >>"$root/etc/deepspine/config.toml"
holds "an upgrade is installed" inside dpkg --install /packages/new.deb
holds "an edited configuration stays" grep -q '^# edited' "$root/etc/deepspine/config.toml"

# As the unit starts it, with nothing edited that means anything.
install -d -m 711 -o "$(stat -c %u "$state")" -g "$(stat -c %g "$state")" "$root/run/deepspine"
(cd "$given/phantom" && find . -name '*.dcm' | while read -r file; do
    install -D -m 644 "$file" "$root/srv/deepspine/in/study/$file"
done)
as_service run 2>"$given/log" &
appliance=$!
report_within() {
    until find "$root/srv/deepspine/out" -name report.json | grep -q .; do
        patience_secs=$((patience_secs - 1))
        if [ $patience_secs = 0 ] || ! kill -0 "$appliance"; then cat "$given/log" && return 1; fi
        sleep 1
    done
}
holds "a study that is copied into /srv/deepspine/in is read" report_within
inside deepspine outbox list >"$given/outbox"
holds "its result waits for a broker, and what waited before the upgrade with it" is \
    "$(grep -c 'e/report' "$given/outbox")" 2

holds "the older version is refused while the newer one runs" refuses inside dpkg --install /packages/old.deb
inside dpkg --install /packages/old.deb >"$given/refusal" 2>&1 || true
holds "the refusal says why, and what to do" grep -q "has schema 3, this version knows up to 1" "$given/refusal"
holds "the newer version stays installed" is "$(version)" "install ok installed $new"
holds "it still runs" kill -0 "$appliance"
kill "$appliance"
wait "$appliance" || true
appliance=
holds "the journal was taken to schema 3" is "$(schema)" 3

holds "a removal goes through" inside dpkg --remove deepspine
holds "it keeps journal, readings, results and configuration" test -f "$state/journal.db" -a -d "$root/srv/deepspine/out" \
    -a -f "$root/etc/deepspine/config.toml" -a ! -e "$root/usr/bin/deepspine"
holds "the older version is refused beside the journal that is left" refuses inside dpkg --install /packages/old.deb
mkdir "$root/aside"
mv "$state"/journal.db* "$root/aside/"
holds "with the journal moved aside it is installed" inside dpkg --install /packages/old.deb
holds "it is the older version" is "$(version)" "install ok installed $old"

holds "a purge goes through" inside dpkg --purge deepspine
holds "it takes state, results and configuration" test ! -e "$state" -a ! -e "$root/srv/deepspine/out" -a ! -e "$root/etc/deepspine"
holds "it leaves the scanner's exports" test -d "$root/srv/deepspine/in/study"
holds "no link to the unit is left" test ! -L "$root/etc/systemd/system/multi-user.target.wants/deepspine.service"
