// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Paged objects: memory page by page, filled on demand, copied on write.
//
// One lock guards store, size, requests and the list of mappings. It ranks behind an address
// space's, because faults and unmapping come from there, and before heap and frames, which are
// asked under it. Two objects are never locked together: a copy shares nodes with its original,
// and nodes with several owners do not change (page_node.hpp).
//
// A translation to a page of the object appears and disappears under this lock alone, also where
// the space's own lock is held: so a page that the object finds mapped stays mapped while it
// looks, and what it takes out nobody puts back meanwhile. The lock of a page table comes after
// it, never before. Three laws rest on that:
//
// 1. Only a page that is this object's alone has translations that write.
// 2. A frame leaves the object after its translations are gone and fenced. The fence goes to each
//    mapping that covers the page, whether or not a translation was found there: a space that is
//    just unmapping may have cleared the entry and not fenced yet.
// 3. What a copy shares is read-only, and fenced, before anybody can reach the copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <quoll/base/result.hpp>
#include <quoll/intrusive/list.hpp>
#include <quoll/kernel/mem/vmo.hpp>
#include <quoll/kernel/mem/vmo/page_provider.hpp>
#include <quoll/kernel/mem/vmo/page_request.hpp>
#include <quoll/kernel/mem/vmo/page_store.hpp>
#include <quoll/kernel/mem/vmo/vmo_mapping.hpp>
#include <quoll/sync/spin_lock.hpp>

namespace quoll::vm {

using PagedVmoRef = intrusive::RefPtr<PagedVmo>;

/// A page as it may be mapped now.
struct VmoPage {
  mem::PhysicalAddress frame;
  bool may_write;  ///< in place: no copy has it too
  bool is_lent;    ///< the provider's, and as old as the machine
};

/// What a page that is not there may cost.
enum class PageCost : std::uint8_t {
  kNothing,
  kFrame,  ///< one, and what is needed to note it
};

/// Why there is no page.
enum class PageError : std::uint8_t {
  kOutsideVmo,   ///< behind the object's end
  kSealed,       ///< the object is sealed, and the access writes
  kMustWait,     ///< its provider is getting it: there is a request
  kUnavailable,  ///< its provider has none, or answered nonsense
  kOutOfMemory,
};

/// Why a provider's page was not taken. The request is still pending.
enum class SupplyError : std::uint8_t {
  kNotRequested,  ///< nobody asked for that page, or it has been answered
  kBadFrame,      ///< no frame, or one that somebody else owns too
  kOutOfMemory,
};

/// What an object holds.
struct VmoUsage {
  PageStoreUsage store;
  std::uint64_t mappings = 0;
  std::uint64_t requests = 0;
};

/// A paged object. *Locking*: its own; any hart. *Context*: task.
class PagedVmo final : public Vmo {
 public:
  /// The largest size.
  static constexpr std::uint64_t kMaxSize = PageStore::kMaxPages << mem::kPageShift;

  /// An object of `size` bytes; what nobody has written comes from the provider, or is zeros.
  ///
  /// *Errors*: `kUnaligned`, `kEmpty`, `kTooLarge`, `kOutOfRange` (the provider lends memory that
  /// cannot be reached), `kOutOfMemory`.
  static base::Result<PagedVmoRef, SpaceError> create(FrameAllocator& frames, std::uint64_t size,
                                                      mem::Permissions most,
                                                      PageProviderRef provider = {});
  ~PagedVmo() override;

  /// An object with the same pages, from here on independent: it costs as much as what is mapped
  /// of this one, whatever the size. *Errors*: `kOutOfMemory`.
  base::Result<PagedVmoRef, SpaceError> clone(mem::Permissions most) QUOLL_EXCLUDES(pages_lock);

  // Ranges are offset and size in bytes. All operations that take one have these errors:
  // `kUnaligned`, `kEmpty`, `kOutsideVmo`.

