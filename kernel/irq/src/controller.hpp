// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The interrupt controller of this machine.
#pragma once

#include <atomic>
#include <cstdint>

#include <quoll/arch/interrupts.hpp>
#include <quoll/arch/mmio.hpp>
#include <quoll/async/signal.hpp>
#include <quoll/kernel/irq/router.hpp>
#include <quoll/sync/hart_set.hpp>

namespace quoll::irq {

using MachineRouter = Router<arch::MmioWindow, arch::Interrupts, async::Signal>;

/// What there is of it, or null. Set once, before other harts come.
MachineRouter* router() noexcept;

/// What a hart counts of its own interrupts.
struct alignas(64) OwnCounts {
  std::atomic<std::uint64_t> timer{0};
  std::atomic<std::uint64_t> devices{0};

  /// *Context*: the hart, with interrupts off.
  static void count(std::atomic<std::uint64_t>& what) noexcept {
    what.store(what.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
};
inline constinit std::array<OwnCounts, sync::kMaxHarts> own_counts{};

}  // namespace quoll::irq
