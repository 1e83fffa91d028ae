// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Address spaces of guests: regions over a page table, filled in on demand.
//
// Every operation checks, reserves what it needs, and then commits without refusal: one that
// fails has changed nothing. A frame goes back only after its last translation is gone and every
// hart that may cache it has been fenced.
#pragma once

#include <cstdint>
#include <memory>

#include <quoll/base/result.hpp>
#include <quoll/kernel/mem/error.hpp>
#include <quoll/kernel/mem/flush.hpp>
#include <quoll/kernel/mem/gap.hpp>
#include <quoll/kernel/mem/kernel_space.hpp>
#include <quoll/kernel/mem/placement.hpp>
#include <quoll/kernel/mem/placement_dice.hpp>
#include <quoll/kernel/mem/region.hpp>
#include <quoll/kernel/mem/region_records.hpp>
#include <quoll/kernel/mem/space_limits.hpp>
#include <quoll/kernel/mem/vm_space.hpp>
#include <quoll/kernel/mem/vmo.hpp>
#include <quoll/mem/permissions.hpp>
#include <quoll/mem/range.hpp>
#include <quoll/sync/spin_lock.hpp>

namespace quoll::vm {

class LateFlusher;
class Mmap;

/// One guest's memory.
/// *Locking*: its own; any hart. *Context*: task, with no lock held.
class AddressSpace {
 public:
  /// Without a seed each mapping goes to the lowest place. *Errors*: `kOutOfMemory`.
  static base::Result<std::unique_ptr<AddressSpace>, SpaceError> create(
      KernelSpace& kernel, const SpaceLimits& limits = {},
      const std::optional<PlacementSeed>& seed = std::nullopt);
  AddressSpace(const AddressSpace&) = delete;
  AddressSpace& operator=(const AddressSpace&) = delete;
  /// Gives back all frames and page tables, after fencing the harts that may cache them. A hart
  /// that still has the space active keeps its root until it activates another.
  ~AddressSpace();

  /// Zeros at first touch. Permissions without access make a reservation of it.
  base::Result<mem::VirtualRange, SpaceError> map_anonymous(Placement where, std::uint64_t size,
                                                            mem::Permissions permissions);
  /// Addresses without memory: every access faults until `commit`.
  base::Result<mem::VirtualRange, SpaceError> reserve(Placement where, std::uint64_t size) {
    return map_anonymous(where, size, mem::Permissions::none());
  }
  /// The VMO's own pages from `offset`: present at once, or on demand if it is a paged one.
  /// *Errors*: `kDenied` (permissions beyond what the VMO allows), `kOutsideVmo`.
  base::Result<mem::VirtualRange, SpaceError> map_shared(Placement where, VmoRef vmo,
                                                         std::uint64_t offset, std::uint64_t size,
                                                         mem::Permissions permissions);
  /// A private copy of the VMO's pages from `offset`, made page by page at the first write;
  /// zeros behind the VMO's content. *Errors*: `kOutsideVmo`, `kWrongKind` (a physical VMO).
  base::Result<mem::VirtualRange, SpaceError> map_private(Placement where, VmoRef vmo,
                                                          std::uint64_t offset, std::uint64_t size,
                                                          mem::Permissions permissions);

  /// Makes pages of one mapping accessible; what was a reservation becomes anonymous memory and
  /// is charged, what was committed keeps its content.
  base::Result<void, SpaceError> commit(mem::VirtualRange range, mem::Permissions permissions);
  /// Gives content and charge of anonymous pages back; the range stays reserved.
  base::Result<void, SpaceError> decommit(mem::VirtualRange range);
  /// Makes reserved pages of one mapping a guard: no access is ever allowed there, nothing else can
  /// be made of it but unmapping, and a fault there is told apart.
  /// *Errors*: `kDenied`: not all of it is reserved.
  base::Result<void, SpaceError> guard(mem::VirtualRange range);
  /// Changes permissions, of any mappings; pages keep their content even while nothing may touch
  /// them. On reserved pages, permissions that allow anything commit them.
  base::Result<void, SpaceError> protect(mem::VirtualRange range, mem::Permissions permissions);
  /// Takes any part of any mappings away. *Errors*: `kNotMapped` when the range has a gap.
  base::Result<void, SpaceError> unmap(mem::VirtualRange range);
  /// Takes the mapping away that began at `start`, however its regions have been cut since; where a
  /// part of it was unmapped, as far as that.
  base::Result<void, SpaceError> release(mem::VirtualAddress start);

