// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The handle of one mapping of an address space, by which the kernel reaches it, and whose end is
// the mapping's.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <quoll/base/result.hpp>
#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/kernel/mem/error.hpp>
#include <quoll/mem/page_size.hpp>
#include <quoll/mem/permissions.hpp>
#include <quoll/mem/range.hpp>
#include <quoll/paging/properties.hpp>

namespace quoll::vm {

/// Bytes of a mapping, counted from its start.
struct MmapRange {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

/// Owns one mapping. Threads of the guest may change or unmap pages of it all the same. What they
/// map there instead is not this mapping: it keeps its permissions, and stays when this one ends.
/// Copies go by addresses, as the guest's own accesses do.
///
/// *Requires*: the space outlives it. *Locking*: one thread at a time. *Context*: task, with no
/// lock held.
class Mmap {
 public:
  /// How much `with_user_slice` copies at a time.
  static constexpr std::size_t kChunkSize = 512;

  /// A mapping of nothing, in no space.
  static Mmap new_empty() noexcept { return {}; }
  /// Zeros to be read and written, at an address with that alignment.
  /// *Errors*: as `AddressSpace::map_anonymous`.
  static base::Result<Mmap, SpaceError> new_zeroed(AddressSpace& space, std::uint64_t size,
                                                   std::uint64_t alignment = mem::kPageSize);
  /// Physical memory that no allocator knows, with that way of caching, to be read and written.
  /// *Errors*: as `Vmo::create_physical` and `AddressSpace::map_shared`.
  static base::Result<Mmap, SpaceError> new_phys(AddressSpace& space, mem::PhysicalRange physical,
                                                 paging::CacheMode cache,
                                                 std::uint64_t alignment = mem::kPageSize);
  Mmap(Mmap&& other) noexcept { swap(other); }
  Mmap& operator=(Mmap&& other) noexcept {
    Mmap(std::move(other)).swap(*this);
    return *this;
  }
  /// Unmaps what is left of it.
  ~Mmap();

  mem::VirtualRange range() const noexcept { return mapping_.range; }
  std::uint64_t len() const noexcept { return mapping_.range.size(); }
  bool is_empty() const noexcept { return len() == 0; }
  /// What this handle has last allowed user mode.
  mem::Permissions permissions() const noexcept { return permissions_; }

  // What follows refuses ranges that pass the mapping's end (`kOutOfRange`), and has then touched
  // nothing; so too, where permissions are against it (`kDenied`). An empty range that does not is
  // always fine. Pages that are not there are filled in, which can fail (`kOutOfMemory`), and so
  // can touching pages that a thread of the guest has unmapped or protected (`kNotMapped`).

  /// Sees to it that reading and, as far as they are allowed, writing or fetching what is in the
  /// range's pages needs no memory any more. What is refused has changed no content.
  base::Result<void, SpaceError> commit(MmapRange range) const;
  /// Copies out of the mapping. *Errors*: further, `kSizeMismatch`; a copy that stops in the middle
  /// has copied what comes before.
  base::Result<void, SpaceError> copy_from_userspace(MmapRange range,
                                                     std::span<std::byte> to) const;
  /// Copies into the mapping. *Errors*: as `copy_from_userspace`.
  base::Result<void, SpaceError> copy_to_userspace(MmapRange range,
                                                   std::span<const std::byte> from) const;
  /// Calls `f` with the bytes of the range, chunk by chunk and in order. User memory is never
  /// borrowed: what `f` gets is a copy in kernel memory, good for that call, and no thread of the
  /// guest can change it under its eyes. Between two chunks it can. When a chunk cannot be copied,
  /// `f` has had those before it.
  template <typename F>
  base::Result<void, SpaceError> with_user_slice(MmapRange range, F&& f) const {
    TRY(check(range, mem::Access::kRead));
    std::array<std::byte, kChunkSize> chunk;
    while (range.size > 0) {
      const std::size_t size = std::min<std::uint64_t>(range.size, kChunkSize);
      TRY(read(range.offset, chunk.data(), size));
      f(std::span<const std::byte>(chunk.data(), size));
      range.offset += size;
      range.size -= size;
    }
    return {};
  }

  /// Lets user mode read all of it and fetch instructions from it, and write no longer.
  /// Instructions that were written are visible to each hart's fetches afterwards. Writable and
  /// executable at once is no value of `Permissions`. *Errors*: `kEmpty`, `kNotMapped` (some of it
  /// is gone), `kDenied` (physical memory has no instructions), `kLimit`, `kOutOfMemory`.
  base::Result<void, SpaceError> make_executable() {
    return protect(mem::Permissions::read_execute());
  }
  /// Lets user mode read all of it, and nothing else. *Errors*: as `make_executable`.
  base::Result<void, SpaceError> make_readonly() { return protect(mem::Permissions::read_only()); }

 private:
  Mmap() noexcept = default;
  Mmap(AddressSpace& space, const AddressSpace::Mapping& mapping) noexcept
      : space_(&space),
        mapping_(mapping),
        permissions_(mem::Permissions::read_write().for_user()) {}

  void swap(Mmap& other) noexcept {
    std::swap(space_, other.space_);
    std::swap(mapping_, other.mapping_);
    std::swap(permissions_, other.permissions_);
  }
  base::Result<void, SpaceError> check(MmapRange range, mem::Access access) const noexcept;
  base::Result<void, SpaceError> read(std::uint64_t offset, std::byte* to, std::size_t size) const;
  base::Result<void, SpaceError> protect(mem::Permissions permissions);

  AddressSpace* space_ = nullptr;  // none, if it is empty
  AddressSpace::Mapping mapping_;
  mem::Permissions permissions_ = mem::Permissions::none().for_user();
};

}  // namespace quoll::vm
