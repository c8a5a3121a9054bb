#!/usr/bin/env bash
# Sets up what building and testing Lacuna needs, on Debian 12 as root or with sudo. Idempotent: what is there stays.
#
# usage: packaging/setup.sh
#
# Debian packages   packaging/apt-packages.txt
# Prebuilt pieces   packaging/npm-packages.txt, into .deps (checked by SHA-256)
# Test oracles      packaging/apt-oracles.txt and packaging/oracle-requirements.txt, a Python environment in
#                   .deps/oracle. Only tests use them; where they cannot be had, those tests skip, saying so.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else fail "installing Debian packages needs root or sudo; as root, run: $*"
  fi
}

install_missing() {  # Debian packages by name
  local missing=() package
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || fail "apt-get not found: Lacuna's set-up knows Debian 12; install by hand: ${missing[*]}"
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  as_root apt-get update -qq >&2 || fail "apt-get update failed: is the Debian mirror reachable?"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2 ||
    fail "these Debian packages could not be had: ${missing[*]}"
}

fetch_npm() {  # package@version sha256 member destination
  local package=$1 sha256=$2 member=$3 destination=.deps/$4 work tarball
  local stamp=$destination.sha256
  [ -f "$destination" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$sha256" ] && return 0
  command -v npm >/dev/null || install_missing nodejs npm
  say "fetching $package"
  work=$(mktemp -d)
  tarball=$(cd "$work" && npm pack --silent "$package" 2>npm.log) ||
    { cat "$work/npm.log" >&2; fail "$package could not be had from the npm registry"; }
  echo "$sha256  $work/$tarball" | sha256sum --check --status ||
    fail "$package: SHA-256 of $tarball differs from packaging/npm-packages.txt"
  mkdir -p "$(dirname "$destination")"
  tar -xzf "$work/$tarball" -C "$work" "$member"
  mv "$work/$member" "$destination"
  echo "$sha256" >"$stamp"
  rm -rf "$work"
}

set_up_oracles() {
  local requirements=packaging/oracle-requirements.txt stamp=.deps/oracle/requirements.sha256 wanted
  wanted=$(sha256sum <"$requirements")
  [ "$(cat $stamp 2>/dev/null)" = "$wanted" ] && return 0
  say "setting up the test oracles in .deps/oracle"
  if /usr/bin/python3 -m venv --clear --system-site-packages .deps/oracle &&
     .deps/oracle/bin/pip install -q --disable-pip-version-check --require-hashes -r "$requirements" >&2; then
    echo "$wanted" >$stamp
  else
    say "the test oracles could not be had from PyPI; tests that compare with them will skip"
  fi
}

entries() { sed 's/#.*//;/^\s*$/d' "$1"; }

mapfile -t packages < <(entries packaging/apt-packages.txt)
install_missing "${packages[@]}"
mapfile -t oracles < <(entries packaging/apt-oracles.txt)
(install_missing "${oracles[@]}") || say "going on without ${oracles[*]}; tests that compare with them will skip"
while read -r package sha256 member destination; do
  fetch_npm "$package" "$sha256" "$member" "$destination"
done < <(entries packaging/npm-packages.txt)
set_up_oracles
