# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Sourced by the commands in tools/: what this machine must have before anything
# can be built, and how it gets it. Everything is said on stderr: the stdout of a
# command belongs to what it runs.

quoll_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
QUOLL_BUILD_DIR=${QUOLL_BUILD_DIR:-$quoll_root/build/riscv64}

# Enough to build the image and to start it.
quoll_packages_run=(
  clang-19 lld-19 llvm-19 libc++-19-dev picolibc-riscv64-unknown-elf # the image
  libxxhash-dev libunwind-19-dev
  wasi-libc libclang-rt-19-dev-wasm32 # the demonstration programs
  cmake ninja-build xz-utils python3
  qemu-system-misc opensbi
)
# What the tests need beyond that.
quoll_packages_test=(
  "${quoll_packages_run[@]}"
  libclang-rt-19-dev libc++abi-19-dev googletest # host tests under sanitizers
  wabt device-tree-compiler zstd                 # their input
  binaryen nodejs                                # random modules, and another engine to run them
  relacy-dev                                     # explores interleavings
  protobuf-compiler                              # a decoder of traces that is not ours
  clang-format-19 clang-tidy-19 git ccache
  gdb-multiarch                                  # the debugger's commands are tested
)
# Libraries that benchmarks run beside ours, what counts their instructions, and what makes and runs
# processes of Linux on RISC-V; no test needs them.
quoll_packages_peers=(
  "${quoll_packages_test[@]}" libboost1.81-dev libtbb-dev valgrind libc6-dbg
  qemu-user libc6-dev-riscv64-cross libstdc++-12-dev-riscv64-cross
)

quoll_say() { printf 'quoll: %s\n' "$*" >&2; }
quoll_fail() {
  quoll_say "$*"
  exit 1
}

# Prints those of the named packages that are not installed.
quoll_missing_packages() {
  local -A installed=()
  local package status
  # A here-string, since a fresh chroot may have no /dev/fd.
  while read -r package status; do
    [ "$status" = ii ] && installed[$package]=1
  done <<<"$(dpkg-query -W -f='${Package} ${db:Status-Abbrev}\n' "$@" 2>/dev/null)"
  for package in "$@"; do
    [ -n "${installed[$package]:-}" ] || printf '%s\n' "$package"
  done
}

# quoll_install PACKAGE...: installs what is missing, as root or through sudo.
quoll_install() {
  local missing=() as_root=()
  command -v dpkg-query >/dev/null ||
    quoll_fail "this is not a Debian machine; it needs what Debian calls: $*"
  read -r -d '' -a missing <<<"$(quoll_missing_packages "$@")"
  [ ${#missing[@]} -eq 0 ] && return
  quoll_say "missing packages: ${missing[*]}"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
      quoll_fail "please install them as root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  local log
  log=$(mktemp)
  as_root+=(env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8)
  # The package lists may be absent, or too old to find what they name.
  if ! apt-cache show "${missing[@]}" >/dev/null 2>&1; then
    quoll_update "$log" "${as_root[@]}"
  fi
  quoll_say "installing ${#missing[@]} packages and what they depend on"
  if ! quoll_apt_install "$log" "${as_root[@]}"; then
    quoll_update "$log" "${as_root[@]}"
    quoll_apt_install "$log" "${as_root[@]}" || {
      tail -n 20 "$log" >&2
      rm -f "$log"
      quoll_fail "apt-get could not install the packages"
    }
  fi
  rm -f "$log"
}
quoll_update() {
  local log=$1
  shift
  quoll_say "updating the package lists"
  "$@" apt-get -q update >"$log" 2>&1 ||
    quoll_say "apt-get update reported errors (going on): $(tail -n 1 "$log")"
}
# Installs the caller's `missing`; shows one line for every 25 packages set up.
quoll_apt_install() {
  local log=$1 status
  shift
  "$@" apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 \
    -o DPkg::Lock::Timeout=120 install "${missing[@]}" 2>&1 |
    tee "$log" |
    awk '/^Need to get/ { print "quoll: " $0 }
         /^Get:/ { if (++fetched % 25 == 0) print "quoll: " fetched " packages fetched" }
         /^Setting up/ { if (++count % 25 == 0) print "quoll: " count " packages set up" }
         { fflush() }' >&2
  status=${PIPESTATUS[0]}
  return "$status"
}

# quoll_configure PRESET DIRECTORY [OPTION...]: once; ninja repeats it when a CMake file changed.
quoll_configure() {
  local preset=$1 directory=$2
  shift 2
  [ -f "$directory/build.ninja" ] && return
  quoll_say "configuring $preset"
  mkdir -p "$directory"
  (cd "$quoll_root" && cmake --preset "$preset" -B "$directory" "$@") \
    >"$directory/configure.log" || {
    rm -f "$directory/build.ninja"
    quoll_fail "CMake could not configure the preset $preset"
  }
}

# quoll_build DIRECTORY TARGET...: silent when there is nothing to do; on a terminal its
# progress stays on one line.
quoll_build() {
  local directory=$1 terminal=0
  shift
  [ -t 2 ] && terminal=1
  NINJA_STATUS='[%f/%t] ' ninja -C "$directory" "$@" 2>&1 | awk -v terminal="$terminal" \
    -v where="${directory#"$quoll_root"/}" '
    /^ninja: (Entering directory|no work to do)/ || /Re-checking globbed/ { next }
    !begun++ { print "quoll: building in " where }
    /^\[[0-9]+\/[0-9]+\] / && terminal {
      printf "\r\033[K%s", substr($0, 1, 78); fflush(); pending = 1; next
    }
    { if (pending) print ""; pending = 0; print; fflush() }
    END { if (pending) printf "\r\033[K" }' >&2
  [ "${PIPESTATUS[0]}" -eq 0 ] || quoll_fail "the build failed"
}
