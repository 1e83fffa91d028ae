// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Paged objects: one page, as a fault needs it.
#include <algorithm>
#include <cstring>
#include <utility>
#include <variant>

#include <quoll/base/assert.hpp>
#include <quoll/base/bits.hpp>
#include <quoll/kernel/mem/flush.hpp>
#include <quoll/kernel/mem/vmo/paged_vmo.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::vm {

using mem::kPageSize;

bool PagedVmo::owns(std::uint64_t offset, mem::PhysicalAddress frame) const noexcept {
  if (provider_ && provider_->lends().contains(frame)) return true;
  const auto found = pages_.find(offset >> mem::kPageShift);
  return found && found->frame == frame;
}

bool PagedVmo::may_write(std::uint64_t offset, mem::PhysicalAddress frame) const noexcept {
  if (is_sealed()) return false;
  const auto found = pages_.find(offset >> mem::kPageShift);
  return found && found->is_alone && found->frame == frame;
}

base::Result<PagedVmo::Source, PageError> PagedVmo::source(std::uint64_t offset) {
  if (offset >= size()) return base::err(PageError::kOutsideVmo);
  if (const auto found = pages_.find(offset >> mem::kPageShift)) {
    return Source{.from = found->frame, .bytes = kPageSize, .is_frame = true};
  }
  return provided(offset);
}

/// Whether there are bytes, no more than were asked for, where the kernel can read them.
bool PagedVmo::is_reachable(mem::PhysicalRange bytes, std::uint64_t most) const noexcept {
  return !bytes.is_empty() && bytes.size() <= most &&
         frames_.phys_map().physical_range().contains(bytes);
}

/// What the provider says of a page that nobody has written, if it can be believed.
base::Result<PagedVmo::Source, PageError> PagedVmo::said(std::uint64_t offset) const {
  if (offset >= provided_) return Source();
  const std::uint64_t most = provided_ - offset;
  const PageAnswer answer = provider_->page(offset, most);
  if (std::holds_alternative<ZeroPage>(answer)) return Source();
  if (const auto* lent = std::get_if<LentPage>(&answer)) {
    const mem::PhysicalRange bytes = lent->bytes;
    const std::uint64_t count = std::min(bytes.size(), kPageSize);
    // A whole page may be mapped, so it must be one that it said it would lend.
    const bool is_credible = bytes.start().is_aligned(kPageSize) && is_reachable(bytes, most) &&
                             (count < kPageSize || provider_->lends().contains(mem::PhysicalRange(
                                                       bytes.start(), kPageSize)));
    if (!is_credible) return base::err(PageError::kUnavailable);
    const bool is_whole = count == kPageSize;
    return Source{.from = bytes.start(), .bytes = count, .is_lent = is_whole, .is_frame = is_whole};
  }
  if (const auto* copied = std::get_if<CopiedPage>(&answer)) {
    const mem::PhysicalRange bytes = copied->bytes;
    if (!is_reachable(bytes, most)) return base::err(PageError::kUnavailable);
    return Source{.from = bytes.start(), .bytes = std::min(bytes.size(), kPageSize)};
  }
  if (std::holds_alternative<NoPage>(answer)) return base::err(PageError::kUnavailable);
  return base::err(PageError::kMustWait);
}

/// The same, and if the page comes later it is asked for.
base::Result<PagedVmo::Source, PageError> PagedVmo::provided(std::uint64_t offset) {
  auto content = said(offset);
  if (!content && content.error() == PageError::kMustWait) TRY(ask_for(offset));
  return content;
}

std::optional<PagedVmo::Source> PagedVmo::source_at_hand(std::uint64_t offset) {
  if (offset >= size()) return std::nullopt;
  if (const auto found = pages_.find(offset >> mem::kPageShift)) {
    return Source{found->frame, kPageSize};
  }
  const auto content = said(offset);
  if (!content) return std::nullopt;
  return *content;
}

std::optional<VmoPage> PagedVmo::page_at_hand(std::uint64_t offset, mem::Access access,
                                              PageCost most) {
  const bool writes = access == mem::Access::kWrite;
  if (offset >= size() || (writes && is_sealed())) return std::nullopt;
  if (const auto found = pages_.find(offset >> mem::kPageShift)) {
    if (writes && !found->is_alone) return std::nullopt;
    return VmoPage{found->frame, found->is_alone && !is_sealed(), false};
  }
  const auto content = said(offset);
  if (!content) return std::nullopt;
  if (content->is_lent && !writes) return VmoPage{content->from, false, true};
  if (content->bytes != 0 || most == PageCost::kNothing) return std::nullopt;
  const auto made = make(offset, *content);
  if (!made) return std::nullopt;
  return *made;
}

base::Result<VmoPage, PageError> PagedVmo::page(std::uint64_t offset, mem::Access access) {
  if (offset >= size()) return base::err(PageError::kOutsideVmo);
  const bool writes = access == mem::Access::kWrite;
  if (writes && is_sealed()) return base::err(PageError::kSealed);
  if (const auto found = pages_.find(offset >> mem::kPageShift)) {
    if (!writes || found->is_alone) {
      return VmoPage{found->frame, found->is_alone && !is_sealed(), false};
    }
    return make(offset, Source{.from = found->frame, .bytes = kPageSize, .is_frame = true});
  }
  const Source content = TRY(provided(offset));
  if (content.is_lent && !writes) return VmoPage{content.from, false, true};
  return make(offset, content);
}

/// Gives a page a frame of the object's own with that content. What was mapped until now is taken
/// out: it was lent, or is shared with a copy.
base::Result<VmoPage, PageError> PagedVmo::make(std::uint64_t offset, const Source& content) {
  const std::uint64_t page = offset >> mem::kPageShift;
  PageStore::Reserve reserve;
  if (!pages_.reserve_put(page, reserve)) return base::err(PageError::kOutOfMemory);
  auto frame = copy_of(content);
  if (!frame) return base::err(PageError::kOutOfMemory);
  const mem::PhysicalAddress address = frame->address();
  if (content.is_frame) unmap_pages(offset, offset + kPageSize);
  pages_.put(page, std::move(*frame), reserve);
  return VmoPage{address, !is_sealed(), false};
}

base::Result<Frame, AllocError> PagedVmo::copy_of(const Source& content) {
  if (content.bytes == 0) return frames_.allocate_zeroed(FrameUse::kGuest);
  Frame frame = TRY(frames_.allocate(FrameUse::kGuest));
  auto* to = static_cast<std::byte*>(frame.data());
  std::memcpy(to, frames_.phys_map().pointer(content.from), content.bytes);
  std::memset(to + content.bytes, 0, kPageSize - content.bytes);
  return frame;
}

}  // namespace quoll::vm
