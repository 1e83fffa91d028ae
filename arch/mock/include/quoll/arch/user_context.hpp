// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A guest thread's registers on the emulated machine, which runs no user mode: only what the
// kernel's portable rooms look at.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <quoll/mem/permissions.hpp>

namespace quoll::arch {

/// Register numbers by their ABI names, for `UserContext::x`.
enum Register : std::size_t {
  kRegRa = 1,
  kRegSp = 2,
  kRegGp = 3,
  kRegTp = 4,
  kRegA0 = 10,
  kRegA1 = 11,
  kRegA2 = 12,
  kRegA3 = 13,
  kRegA4 = 14,
  kRegA5 = 15,
  kRegA6 = 16,
  kRegA7 = 17,
};

/// A fresh one has every register zero.
struct UserContext {
  std::array<std::uint64_t, 32> x{};
  std::uint64_t pc = 0;
};

}  // namespace quoll::arch