  /// Fills in the page behind an address, if the access is allowed.
  FaultOutcome handle_fault(mem::VirtualAddress address, mem::Access access);
  /// The same for every page of a range, ahead of time.
  FaultOutcome populate(mem::VirtualRange range, mem::Access access);

  /// The request that a fault at this address must wait for; null when it is complete by now.
  PageRequestRef page_request(mem::VirtualAddress address);

  /// Makes this the space that this hart's user mode sees. Costs next to nothing when it is.
  void activate() noexcept { space_->activate(); }
  bool is_active() const noexcept { return space_->is_active(); }
  /// Harts that may cache translations of this space.
  sync::HartSet active_harts() const noexcept { return space_->active_harts(); }

  SpaceUsage usage();
  /// What can be mapped at all: the user half without its first 64 KiB and its last page.
  mem::VirtualRange bounds() const noexcept { return bounds_; }
  KernelSpace& kernel() noexcept { return kernel_; }
  /// The mechanism below the regions. Its page tables are changed by this class alone.
  VmSpace& vm_space() noexcept { return *space_; }
  /// The region that holds an address, copied; nothing when there is none. For reports.
  struct RegionInfo {
    mem::VirtualRange range;
    mem::Permissions permissions;
    Backing backing{};
  };
  std::optional<RegionInfo> region_at(mem::VirtualAddress address);

  /// Calls `f(page, leaf)` for each leaf of the user half. For audits and tests.
  template <typename F>
  void for_each_leaf(F&& f) {
    sync::LockGuard guard(lock_);
    tables().for_each_leaf(kernel_.format().user_half(), std::forward<F>(f));
  }

 private:
  friend class Mmap;
  using Lock = sync::SpinLock<sync::LockRank::kAddressSpace>;

  // For handles of one mapping: address_space/map.cpp, change.cpp, remove.cpp.
  /// A mapping as it was made. Other threads of the guest may unmap parts of it, and others may be
  /// mapped there: what is left of it is told by the number, which nothing else ever has.
  struct Mapping {
    mem::VirtualRange range;
    std::uint64_t number = 0;
  };
  base::Result<Mapping, SpaceError> own_anonymous(Placement where, std::uint64_t size,
                                                  mem::Permissions permissions)
      QUOLL_EXCLUDES(lock_);
  base::Result<Mapping, SpaceError> own_shared(Placement where, VmoRef vmo, std::uint64_t size,
                                               mem::Permissions permissions) QUOLL_EXCLUDES(lock_);
  base::Result<void, SpaceError> protect_own(const Mapping& mapping, mem::Permissions permissions)
      QUOLL_EXCLUDES(lock_);
  void end_own(const Mapping& mapping) QUOLL_EXCLUDES(lock_);

  AddressSpace(KernelSpace& kernel, intrusive::RefPtr<VmSpace> space, const SpaceLimits& limits,
               const std::optional<PlacementSeed>& seed);

  PageTable& tables() const noexcept QUOLL_REQUIRES(lock_) { return space_->tables(); }

  /// Regions without a gap between them, from the first to the last.
  struct Selection {
    Region* first;
    Region* last;
  };
  /// Whether an operation must stay inside one mapping.
  enum class Span : std::uint8_t { kOneMapping, kAnyMappings };

  // Where: address_space/place.cpp.
  base::Result<void, SpaceError> check_range(mem::VirtualRange range) const noexcept;
  bool is_free(mem::VirtualRange range) const noexcept QUOLL_REQUIRES(lock_);
  [[gnu::always_inline]] base::Result<mem::VirtualAddress, SpaceError> place(Placement where,
                                                                             std::uint64_t size)
      QUOLL_REQUIRES(lock_);
  [[gnu::noinline]] base::Result<mem::VirtualAddress, SpaceError> place_unusual(Placement where,
                                                                                std::uint64_t size)
      QUOLL_REQUIRES(lock_);
  [[gnu::noinline]] base::Result<mem::VirtualAddress, SpaceError> place_randomly(
      Placement where, std::uint64_t size) noexcept QUOLL_REQUIRES(lock_);
  std::optional<mem::VirtualAddress> throw_for(Wanted wanted, mem::VirtualRange window) noexcept
      QUOLL_REQUIRES(lock_);
  Region* region_of(mem::VirtualAddress address) const noexcept QUOLL_REQUIRES(lock_);
  base::Result<Selection, SpaceError> select(mem::VirtualRange range, Span span) const
      QUOLL_REQUIRES(lock_);

