// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The kernel's half, and the switching of spaces.
#include <utility>

#include <quoll/base/assert.hpp>
#include <quoll/base/checked.hpp>
#include <quoll/kernel/mem/kernel_space.hpp>
#include <quoll/kernel/mem/vm_space.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::vm {
namespace {

/// The smallest page that is larger than a frame: 2 MiB in every mode.
constexpr std::uint64_t kLargePage = mem::kPageSize << arch::Mmu::Format::kIndexBits;

}  // namespace

KernelSpace::KernelSpace(arch::Mmu::Format format, mem::PhysicalAddress root,
                         mem::VirtualRange window, FrameAllocator& frames)
    : format_(format),
      root_(root),
      frames_(frames),
      tables_(format, root, TableMemory(frames, UINT64_MAX), paging::Reclaim::kNever),
      window_(window.whole_pages()),
      asids_(arch::Mmu::asid_bits()) {}

KernelSpace::~KernelSpace() = default;

base::Result<volatile void*, SpaceError> KernelSpace::map_device(mem::PhysicalRange registers) {
  if (registers.is_empty()) return base::err(SpaceError::kEmpty);
  if (!base::fits_within(registers.start().value(), registers.size(),
                         format_.physical_limit().value())) {
    return base::err(SpaceError::kOutOfRange);
  }
  const mem::PhysicalAddress first = registers.start().align_down(mem::kPageSize);
  const std::uint64_t in_page = registers.start() - first;
  const std::uint64_t size = mem::pages_for(in_page + registers.size()) * mem::kPageSize;

  sync::LockGuard guard(lock_);
  // Where a large page fits, the address is congruent to the registers', so that one can be used.
  const mem::VirtualAddress from = window_.start();
  const std::uint64_t skip = size < kLargePage ? 0 : (first.value() - from.value()) % kLargePage;
  if (size > window_.size() || skip > window_.size() - size) return base::err(SpaceError::kNoRoom);
  const mem::VirtualRange place(from + skip, size);
  paging::Flush flush;
  const paging::Properties properties{mem::Permissions::read_write(), paging::CacheMode::kDevice,
                                      paging::Scope::kGlobal};
  const auto mapped = tables_.map(place, first, properties, flush, paging::LargePages::kAllowed);
  if (!mapped) {
    return base::err(mapped.error() == paging::MapError::kOutOfMemory ? SpaceError::kOutOfMemory
                                                                      : SpaceError::kOverlap);
  }
  window_ = mem::VirtualRange(place.end(), window_.size() - skip - size);
  // Every hart, for a hart may remember that there was nothing, and a fault of the kernel's own
  // is not looked at again.
  flush.apply([](mem::VirtualRange range, paging::FenceReach) {
    arch::Mmu::fence(range);
    const auto others = sync::HartSet::first(arch::Harts::count()).without(arch::Harts::id());
    if (!others.is_empty()) arch::Mmu::fence_remote(others, range);
  });
  return static_cast<volatile void*>(mem::to_pointer(place.start() + in_page));
}

void KernelSpace::activate() noexcept {
  if (active_[arch::Harts::id()]) activate(nullptr);
}

// activation.hpp and asid.hpp say why in this order.
void KernelSpace::activate(intrusive::RefPtr<VmSpace> space) noexcept {
  const unsigned hart = arch::Harts::id();
  if (active_[hart] == space) return;
  const intrusive::RefPtr<VmSpace> before = std::exchange(active_[hart], std::move(space));
  VmSpace* const next = active_[hart].get();
  mem::PhysicalAddress root = root_;
  std::uint16_t asid = kUntagged;
  bool is_mixed = before && before->activation_.is_untagged(hart);
  if (next == nullptr) {
    asids_.leave(hart);
  } else {
    const AsidAllocator::Entered entered = asids_.enter(next->tag_, hart);
    asid = entered.asid;
    root = next->root();
    const Forget forget = next->activation_.join(hart, asid == kUntagged);
    if (entered.must_forget || forget == Forget::kAll) {
      arch::Mmu::fence_all();
    } else if (forget == Forget::kAsid && asid != kUntagged) {
      arch::Mmu::fence_asid(asid);
    }
    is_mixed = is_mixed || asid == kUntagged;
  }
  arch::Mmu::set_root(format_, root, asid);
  if (is_mixed) arch::Mmu::fence_all();
  if (before) before->activation_.leave(hart);
}

}  // namespace quoll::vm
