// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The kernel's half of every address space, and which space each hart has active.
#pragma once

#include <array>
#include <cstdint>

#include <quoll/arch/current.hpp>
#include <quoll/base/result.hpp>
#include <quoll/intrusive/ref_counted.hpp>
#include <quoll/kernel/mem/asid.hpp>
#include <quoll/kernel/mem/error.hpp>
#include <quoll/kernel/mem/frame_alloc.hpp>
#include <quoll/kernel/mem/table_memory.hpp>
#include <quoll/mem/range.hpp>
#include <quoll/paging/page_table.hpp>
#include <quoll/sync/spin_lock.hpp>

namespace quoll::vm {

using PageTable = paging::PageTable<arch::Mmu::Format, TableMemory>;

class VmSpace;

/// One for the machine.
class KernelSpace {
 public:
  /// `root` is the boot root, whose upper half is final; `window` is empty space in the upper
  /// half, below root entries that are present. *Context*: this hart runs on the boot root; how
  /// many ASIDs it has holds for all harts.
  KernelSpace(arch::Mmu::Format format, mem::PhysicalAddress root, mem::VirtualRange window,
              FrameAllocator& frames);
  KernelSpace(const KernelSpace&) = delete;
  KernelSpace& operator=(const KernelSpace&) = delete;
  ~KernelSpace();

  const arch::Mmu::Format& format() const noexcept { return format_; }
  mem::PhysicalAddress root() const noexcept { return root_; }
  FrameAllocator& frames() noexcept { return frames_; }
  const mem::PhysMap& phys_map() const noexcept { return frames_.phys_map(); }

  /// Maps device registers, uncached and never executable, for as long as the kernel runs. The
  /// result points at the first byte of `registers`; neither end need be page-aligned.
  ///
  /// *Errors*: `kEmpty`, `kOutOfRange` (not a physical address), `kNoRoom`, `kOutOfMemory`.
  base::Result<volatile void*, SpaceError> map_device(mem::PhysicalRange registers);

  /// Leaves whatever space this hart has active. A hart does so before it sleeps, so that it
  /// keeps nothing of a guest that ends meanwhile, and no fence must wake it.
  void activate() noexcept;
  /// Makes a user space active on this hart.
  void activate(intrusive::RefPtr<VmSpace> space) noexcept;
  /// Whether the space is the active one of this hart.
  bool is_active(const VmSpace& space) const noexcept {
    return active_[arch::Harts::id()].get() == &space;
  }
  const AsidAllocator& asids() const noexcept { return asids_; }

 private:
  using Lock = sync::SpinLock<sync::LockRank::kKernelWindow>;

  const arch::Mmu::Format format_;
  const mem::PhysicalAddress root_;
  FrameAllocator& frames_;
  Lock lock_;
  PageTable tables_ QUOLL_GUARDED_BY(lock_);
  mem::VirtualRange window_ QUOLL_GUARDED_BY(lock_);
  // Each hart touches its own only.
  std::array<intrusive::RefPtr<VmSpace>, sync::kMaxHarts> active_;
  AsidAllocator asids_;
};

}  // namespace quoll::vm
