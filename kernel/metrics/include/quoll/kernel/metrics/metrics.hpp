// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Counts of retired instructions, for `bench=`.
#pragma once

#include <atomic>
#include <cstdint>

#include <quoll/handoff/boot_info.hpp>

namespace quoll::metrics {

/// The kernel's own boot steps; the loader's are in BootInfo.
enum class Step : std::uint8_t {
  kKernelEntry,  ///< first instruction of the kernel, boot hart
  kMemory,       ///< frames and heap
  kDevices,      ///< interrupt controller, console, clock, random seed
  kAllHarts,     ///< every hart serves the executor
  kStreams,      ///< the standard streams are there
};
inline constexpr unsigned kStepCount = 5;

/// Begins to count. *Context*: boot hart, before the others run tasks.
void start(const handoff::BootInfo& info) noexcept;
namespace detail {
inline constinit std::atomic<bool> active{false};
}
/// Whether anything is counted: asked on each way to user mode.
inline bool counting() noexcept {
  return detail::active.load(std::memory_order_relaxed);
}

/// Boot has got this far.
void note(Step step) noexcept;

/// A hart goes to user mode now. The result is for `left_user`.
std::uint64_t entering_user() noexcept;
/// It came back. *Requires*: `entered` is what `entering_user` said.
void left_user(std::uint64_t entered) noexcept;
/// So many of what `left_user` will count were the kernel's own.
void not_in_user(std::uint64_t instructions) noexcept;

/// Says everything on the console, as `bench: group.name count`.
void print() noexcept;

}  // namespace quoll::metrics
