# The headers and libraries that a target is linked against; sourced by `build`.

# fetch DEST SUITE ARCHITECTURE PACKAGE...: unpacks Debian packages of another suite or architecture into DEST.
# It has a state of apt's of its own: nothing is installed, and the system's lists are left as they are.
fetch() {
  local dest=$1 suite=$2 architecture=$3 work mirror
  shift 3
  work=$(mktemp -d)
  mkdir -p "$work"/{lists,cache/archives}/partial "$work"/{download,root}
  : >"$work/status"
  mirror=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' | awk '$2 == "bookworm" { print $1; exit }')
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:-http://deb.debian.org/debian} $suite main" >"$work/sources"
  cat >"$work/conf" <<END
Dir::State::Lists "$work/lists"; Dir::Cache "$work/cache"; Dir::State::status "$work/status";
Dir::Etc::sourcelist "$work/sources"; Dir::Etc::sourceparts "-";
APT::Architecture "$architecture"; APT::Architectures { "$architecture"; };
Acquire::Languages "none"; APT::Sandbox::User "root";
END
  APT_CONFIG=$work/conf apt-get -qq update
  (cd "$work/download" && APT_CONFIG=$work/conf apt-get -qq download "$@")
  local package
  for package in "$work"/download/*.deb; do dpkg -x "$package" "$work/root"; done
  # The development links are absolute, and would point out of the folder.
  local link aim
  find "$work/root" -type l | while read -r link; do
    aim=$(readlink "$link")
    case $aim in /*) ln -sfn "$(realpath -ms --relative-to="$(dirname "$link")" "$work/root$aim")" "$link" ;; esac
  done
  chmod 755 "$work/root"
  mkdir -p "$(dirname "$dest")"
  mv "$work/root" "$dest"
  rm -rf "$work"
}

# wrapper FILE COMMAND...: a program that runs COMMAND with the arguments that it is given. A file that says the
# same already is left alone: cargo builds everything anew when the linker is younger.
wrapper() {
  local file=$1
  shift
  { echo '#!/bin/sh' && printf 'exec' && printf ' "%s"' "$@" && echo ' "$@"'; } >"$file.new"
  chmod +x "$file.new"
  if cmp -s "$file.new" "$file"; then rm "$file.new"; else mv "$file.new" "$file"; fi
}

# glibc_sysroot FOLDER: glibc of the floor, and a C compiler `cc` for it.
glibc_sysroot() {
  local folder=$1 root=$1/root
  [ -d "$root" ] || fetch "$root" "$FLOOR_SUITE" "$debian" libc6 libc6-dev linux-libc-dev libcrypt1 libgcc-s1 libgcc-10-dev
  # --sysroot alone is not enough: Debian's compilers for other machines search their own C library first.
  wrapper "$folder/cc" "$gnu-gcc" "--sysroot=$root" -isystem "$root/usr/include/$gnu" -isystem "$root/usr/include" \
    "-B$root/usr/lib/$gnu/" "-L$root/lib/$gnu" "-L$root/usr/lib/$gnu"
}

# musl_sysroot FOLDER: musl's headers, and a C compiler `cc` that knows no others. Rust brings the library itself.
musl_sysroot() {
  local folder=$1 root=$1/root builtin
  [ -d "$root" ] || fetch "$root" bookworm "$debian" musl-dev
  builtin=$("$gnu-gcc" -print-file-name=include)
  # Atomics in line: those of libgcc ask glibc which processor it is.
  wrapper "$folder/cc" "$gnu-gcc" -nostdinc -isystem "$root/usr/include/${gnu%-gnu}-musl" -isystem "$builtin" \
    -mno-outline-atomics
}