  // New mappings: address_space/map.cpp.
  /// Adds a region to what the space uses, or takes it away.
  void count(const Region& region, bool add) noexcept QUOLL_REQUIRES(lock_) {
    const std::uint64_t sign = add ? 1 : ~std::uint64_t{0};
    usage_.reserved_bytes += sign * region.range.size();
    usage_.regions += sign;
    if (region.backing == Backing::kReserved) return;
    const std::uint64_t pages = sign * region.range.page_count();
    if (region.is_charged()) usage_.committed_pages += pages;
    if (region.backing == Backing::kShared) usage_.shared_pages += pages;
  }
  [[gnu::always_inline]] base::Result<Region*, SpaceError> prepare(Placement where,
                                                                   std::uint64_t size,
                                                                   Backing backing,
                                                                   mem::Permissions permissions)
      QUOLL_REQUIRES(lock_);
  [[gnu::always_inline]] mem::VirtualRange add(Region& region) QUOLL_REQUIRES(lock_);
  base::Result<Region*, SpaceError> add_shared(Placement where, VmoRef vmo, std::uint64_t offset,
                                               std::uint64_t size, mem::Permissions permissions,
                                               LateFlusher& flusher) QUOLL_REQUIRES(lock_);
  base::Result<void, SpaceError> attach(Region& region) QUOLL_REQUIRES(lock_);
  base::Result<void, SpaceError> check_vmo(const Vmo& vmo, std::uint64_t offset,
                                           std::uint64_t size) const noexcept;

  // Cutting and joining: address_space/cut.cpp.
  base::Result<void, SpaceError> fetch_records(unsigned count) QUOLL_REQUIRES(lock_) {
    if (records_.has(count)) [[likely]]
      return {};
    return allocate_records(count);
  }
  [[gnu::noinline]] base::Result<void, SpaceError> allocate_records(unsigned count)
      QUOLL_REQUIRES(lock_);
  base::Result<void, SpaceError> reserve_cuts(mem::VirtualRange range, const Selection& regions)
      QUOLL_REQUIRES(lock_);
  Selection isolate(mem::VirtualRange range, Selection regions) QUOLL_REQUIRES(lock_);
  Region* cut(Region& region, mem::VirtualAddress at) QUOLL_REQUIRES(lock_);
  void merge_around(const Selection& regions) QUOLL_REQUIRES(lock_);

  // Changing and removing: address_space/change.cpp, address_space/remove.cpp.
  static constexpr std::uint64_t kAnyMapping = 0;
  base::Result<void, SpaceError> change(mem::VirtualRange range, mem::Permissions permissions,
                                        Span span, std::uint64_t mapping = kAnyMapping)
      QUOLL_EXCLUDES(lock_);
  base::Result<std::uint64_t, SpaceError> check_change(mem::VirtualRange range,
                                                       const Selection& regions,
                                                       mem::Permissions wanted) const
      QUOLL_REQUIRES(lock_);
  void allow(Region& region, mem::Permissions wanted, LateFlusher& flusher) QUOLL_REQUIRES(lock_);
  void take_pages(Region& region, LateFlusher& flusher) QUOLL_REQUIRES(lock_) {
    if (region.touched) take_touched_pages(region, flusher);
  }
  [[gnu::noinline]] void take_touched_pages(Region& region, LateFlusher& flusher)
      QUOLL_REQUIRES(lock_);
  [[gnu::always_inline]] void remove(Region& region) QUOLL_REQUIRES(lock_);
  Region* last_piece(Region& first) const noexcept QUOLL_REQUIRES(lock_);
  [[gnu::noinline]] base::Result<void, SpaceError> release_pieces(mem::VirtualAddress start)
      QUOLL_EXCLUDES(lock_);
  void remove_all(const Selection& regions, LateFlusher& flusher) QUOLL_REQUIRES(lock_);

