// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Spaces: activation against shootdown.
//
// Translations stay in a hart's cache when it leaves a space, under the space's ASID, and nobody
// fences a hart where the space is not active. Instead the space counts its changes, and a hart
// that comes back compares. For each hart, `forgot_` is a number of a change such that nothing
// older than that change is in its cache under the space's present ASID.
//
//   shootdown                              activation
//   S1  entries change                     A1  the ASID is made sure of (asid.cpp)
//   S2  n = changes_ + 1, stored           A2  the hart joins active_
//   S3  harts = active_, then the ASID     A3  now = changes_
//   S4  fences on all of harts             A4  if forgot_[hart] != now: it becomes now, and
//   S5  forgot_[h]: n-1 -> n for those         the hart forgets the ASID
//                                          A5  satp is written
//
// S2, S3, A2 and A3 are sequentially consistent. If S3 does not see A2 then A3 comes after S2 and
// sees n, hence by release and acquire the changed entries too; A4 forgets what was. If S3 sees A2,
// S4 reaches the hart, before A5 or after. Then A1's ASID is visible at S3 as well, and the number
// does not change while a hart runs under it. Walks with the new root begin after A5, a write that
// no hart does ahead of the branch in A4, which needs the answer of A3, which comes after A2.
//
// S5 claims what S4 has done. A hart that had forgotten all up to n-1, and was fenced for n, has
// forgotten all up to n; where another shootdown is under way the exchange fails, the claim stays
// too small, and the hart forgets once more than it must when it comes back. A4's store can make
// it too small likewise; no store makes it too large.
//
// Leaving: satp is written first, then the hart leaves the set; fences until then do no harm. What
// a hart under no ASID had cached nobody can tell from what comes next, so it forgets all of it
// between the two. A shootdown that finds such a hart in the set fences without an ASID.
//
// The first activation on a hart forgets everything (forgot_ is 0, changes_ begins at 1): the
// root's kernel half was written by stores that no fence has ordered before this hart's walks, and
// a fence of an ASID says nothing about global translations.
//
// Translations that were added count as no change: a hart that remembers that there was nothing
// faults, looks again, and fences itself.
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
  QUOLL_ASSERT(tables_.memory().in_use() == 0 && active_.load().is_empty());
}

void VmSpace::activate() noexcept {
  if (!is_active()) kernel_.activate(intrusive::RefPtr<VmSpace>::retain(this));
}

/// A2 to A4; the caller does the forgetting.
VmSpace::Forget VmSpace::join(unsigned hart, std::uint16_t asid) noexcept {
  if (asid == kUntagged) untagged_.add(hart);
  active_.add(hart);
  const std::uint64_t now = changes_.load();
  const std::uint64_t forgot = forgot_[hart].load();
  if (forgot == now) return Forget::kNothing;
  forgot_[hart].store(now);
  return forgot == 0 ? Forget::kAll : Forget::kAsid;
}

void VmSpace::leave(unsigned hart) noexcept {
  active_.remove(hart);
  if (is_untagged(hart)) untagged_.remove(hart);
}

void VmSpace::fence_here(mem::VirtualRange range) noexcept {
  const unsigned self = arch::Harts::id();
  if (!active_.load().contains(self)) return;
  if (is_untagged(self)) return arch::Mmu::fence(range);
  arch::Mmu::fence(range, tag_.asid());
}

/// S2 to S5.
void VmSpace::shoot_down(mem::VirtualRange range) noexcept {
  const std::uint64_t before = changes_.fetch_add(1);
  const sync::HartSet harts = active_.load();
  if (harts.is_empty()) return;
  const bool has_asid = (harts.bits() & untagged_.load().bits()) == 0;
  const std::uint16_t asid = tag_.asid();
  const unsigned self = arch::Harts::id();
  const sync::HartSet others = harts.without(self);
  if (harts.contains(self)) has_asid ? arch::Mmu::fence(range, asid) : arch::Mmu::fence(range);
  if (!others.is_empty()) {
    has_asid ? arch::Mmu::fence_remote(others, range, asid)
             : arch::Mmu::fence_remote(others, range);
  }
  harts.for_each([&](unsigned hart) {
    std::uint64_t expected = before;
    (void)forgot_[hart].compare_exchange_strong(expected, before + 1);
  });
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
