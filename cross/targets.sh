# What is known of each target; sourced by the scripts beside it.
#
# A GNU target is linked against glibc 2.31, the C library of Debian 11, Ubuntu 20.04 and JetPack 5: what is
# linked against it runs on those and on everything later. The musl target needs no C library at all.

GLIBC_FLOOR=2.31
# The suite of Debian whose C library is the floor.
FLOOR_SUITE=bullseye
# Compilers differ in what they make of the same source: one version, so that a commit is always the same bytes.
RUST_VERSION=1.95.0

# Sets, for target $1: debian (architecture's name), gnu (prefix of the C tools), qemu (runs its programs).
know_target() {
  case $1 in
    aarch64-unknown-linux-gnu | aarch64-unknown-linux-musl) debian=arm64 gnu=aarch64-linux-gnu qemu=qemu-aarch64-static ;;
    armv7-unknown-linux-gnueabihf) debian=armhf gnu=arm-linux-gnueabihf qemu=qemu-arm-static ;;
    x86_64-unknown-linux-gnu) debian=amd64 gnu=x86_64-linux-gnu qemu= ;;
    *)
      echo "cross: no target '$1'; there are aarch64-unknown-linux-gnu, armv7-unknown-linux-gnueabihf," \
        "x86_64-unknown-linux-gnu and aarch64-unknown-linux-musl" >&2
      return 64
      ;;
  esac
}

# Installs Debian packages where they are missing.
need() {
  dpkg -s "$@" >/dev/null 2>&1 && return
  if [ "$(id -u)" != 0 ]; then
    echo "cross: as root: apt-get install $*" >&2
    return 69
  fi
  apt-get -qq update
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >/dev/null
}
