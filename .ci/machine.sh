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

need_toolchain() {
  command -v cc >/dev/null || lacks 'a C compiler' "$(as_root 'apt-get install -y gcc libc6-dev')"
  if ! command -v cargo >/dev/null && [ -x "$HOME/.cargo/bin/cargo" ]; then
    PATH="$HOME/.cargo/bin:$PATH"
  fi
  command -v cargo >/dev/null ||
    lacks 'Rust' "curl --proto '=https' -sSf https://sh.rustup.rs | sh -s -- -y"
  local version
  version=$(rustc --version | cut -d' ' -f2)
  if [ "$(printf '%s\n' "$rust_oldest" "$version" | sort -V | head -n 1)" != "$rust_oldest" ]; then
    lacks "Rust $rust_oldest or newer (it has $version)" 'rustup update stable'
  fi
}

# A part of the toolchain that its smallest profile leaves out.
need_component() {
  cargo "$1" --version >/dev/null 2>&1 && return
  if command -v rustup >/dev/null; then
    step "installing $2"
    rustup component add "$2" && return
  fi
  lacks "$2" "rustup component add $2"
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

# Where cargo puts what it builds, whoever set it.
target_directory() {
  cargo metadata --no-deps --format-version 1 | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}