  /// Gives each page of the range a frame, so that no read of it can fail.
  /// *Errors*: `kUnavailable` (a page comes later, or never), `kOutOfMemory`.
  base::Result<void, SpaceError> commit(std::uint64_t offset, std::uint64_t size)
      QUOLL_EXCLUDES(pages_lock);
  /// Forgets what was written: the pages are again what the provider says.
  /// *Errors*: `kSealed`, `kOutOfMemory` (only where nodes are shared).
  base::Result<void, SpaceError> decommit(std::uint64_t offset, std::uint64_t size)
      QUOLL_EXCLUDES(pages_lock);
  /// Changes the size. Pages behind the new end are gone, also where they are mapped, and read as
  /// zeros if the object grows again.
  /// *Errors*: `kUnaligned`, `kEmpty`, `kTooLarge`, `kSealed`, `kOutOfMemory`.
  base::Result<void, SpaceError> resize(std::uint64_t size) QUOLL_EXCLUDES(pages_lock);
  /// From here on neither content nor size changes. Mappings that write lose that; the next write
  /// through one is denied.
  void seal() QUOLL_EXCLUDES(pages_lock);

  /// Copies bytes out or in; offset and size need no alignment. What is refused has copied
  /// nothing. *Errors*: `kOutsideVmo`, `kSealed`, `kUnavailable`, `kOutOfMemory`.
  base::Result<void, SpaceError> read(std::uint64_t offset, std::span<std::byte> to)
      QUOLL_EXCLUDES(pages_lock);
  base::Result<void, SpaceError> write(std::uint64_t offset, std::span<const std::byte> from)
      QUOLL_EXCLUDES(pages_lock);

  /// By a walk over the pages; exact while no copy changes.
  VmoUsage usage() QUOLL_EXCLUDES(pages_lock);

  // For providers.

  /// Answers a request with a frame. If the object has the page by now, because the provider has
  /// said something else of it meanwhile, the frame is given back.
  base::Result<void, SupplyError> supply(std::uint64_t offset, Frame frame)
      QUOLL_EXCLUDES(pages_lock);
  /// Answers a request with failure. *Errors*: `kNotRequested`.
  base::Result<void, SupplyError> fail(std::uint64_t offset) QUOLL_EXCLUDES(pages_lock);
  /// The request for the page at `offset`, if there is one.
  PageRequestRef request(std::uint64_t offset) QUOLL_EXCLUDES(pages_lock);

  // For address spaces, in whose faults the lock is held while they map what they found.

  using Lock = sync::SpinLock<sync::LockRank::kVmo>;
  Lock pages_lock;

  /// The page at an offset, for an access of a shared mapping. What is missing is made, and for a
  /// write the page becomes this object's alone; translations that this makes old are gone.
  base::Result<VmoPage, PageError> page(std::uint64_t offset, mem::Access access)
      QUOLL_REQUIRES(pages_lock);
  /// What a private copy begins with, without making anything: so many bytes from there, and
  /// zeros behind them.
  struct Source {
    mem::PhysicalAddress from;
    std::uint64_t bytes = 0;
    bool is_lent = false;
    bool is_frame = false;  ///< the page itself: it may be mapped, not to be written
  };
  base::Result<Source, PageError> source(std::uint64_t offset) QUOLL_REQUIRES(pages_lock);
  /// The same two as far as they are at hand: nobody is asked to get a page, nothing is copied, no
  /// translation becomes old. A page of zeros is made where it may cost that.
  std::optional<VmoPage> page_at_hand(std::uint64_t offset, mem::Access access, PageCost most)
      QUOLL_REQUIRES(pages_lock);
  std::optional<Source> source_at_hand(std::uint64_t offset) QUOLL_REQUIRES(pages_lock);
  /// A new frame with those bytes, and zeros behind them.
  base::Result<Frame, AllocError> copy_of(const Source& content);
  /// Whether a frame that stands in a page table is the object's page at an offset.
  bool owns(std::uint64_t offset, mem::PhysicalAddress frame) const noexcept
      QUOLL_REQUIRES(pages_lock);
  /// Whether that page may be written in place: a frame that is lent may not.
  bool may_write(std::uint64_t offset, mem::PhysicalAddress frame) const noexcept
      QUOLL_REQUIRES(pages_lock);

