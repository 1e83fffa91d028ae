// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "page_alloc.hpp"

#include <algorithm>

#include <quoll/base/bits.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::loader {
namespace {

constexpr std::uint64_t kKernelAreaSize = mem::bytes(mem::PageSize::k1GiB);
// Enough for the registers of every device, and small enough that its root entries, each with a
// page table from the start, cost a few frames even in Sv39.
constexpr std::uint64_t kSmallestWindow = 4 * mem::bytes(mem::PageSize::k1GiB);

}  // namespace

AddressLayout divide_address_space(const riscv::Sv& format, handoff::PhysicalExtent ram) noexcept {
  const std::uint64_t bottom = format.kernel_half().start().value();
  const std::uint64_t root_entry = riscv::Sv::page_bytes(format.levels() - 1);
  const std::uint64_t window_size = std::max(root_entry, kSmallestWindow);
  const std::uint64_t kernel_start = 0 - kKernelAreaSize;
  const std::uint64_t window_limit = base::align_down(kernel_start, root_entry);

  // Aligned to root entries, so that physical and virtual addresses agree in all lower bits and
  // the largest pages fit.
  const std::uint64_t physical_start = base::align_down(ram.start, root_entry);
  const std::uint64_t most = window_limit - window_size - bottom;
  const auto wanted = base::checked_align_up(ram.end - physical_start, root_entry);
  const std::uint64_t physmap_size = wanted ? std::min(*wanted, most) : most;

  const std::uint64_t window_start = bottom + physmap_size;
  return {.physmap = {bottom, physical_start, physmap_size},
          .window = {window_start, window_start + window_size},
          .kernel = {kernel_start, 0 - mem::kPageSize}};
}

std::optional<handoff::VirtualExtent> PageAllocator::allocate(std::uint64_t page_count) noexcept {
  const std::uint64_t size = (guard_pages_ + page_count) * mem::kPageSize;
  const std::uint64_t guard_after = guard_pages_ * mem::kPageSize;
  if (window_.end - next_ < size + guard_after) return std::nullopt;
  const handoff::VirtualExtent pages{next_ + guard_after, next_ + size};
  next_ = pages.end;
  return pages;
}

}  // namespace quoll::loader
