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

# The machine's own entries, as source entries: each of its files in a folder of its own under
# entries/, so that one can be tried without the others.
prepare_apt() {
  local file
  mkdir -p "$work/entries" "$cache/apt/lists/partial" "$cache/apt/archives/partial"
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -s "$file" ] || continue
    mkdir "$work/entries/$(basename "$file")"
    sed -n 's/^[[:space:]]*deb[[:space:]]/deb-src /p' "$file" \
      >"$work/entries/$(basename "$file")/entries.list"
  done
  for file in /etc/apt/sources.list.d/*.sources; do
    [ -s "$file" ] || continue
    mkdir "$work/entries/$(basename "$file")"
    sed 's/^[Tt]ypes:.*/Types: deb-src/' "$file" >"$work/entries/$(basename "$file")/entries.sources"
  done
}
private_apt() {
  apt-get -qq -o APT::Sandbox::User= \
    -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$entries" \
    -o Dir::State::lists="$cache/apt/lists" -o Dir::Cache="$cache/apt" \
    -o Dir::Cache::archives="$cache/apt/archives" "$@"
}
download() {
  (cd "$work" && private_apt source --download-only --tar-only "$package" >>"$work/log" 2>&1) &&
    [ -f "$work/$archive" ]
}
# The index of an earlier fetch may do; one that is missing or stale is renewed. A machine whose
# files name the same mirror twice, with different keys, is served file by file.
download_from_any() {
  for entries in "$work"/entries/*/; do
    download && return
    private_apt update >>"$work/log" 2>&1 || true
    download && return
  done
  return 1
}

say "fetching $name (source package $package)"
prepare_apt
if ! download_from_any; then
  cat "$work/log" >&2
  fail "cannot fetch $archive of the source package $package; name a directory that holds it" \
    "instead (cmake -DQUOLL_$(printf '%s' "$name" | tr '[:lower:]-' '[:upper:]_')_DIR=...)"
fi
printf '%s  %s\n' "$sha256" "$work/$archive" | sha256sum --check --quiet >/dev/null 2>&1 ||
  fail "$archive does not have the pinned SHA-256"

mkdir "$work/unpacked"
tar -x -f "$work/$archive" -C "$work/unpacked" --strip-components=1 --wildcards "$@"
mv -T "$work/unpacked" "$destination"
finish
