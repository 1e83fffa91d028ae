// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Spaces. activation.hpp says in which order a shootdown does what.
#include <new>
#include <utility>

#include <quoll/arch/current.hpp>
#include <quoll/base/assert.hpp>
#include <quoll/kernel/mem/vm_space.hpp>

namespace quoll::vm {

base::Result<intrusive::RefPtr<VmSpace>, SpaceError> VmSpace::create(KernelSpace& kernel,
                                                                     std::uint64_t page_tables) {
  auto root = kernel.frames().allocate_zeroed(FrameUse::kGuest);
  if (!root) return base::err(SpaceError::kOutOfMemory);
  auto* space = new (std::nothrow) VmSpace(kernel, std::move(*root), page_tables);
  if (space == nullptr) return base::err(SpaceError::kOutOfMemory);
  return intrusive::RefPtr<VmSpace>::adopt(space);
}

VmSpace::VmSpace(KernelSpace& kernel, Frame root, std::uint64_t page_tables)
    : kernel_(kernel),
      root_(std::move(root)),
      live_(root_.address()),
      tables_(kernel.format(), root_.address(),
              TableMemory(kernel.frames(), page_tables, FrameUse::kGuest),
              paging::Reclaim::kEmptyTables) {
  tables_.share_kernel_half(kernel.root());
}

VmSpace::~VmSpace() {
  QUOLL_ASSERT(tables_.memory().in_use() == 0 && active_harts().is_empty());
}

void VmSpace::activate() noexcept {
  if (!is_active()) kernel_.activate(intrusive::RefPtr<VmSpace>::retain(this));
}

void VmSpace::fence_here(mem::VirtualRange range) noexcept {
  const unsigned self = arch::Harts::id();
  if (!active_harts().contains(self)) return;
  if (activation_.is_untagged(self)) return arch::Mmu::fence(range);
  arch::Mmu::fence(range, tag_.asid());
}

/// S2 to S5.
void VmSpace::shoot_down(mem::VirtualRange range) noexcept {
  const Activation::Change change = activation_.begin_change();
  if (change.harts.is_empty()) return;
  const bool has_asid = !activation_.has_untagged(change.harts);
  const std::uint16_t asid = tag_.asid();
  const unsigned self = arch::Harts::id();
  const sync::HartSet others = change.harts.without(self);
  if (change.harts.contains(self)) {
    has_asid ? arch::Mmu::fence(range, asid) : arch::Mmu::fence(range);
  }
  if (!others.is_empty()) {
    has_asid ? arch::Mmu::fence_remote(others, range, asid)
             : arch::Mmu::fence_remote(others, range);
  }
  activation_.end_change(change);
}

// Faults.

base::Result<void, SpaceError> VmSpace::register_page_fault_handler(
    const PageFaultHandler& handler) {
  const PageFaultHandler* expected = nullptr;
  if (!handler_.compare_exchange_strong(expected, &handler)) {
    return base::err(SpaceError::kOverlap);
  }
  return {};
}

FaultOutcome VmSpace::handle_page_fault(mem::VirtualAddress address, mem::Access access) {
  const PageFaultHandler* handler = handler_.load();
  if (handler == nullptr) return FaultOutcome::kNotMapped;
  return handler->handle(handler->context, address, access);
}

// Copies.

base::Result<void, CopyError> VmSpace::check_user(mem::VirtualAddress start,
                                                  std::size_t size) const noexcept {
  if (size == 0) return {};
  const auto range = mem::VirtualRange::create(start, size);
  if (!range || !kernel_.format().user_half().contains(*range)) {
    return base::err(CopyError::kBadAddress);
  }
  return {};
}

base::Result<VmReader, CopyError> VmSpace::reader(mem::VirtualAddress from, std::size_t size) {
  TRY(check_user(from, size));
  return VmReader(*this, from, size);
}

base::Result<VmWriter, CopyError> VmSpace::writer(mem::VirtualAddress to, std::size_t size) {
  TRY(check_user(to, size));
  return VmWriter(*this, to, size);
}

}  // namespace quoll::vm
