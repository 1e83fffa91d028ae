// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What drivers ask of the controller, where there is one.
#include <quoll/kernel/ipi/ipi.hpp>
#include <quoll/kernel/irq/irq.hpp>

#include "controller.hpp"

namespace quoll::irq {

base::Result<void, IrqError> attach(std::uint32_t source, async::Signal& signal,
                                    const Wishes& wishes) noexcept {
  if (router() == nullptr) return base::err(IrqError::kNoController);
  return router()->attach(source, signal, wishes);
}

void detach(std::uint32_t source) noexcept {
  if (router() != nullptr) router()->detach(source);
}

void unmask(std::uint32_t source) noexcept {
  if (router() != nullptr) router()->unmask(source);
}

base::Result<void, IrqError> set_affinity(std::uint32_t source, sync::HartSet harts) noexcept {
  if (router() == nullptr) return base::err(IrqError::kNoController);
  return router()->set_affinity(source, harts);
}

base::Result<void, IrqError> set_priority(std::uint32_t source, std::uint32_t priority) noexcept {
  if (router() == nullptr) return base::err(IrqError::kNoController);
  return router()->set_priority(source, priority);
}

base::Result<void, IrqError> set_threshold(unsigned hart, std::uint32_t threshold) noexcept {
  if (router() == nullptr) return base::err(IrqError::kNoController);
  return router()->set_threshold(hart, threshold);
}

std::optional<SourceInfo> source_info(std::uint32_t source) noexcept {
  return router() != nullptr ? router()->info(source) : std::nullopt;
}

std::uint64_t source_count(std::uint32_t source, unsigned hart) noexcept {
  return router() != nullptr ? router()->count(source, hart) : 0;
}

std::uint64_t claimed() noexcept {
  std::uint64_t all = 0;
  for (std::uint32_t source = 1; const auto info = source_info(source); ++source) {
    all += info->count;
  }
  return all;
}

std::uint64_t unclaimed() noexcept {
  std::uint64_t all = 0;
  for (std::uint32_t source = 1; const auto info = source_info(source); ++source) {
    all += info->strays;
  }
  return all;
}

HartCounts hart_counts(unsigned hart) noexcept {
  if (hart >= arch::Harts::count()) return {};
  const OwnCounts& own = own_counts[hart];
  return {ipi::interrupts_of(hart), own.timer.load(std::memory_order_relaxed),
          own.devices.load(std::memory_order_relaxed)};
}

}  // namespace quoll::irq
