// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Paged objects: operations on ranges. Each checks, makes what it needs, and then changes what
// all can see, without refusal.
#include <algorithm>
#include <cstring>
#include <utility>

#include <quoll/base/bits.hpp>
#include <quoll/base/checked.hpp>
#include <quoll/kernel/mem/flush.hpp>
#include <quoll/kernel/mem/vmo/paged_vmo.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::vm {
namespace {

using mem::kPageSize;

SpaceError to_space_error(PageError error) noexcept {
  switch (error) {
    case PageError::kOutsideVmo:
      return SpaceError::kOutsideVmo;
    case PageError::kSealed:
      return SpaceError::kSealed;
    case PageError::kMustWait:
    case PageError::kUnavailable:
      return SpaceError::kUnavailable;
    case PageError::kOutOfMemory:
      return SpaceError::kOutOfMemory;
  }
  return SpaceError::kUnavailable;
}

}  // namespace

/// The part of one page that a range has.
struct PagedVmo::Piece {
  std::uint64_t page;     ///< where the page begins
  std::uint64_t in_page;  ///< where the part begins in it
  std::uint64_t count;
};

PagedVmo::Piece PagedVmo::piece_at(std::uint64_t offset, std::uint64_t rest) noexcept {
  const std::uint64_t in_page = offset % kPageSize;
  return {offset - in_page, in_page, std::min(rest, kPageSize - in_page)};
}

base::Result<void, SpaceError> PagedVmo::check(std::uint64_t offset,
                                               std::uint64_t size) const noexcept {
  if (!base::is_aligned(offset | size, kPageSize)) return base::err(SpaceError::kUnaligned);
  if (size == 0) return base::err(SpaceError::kEmpty);
  if (!base::fits_within(offset, size, this->size())) return base::err(SpaceError::kOutsideVmo);
  return {};
}

base::Result<void, SpaceError> PagedVmo::commit(std::uint64_t offset, std::uint64_t size) {
  sync::LockGuard guard(pages_lock);
  TRY(check(offset, size));
  // The pages are made in a copy of the store, which takes this one's place once all are there.
  PageStore next = pages_.share();
  for (const std::uint64_t end = offset + size; offset < end; offset += kPageSize) {
    const std::uint64_t page = offset >> mem::kPageShift;
    if (pages_.find(page)) continue;
    const auto content = provided(offset);
    if (!content) return base::err(to_space_error(content.error()));
    if (content->is_lent) continue;
    PageStore::Reserve reserve;
    if (!next.reserve_put(page, reserve)) return base::err(SpaceError::kOutOfMemory);
    auto frame = copy_of(*content);
    if (!frame) return base::err(SpaceError::kOutOfMemory);
    next.put(page, std::move(*frame), reserve);
  }
  pages_ = std::move(next);
  return {};
}

base::Result<void, SpaceError> PagedVmo::decommit(std::uint64_t offset, std::uint64_t size) {
  sync::LockGuard guard(pages_lock);
  TRY(check(offset, size));
  if (is_sealed()) return base::err(SpaceError::kSealed);
  const std::uint64_t first = offset >> mem::kPageShift;
  const std::uint64_t end = first + (size >> mem::kPageShift);
  PageStore::Reserve reserve;
  if (!pages_.reserve_clear(first, end, reserve)) return base::err(SpaceError::kOutOfMemory);
  unmap_pages(offset, offset + size);
  pages_.clear(first, end, reserve);
  return {};
}

base::Result<void, SpaceError> PagedVmo::read(std::uint64_t offset, std::span<std::byte> to) {
  sync::LockGuard guard(pages_lock);
  if (!base::fits_within<std::uint64_t>(offset, to.size(), size())) {
    return base::err(SpaceError::kOutsideVmo);
  }
  for (const bool copies : {false, true}) {
    for (std::size_t done = 0; done < to.size();) {
      const Piece piece = piece_at(offset + done, to.size() - done);
      const auto found = source(piece.page);
      if (!found) return base::err(to_space_error(found.error()));
      if (copies) copy_out(*found, piece, to.data() + done);
      done += piece.count;
    }
  }
  return {};
}

void PagedVmo::copy_out(const Source& source, const Piece& piece, std::byte* to) const noexcept {
  const std::uint64_t there = source.bytes - std::min(source.bytes, piece.in_page);
  const std::uint64_t count = std::min(there, piece.count);
  if (count > 0) {
    std::memcpy(to, frames_.phys_map().pointer<std::byte>(source.from) + piece.in_page, count);
  }
  std::memset(to + count, 0, piece.count - count);
}

base::Result<void, SpaceError> PagedVmo::write(std::uint64_t offset,
                                               std::span<const std::byte> from) {
  sync::LockGuard guard(pages_lock);
  if (!base::fits_within<std::uint64_t>(offset, from.size(), size())) {
    return base::err(SpaceError::kOutsideVmo);
  }
  // First every page is the object's alone, with what it holds anyway.
  for (const bool copies : {false, true}) {
    for (std::size_t done = 0; done < from.size();) {
      const Piece piece = piece_at(offset + done, from.size() - done);
      const auto found = page(piece.page, mem::Access::kWrite);
      if (!found) return base::err(to_space_error(found.error()));
      if (copies) {
        std::memcpy(frames_.phys_map().pointer<std::byte>(found->frame) + piece.in_page,
                    from.data() + done, piece.count);
      }
      done += piece.count;
    }
  }
  if (most().can_execute()) fence_code_everywhere();
  return {};
}

}  // namespace quoll::vm
