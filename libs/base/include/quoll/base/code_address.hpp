// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The address of an instruction, as a place in the source that the line table knows.
#pragma once

namespace quoll::base {

/// An address in the code that this is inlined into. Each use has one of its own, which is not
/// shared with any other: debug information says which file and line it belongs to.
[[gnu::always_inline]] inline const void* code_address() noexcept {
  const void* here = nullptr;
  // SAFETY: they read the program counter and nothing else. Volatile, since the same text at two
  // places has two results.
#if defined(__riscv)
  asm volatile("auipc %0, 0" : "=r"(here));
#elif defined(__x86_64__)
  asm volatile("lea 0(%%rip), %0" : "=r"(here));
#elif defined(__aarch64__)
  asm volatile("adr %0, ." : "=r"(here));
#endif
  return here;
}

}  // namespace quoll::base
