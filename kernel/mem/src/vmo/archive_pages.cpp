// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>
#include <new>

#include <quoll/kernel/mem/vmo/archive_pages.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::vm {

// What it lends is whole pages: the last one has bytes of somebody else's, and is copied.
ArchivePages::ArchivePages(mem::PhysicalRange content) noexcept
    : PageProvider(content.start().is_aligned(mem::kPageSize)
                       ? mem::PhysicalRange(content.start(),
                                            base::align_down(content.size(), mem::kPageSize))
                       : mem::PhysicalRange()),
      content_(content) {}

base::Result<PageProviderRef, SpaceError> ArchivePages::create(mem::PhysicalRange content) {
  if (content.is_empty()) return base::err(SpaceError::kEmpty);
  auto* pages = new (std::nothrow) ArchivePages(content);
  if (pages == nullptr) return base::err(SpaceError::kOutOfMemory);
  return PageProviderRef::adopt(pages);
}

PageAnswer ArchivePages::page(std::uint64_t offset, std::uint64_t most) noexcept {
  if (offset >= content_.size()) return ZeroPage();
  const std::uint64_t size = std::min(content_.size() - offset, most);
  const mem::PhysicalRange bytes(content_.start() + offset, size);
  if (!content_.start().is_aligned(mem::kPageSize)) return CopiedPage{bytes};
  return LentPage{bytes};
}

}  // namespace quoll::vm
