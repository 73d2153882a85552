# shellcheck shell=bash
# What ./test, ./run and ./bench ask of the machine. Sourced, never run.

rust_oldest=1.95

# Says in one line what is lacking and what mends it, and ends.
lacks() {
  printf '%s: this machine lacks %s; mend it with: %s\n' "${0##*/}" "$1" "$2" >&2
  exit 2
}

# Puts `sudo` before a command where it is needed.
as_root() {
  if [ "$(id -u)" = 0 ]; then printf '%s' "$1"; else printf 'sudo %s' "$1"; fi
}

step() {
  printf '==> %s\n' "$1" >&2
}

# The version of the Rust that stands first on the PATH; nothing where there is none, or no toolchain behind it.
rust_version() {
  command -v cargo >/dev/null && rustc --version 2>/dev/null | cut -d' ' -f2
}

is_new_enough() {
  [ "$(printf '%s\n' "$rust_oldest" "$1" | sort -V | head -n 1)" = "$rust_oldest" ]
}

# PostgreSQL's parser is bound by bindgen, which reads its headers with libclang.
need_libclang() {
  { [ -n "${LIBCLANG_PATH-}" ] || command -v clang; } >/dev/null && return
  if compgen -G '/usr/lib/llvm-*/lib/libclang-[0-9]*.so*' && compgen -G '/usr/lib/llvm-*/lib/clang/*/include/stddef.h'; then
    return
  fi >/dev/null
  need_packages libclang=libclang-dev
}

need_toolchain() {
  # The C library's headers come in a package of their own, and the bundled SQLite needs them.
  printf '#include <stdio.h>\n' | cc -fsyntax-only -x c - 2>/dev/null ||
    lacks 'a C compiler with its library' "$(as_root 'apt-get install -y gcc libc6-dev')"
  need_libclang
  local version rustup="curl --proto '=https' -sSf https://sh.rustup.rs | sh -s -- -y"
  version=$(rust_version) || version=
  # A shell that was open before Rust was installed does not find it, nor does one that finds an older Rust first.
  if ! is_new_enough "$version" && [ -x "$HOME/.cargo/bin/cargo" ]; then
    PATH="$HOME/.cargo/bin:$PATH"
    version=$(rust_version) || version=
  fi
  if command -v rustup >/dev/null; then
    rustup='rustup toolchain install stable && rustup default stable'
  fi
  [ -n "$version" ] || lacks 'Rust' "$rustup"
  is_new_enough "$version" || lacks "Rust $rust_oldest or newer (it has $version)" "$rustup"
}

# A part of the toolchain that its smallest profile leaves out.
need_component() {
  cargo "$1" --version >/dev/null 2>&1 && return
  if command -v rustup >/dev/null; then
    step "installing $2"
    rustup component add "$2" && return
    lacks "$2" "rustup component add $2"
  fi
  lacks "$2" "$(as_root "apt-get install -y $3")"
}

# Debian packages, each as program=package.
need_packages() {
  local pair missing=()
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
  done
  [ ${#missing[@]} = 0 ] && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    step "installing ${missing[*]}"
    if { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >&2; then
      return
    fi
  fi
  lacks "${missing[*]}" "$(as_root "apt-get install -y ${missing[*]}")"
}

# The services of the corpus and their oracles are written in it.
need_python() {
  need_packages python3=python3
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    lacks 'Python 3.11 or newer' "$(as_root 'apt-get install -y python3')"
}

# The tests of the guard run a server of their own; Debian keeps its programs out of the way.
need_postgresql() {
  need_packages psql=postgresql-client setpriv=util-linux
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || need_packages initdb=postgresql
}

# Debian's, unpacked into folder $1 and not installed: the package would start a service.
need_prometheus() {
  [ -x "$1/usr/bin/prometheus" ] && return
  step 'unpacking prometheus'
  mkdir -p "$1"
  (
    cd "$1" &&
      { apt-get download -qq prometheus || { [ "$(id -u)" = 0 ] && apt-get update -qq && apt-get download -qq prometheus; }; } &&
      dpkg-deb -x prometheus_*.deb . && rm prometheus_*.deb
  ) >&2 || lacks "Debian's package of Prometheus" "$(as_root 'apt-get update')"
}

# An environment of its own in folder $1 with the packages that file $2 names.
need_python_packages() {
  need_python
  cmp -s "$2" "$1/made-from" && return
  # A module has no command that could be looked for.
  python3 -c 'import ensurepip, venv' 2>/dev/null || need_packages "python3 -m venv"=python3-venv
  step "installing $2"
  { python3 -m venv --clear "$1" && "$1/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$2"; } >&2
  cp "$2" "$1/made-from"
}

# Into folder $1, with the pip that is $2, each release that file $3 names: what its users are given, and nothing of it is run.
need_releases() {
  local registry package before after version folder
  while read -r registry package before after; do
    for version in "$before" "$after"; do
      folder=$1/$registry/$package/$version
      [ -e "$folder" ] && continue
      step "fetching $package $version"
      rm -rf "$folder.part"
      mkdir -p "$folder.part"
      case $registry in
        pypi) "$2" download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$folder.part" "$package==$version" ;;
        npm) npm pack --silent --ignore-scripts --pack-destination "$folder.part" "$package@$version" ;;
      esac </dev/null >&2
      mv "$folder.part" "$folder"
    done
  done < <(grep -v '^#' "$3")
}

# Drivers of four languages, an ORM each of JavaScript and Python, and other servers than Debian's, in folder $1, as the files in
# folder $2 name them.
need_clients() {
  need_packages node=nodejs npm=npm pgbench=postgresql-contrib
  # A Java that has a compiler runs a program from its text.
  java --list-modules 2>/dev/null | grep -q '^jdk.compiler@' || need_packages javac=default-jdk-headless
  [ -e /usr/share/java/postgresql.jar ] || need_packages postgresql.jar=libpostgresql-jdbc-java
  mkdir -p "$1"
  ln -sf /usr/share/java/postgresql.jar "$1/postgresql.jar"
  need_python_packages "$1/python" "$2/requirements.txt"
  step "building $2/sqlx"
  env -u CARGO_NET_OFFLINE cargo build --quiet --locked --manifest-path "$2/sqlx/Cargo.toml" --target-dir "$1/sqlx"
  cmp -s "$2/package.json" "$1/made-from" && return
  step "installing $2/package.json"
  cp "$2/package.json" "$1/package.json"
  (cd "$1" && npm install --silent --no-audit --no-fund --no-package-lock --ignore-scripts) >&2
  local server
  for server in "$1"/node_modules/server-*; do
    # The package leaves links out, and PostgreSQL's own user is to run the programs.
    (cd "$server" && node scripts/hydrate-symlinks.js) >&2
    chmod -R a+rX "$server"
    chmod a+x "$server"/native/bin/*
  done
  cp "$2/package.json" "$1/made-from"
}

# Where cargo puts what it builds, whoever set it.
# Says so where the disk that is built on has less than 200 MB left.
say_if_full() {
  local left
  left=$(df --output=avail -m . | tail -n 1)
  [ "$left" -ge 200 ] || printf '%s: the disk is full: %d MB are left; a run from nothing takes 5 GB with CARGO_INCREMENTAL=0, and 12 without\n' "${0##*/}" "$left" >&2
}

target_directory() {
  cargo metadata --no-deps --format-version 1 | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}