  /// Notes that bytes from `offset` are mapped to `range`. *Errors*: `kOutOfMemory`.
  base::Result<VmoMappingRef, SpaceError> attach(VmSpace& space, mem::VirtualRange range,
                                                 std::uint64_t offset) QUOLL_EXCLUDES(pages_lock);

 private:
  friend class VmoMapping;
  PagedVmo(FrameAllocator& frames, PageStore pages, std::uint64_t size, std::uint64_t provided,
           mem::Permissions most, PageProviderRef provider) noexcept;

  base::Result<void, SpaceError> check(std::uint64_t offset, std::uint64_t size) const noexcept;
  base::Result<Source, PageError> said(std::uint64_t offset) const QUOLL_REQUIRES(pages_lock);
  base::Result<Source, PageError> provided(std::uint64_t offset) QUOLL_REQUIRES(pages_lock);
  bool is_reachable(mem::PhysicalRange bytes, std::uint64_t most) const noexcept;
  base::Result<void, PageError> ask_for(std::uint64_t offset) QUOLL_REQUIRES(pages_lock);
  base::Result<VmoPage, PageError> make(std::uint64_t offset, const Source& content)
      QUOLL_REQUIRES(pages_lock);
  struct Piece;
  static Piece piece_at(std::uint64_t offset, std::uint64_t rest) noexcept;
  void copy_out(const Source& source, const Piece& piece, std::byte* to) const noexcept;
  void detach(VmoMapping& mapping) QUOLL_EXCLUDES(pages_lock);
  void unmap_pages(std::uint64_t first, std::uint64_t end) QUOLL_REQUIRES(pages_lock);
  void forbid_writing() QUOLL_REQUIRES(pages_lock);
  PageRequestRef take_request(std::uint64_t offset) QUOLL_REQUIRES(pages_lock);
  void take_requests(std::uint64_t from, PageRequestTree& to) QUOLL_REQUIRES(pages_lock);
  static void end_requests(PageRequestTree& gone);
  base::Result<void, SpaceError> resize_pages(std::uint64_t new_size, PageRequestTree& gone)
      QUOLL_EXCLUDES(pages_lock);

  FrameAllocator& frames_;
  const PageProviderRef provider_;
  PageStore pages_ QUOLL_GUARDED_BY(pages_lock);
  /// How far the provider's content reaches: behind it are zeros, whatever the provider says.
  std::uint64_t provided_ QUOLL_GUARDED_BY(pages_lock);
  PageRequestTree requests_ QUOLL_GUARDED_BY(pages_lock);  // owns a reference to each
  std::uint64_t request_count_ QUOLL_GUARDED_BY(pages_lock) = 0;
  intrusive::List<VmoMapping, VmoMapping> mappings_ QUOLL_GUARDED_BY(pages_lock);
  std::uint64_t mapping_count_ QUOLL_GUARDED_BY(pages_lock) = 0;
};

/// Holds the lock of an object, if it is a paged one, for a scope.
class [[nodiscard]] PagesGuard {
 public:
  explicit PagesGuard(Vmo* object) noexcept QUOLL_NO_THREAD_SAFETY_ANALYSIS
      : paged_(object == nullptr ? nullptr : object->as_paged()) {
    if (paged_ != nullptr) paged_->pages_lock.lock();
  }
  PagesGuard(const PagesGuard&) = delete;
  PagesGuard& operator=(const PagesGuard&) = delete;
  ~PagesGuard() QUOLL_NO_THREAD_SAFETY_ANALYSIS {
    if (paged_ != nullptr) paged_->pages_lock.unlock();
  }

 private:
  PagedVmo* const paged_;
};

}  // namespace quoll::vm
