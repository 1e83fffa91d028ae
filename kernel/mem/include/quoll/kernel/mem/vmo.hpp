// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Virtual memory objects: memory that address spaces map, apart from any of them.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include <quoll/base/result.hpp>
#include <quoll/intrusive/ref_counted.hpp>
#include <quoll/kernel/mem/error.hpp>
#include <quoll/kernel/mem/frame_alloc.hpp>
#include <quoll/mem/permissions.hpp>
#include <quoll/mem/range.hpp>
#include <quoll/paging/properties.hpp>

namespace quoll::vm {

class PagedVmo;
class Vmo;
using VmoRef = intrusive::RefPtr<Vmo>;

/// Where an object's pages are.
enum class VmoKind : std::uint8_t {
  kWired,     ///< all present, one after the other, and they stay
  kPhysical,  ///< so too, in registers of devices or memory that no allocator knows
  kPaged,     ///< each in a frame of its own, if anywhere: a `PagedVmo`
};

/// A memory object. The frames of a wired one are its own (`create`) or somebody else's who
/// outlives it (`create_wired`).
class Vmo : public intrusive::RefCounted<Vmo> {
 public:
  /// An object over memory that exists: the runtime's image, a file of the boot archive, a page
  /// of the kernel's. `content_size` bytes of `memory` belong to it; its size is that, rounded
  /// up to pages. Shared mappings may have at most the permissions `most`.
  ///
  /// *Requires*: the memory outlives the object. *Errors*: `kUnaligned`, `kEmpty`,
  /// `kOutsideVmo` (content beyond the memory's pages), `kOutOfMemory`.
  static base::Result<VmoRef, SpaceError> create_wired(mem::PhysicalRange memory,
                                                       std::uint64_t content_size,
                                                       mem::Permissions most);
  /// An object of `size` bytes of zeros with frames of its own.
  static base::Result<VmoRef, SpaceError> create(FrameAllocator& frames, std::uint64_t size,
                                                 mem::Permissions most);
  /// An object over registers of a device, or over reserved memory. It is mapped with that way of
  /// caching, never copied and never given back.
  ///
  /// *Requires*: no allocator knows the memory. *Errors*: `kUnaligned`, `kEmpty`, `kDenied`
  /// (instructions are fetched from cached memory only), `kOutOfMemory`.
  static base::Result<VmoRef, SpaceError> create_physical(mem::PhysicalRange memory,
                                                          paging::CacheMode cache,
                                                          mem::Permissions most);
  virtual ~Vmo() = default;

  VmoKind kind() const noexcept { return kind_; }
  /// This object, if it is a paged one; null otherwise.
  PagedVmo* as_paged() noexcept;

  /// Where it lies. *Requires*: it is wired or physical.
  mem::PhysicalRange range() const noexcept { return range_; }
  paging::CacheMode cache_mode() const noexcept { return cache_; }
  /// Size in bytes, whole pages. That of a paged object can change at any moment.
  std::uint64_t size() const noexcept { return size_.load(std::memory_order_relaxed); }
  /// Bytes of a wired object that are content; the rest of the last page reads as whatever is
  /// there, and a private copy has zeros instead.
  std::uint64_t content_size() const noexcept { return content_size_; }
  /// What shared mappings may have: nothing that writes, once the object is sealed.
  mem::Permissions most() const noexcept { return is_sealed() ? most_.without_write() : most_; }
  /// Whether neither content nor size can change any more.
  bool is_sealed() const noexcept { return is_sealed_.load(std::memory_order_acquire); }
  /// The bytes of an object with frames of its own; null otherwise.
  void* data() const noexcept { return own_ ? own_.data() : nullptr; }

 protected:
  Vmo(VmoKind kind, mem::PhysicalRange range, std::uint64_t size, std::uint64_t content_size,
      mem::Permissions most, FrameRun own, paging::CacheMode cache = paging::CacheMode::kNormal)
      : range_(range),
        size_(size),
        content_size_(content_size),
        most_(most),
        kind_(kind),
        cache_(cache),
        own_(std::move(own)) {}

  void set_size(std::uint64_t size) noexcept { size_.store(size, std::memory_order_relaxed); }
  void set_sealed() noexcept { is_sealed_.store(true, std::memory_order_release); }

 private:
  mem::PhysicalRange range_;
  std::atomic<std::uint64_t> size_;
  std::uint64_t content_size_;
  mem::Permissions most_;
  VmoKind kind_;
  paging::CacheMode cache_;
  std::atomic<bool> is_sealed_{false};
  FrameRun own_;
};

}  // namespace quoll::vm