  // Faults: page_fault.cpp.
  [[gnu::always_inline]] Region* faulting_region(mem::VirtualAddress page) noexcept
      QUOLL_REQUIRES(lock_);
  [[gnu::noinline]] void note_faulting_region(mem::VirtualAddress page) noexcept
      QUOLL_REQUIRES(lock_);
  [[gnu::always_inline]] bool fill_quickly(const Region& region, mem::VirtualAddress page) noexcept
      QUOLL_REQUIRES(lock_);
  FaultOutcome fault_alone(mem::VirtualAddress page, mem::Access access) QUOLL_REQUIRES(lock_);
  [[gnu::noinline]] FaultOutcome resolve_in_run(Region& region, mem::VirtualAddress page,
                                                mem::Access access) QUOLL_REQUIRES(lock_);
  [[gnu::noinline]] FaultOutcome resolve(const Region& region, mem::VirtualAddress page,
                                         mem::Access access) QUOLL_REQUIRES(lock_);
  FaultOutcome fill(const Region& region, PageTable::PageMut& entry, mem::VirtualAddress page,
                    mem::Access access) QUOLL_REQUIRES(lock_);
  FaultOutcome resolve_paged(const Region& region, PagedVmo& object, mem::VirtualAddress page,
                             mem::Access access) QUOLL_REQUIRES(lock_);
  FaultOutcome show_shared(const Region& region, PagedVmo& object, mem::VirtualAddress page,
                           mem::Access access, TlbFlusher& flusher)
      QUOLL_REQUIRES(lock_, object.pages_lock);
  FaultOutcome show_private(const Region& region, PagedVmo& object, mem::VirtualAddress page,
                            mem::Access access, TlbFlusher& flusher)
      QUOLL_REQUIRES(lock_, object.pages_lock);
  FaultOutcome show(mem::VirtualAddress page, mem::PhysicalAddress frame,
                    mem::Permissions permissions, mem::Access access, bool is_lent,
                    TlbFlusher& flusher) QUOLL_REQUIRES(lock_);
  FaultOutcome fill_with(Frame frame, const Region& region, PageTable::PageMut& entry)
      QUOLL_REQUIRES(lock_);
  base::Result<Frame, AllocError> copy_of(const Region& region, mem::VirtualAddress page)
      QUOLL_REQUIRES(lock_);

  // Pages ahead of faults: fault_ahead.cpp.
  /// How far a fault may go ahead.
  struct Ahead {
    std::uint64_t pages;   ///< in all
    std::uint64_t frames;  ///< among the first of them, those that may cost a frame
  };
  [[gnu::noinline]] void go_on_in_run(Region& region, mem::VirtualAddress page, mem::Access access)
      QUOLL_REQUIRES(lock_);
  std::uint64_t fill_ahead(const Region& region, mem::VirtualAddress page, mem::Access access,
                           Ahead most) QUOLL_REQUIRES(lock_);
  bool fill_one_ahead(const Region& region, mem::VirtualAddress page, mem::Access access,
                      PageCost most) QUOLL_REQUIRES(lock_);
  bool show_quickly(const Region& region, PagedVmo& object, mem::VirtualAddress page,
                    mem::Access access) QUOLL_REQUIRES(lock_);
  bool show_at_hand(const Region& region, PagedVmo& object, mem::VirtualAddress page,
                    mem::Access access, PageCost most) QUOLL_REQUIRES(lock_, object.pages_lock);
  [[gnu::always_inline]] bool show_absent(mem::VirtualAddress page, mem::PhysicalAddress frame,
                                          const paging::Properties& properties) noexcept
      QUOLL_REQUIRES(lock_);

  KernelSpace& kernel_;
  const SpaceLimits limits_;
  const mem::VirtualRange bounds_;
  const intrusive::RefPtr<VmSpace> space_;
  const PageFaultHandler fault_handler_;
  Lock lock_;
  RegionTree regions_ QUOLL_GUARDED_BY(lock_);
  RegionRecords records_ QUOLL_GUARDED_BY(lock_);
  PlacementDice dice_ QUOLL_GUARDED_BY(lock_);
  Region* recent_ QUOLL_GUARDED_BY(lock_) = nullptr;  // of the last fault, while it exists
  SpaceUsage usage_ QUOLL_GUARDED_BY(lock_);
  std::uint64_t next_mapping_ QUOLL_GUARDED_BY(lock_) = 1;
};

}  // namespace quoll::vm
