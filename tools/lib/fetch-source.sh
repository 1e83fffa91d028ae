#!/bin/bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# fetch-source.sh NAME PACKAGE ARCHIVE SHA256 PATTERN...
#
# Obtains the folders PATTERN... of the upstream archive of a Debian source
# package and prints the directory that holds them. The archive comes from the
# mirror that this machine already uses for its binary packages: its entries are
# turned into source entries in a private apt configuration, so no address is
# written here, no system file changes, and any user can do it. The archive must
# have the given SHA-256. What was unpacked is cached in ${QUOLL_CACHE}, by
# default ~/.cache/quoll, under a name made of that sum and the patterns.
set -euo pipefail
name=$1 package=$2 archive=$3 sha256=$4
shift 4

cache=${QUOLL_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/quoll}
patterns_sum=$(printf '%s\n' "$@" | sha256sum)
destination=$cache/sources/$name-${sha256:0:12}-${patterns_sum:0:8}

finish() {
  printf '%s\n' "$destination"
  exit 0
}
say() { printf 'quoll: %s\n' "$*" >&2; }
fail() {
  say "$*"
  exit 1
}

[ -d "$destination" ] && finish
mkdir -p "$cache/sources"
exec 9>"$cache/lock"
flock 9
[ -d "$destination" ] && finish

work=$(mktemp -d "$cache/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

# The machine's own entries, as source entries.
prepare_apt() {
  local file
  mkdir -p "$work/sources.d" "$cache/apt/lists/partial" "$cache/apt/archives/partial"
  if [ -f /etc/apt/sources.list ]; then
    sed -n 's/^[[:space:]]*deb[[:space:]]/deb-src /p' /etc/apt/sources.list \
      >"$work/sources.d/main.list"
  fi
  for file in /etc/apt/sources.list.d/*.list; do
    [ -f "$file" ] || continue
    sed -n 's/^[[:space:]]*deb[[:space:]]/deb-src /p' "$file" \
      >"$work/sources.d/$(basename "$file")"
  done
  for file in /etc/apt/sources.list.d/*.sources; do
    [ -f "$file" ] || continue
    sed 's/^[Tt]ypes:.*/Types: deb-src/' "$file" >"$work/sources.d/$(basename "$file")"
  done
}
private_apt() {
  apt-get -qq -o APT::Sandbox::User= \
    -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/sources.d" \
    -o Dir::State::lists="$cache/apt/lists" -o Dir::Cache="$cache/apt" \
    -o Dir::Cache::archives="$cache/apt/archives" "$@"
}
download() { (cd "$work" && private_apt source --download-only --tar-only "$package" >"$work/log" 2>&1); }

say "fetching $name (source package $package)"
prepare_apt
# The index of an earlier fetch may do; one that is missing or stale is renewed.
if ! download; then
  private_apt update >"$work/update-log" 2>&1 || true
  if ! download; then
    cat "$work/update-log" "$work/log" >&2
    fail "cannot fetch the source package $package; name a directory that holds it instead" \
      "(cmake -DQUOLL_$(printf '%s' "$name" | tr '[:lower:]-' '[:upper:]_')_DIR=...)"
  fi
fi
[ -f "$work/$archive" ] ||
  fail "the mirror offers $(cd "$work" && echo *.tar.*) for $package, wanted $archive"
printf '%s  %s\n' "$sha256" "$work/$archive" | sha256sum --check --quiet >/dev/null 2>&1 ||
  fail "$archive does not have the pinned SHA-256"

mkdir "$work/unpacked"
tar -x -f "$work/$archive" -C "$work/unpacked" --strip-components=1 --wildcards "$@"
mv -T "$work/unpacked" "$destination"
finish
