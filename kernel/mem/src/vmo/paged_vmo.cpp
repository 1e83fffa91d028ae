// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Paged objects: how they begin and end, and what concerns all of one.
#include <algorithm>
#include <new>
#include <utility>

#include <quoll/base/assert.hpp>
#include <quoll/base/bits.hpp>
#include <quoll/kernel/mem/vmo/paged_vmo.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::vm {
namespace {

base::Result<void, SpaceError> check_size(std::uint64_t size) noexcept {
  if (!base::is_aligned(size, mem::kPageSize)) return base::err(SpaceError::kUnaligned);
  if (size == 0) return base::err(SpaceError::kEmpty);
  if (size > PagedVmo::kMaxSize) return base::err(SpaceError::kTooLarge);
  return {};
}

}  // namespace

PagedVmo::PagedVmo(FrameAllocator& frames, PageStore pages, std::uint64_t size,
                   std::uint64_t provided, mem::Permissions most, PageProviderRef provider) noexcept
    : Vmo(VmoKind::kPaged, {}, size, size, most, FrameRun()),
      frames_(frames),
      provider_(std::move(provider)),
      pages_(std::move(pages)),
      provided_(provided) {}

base::Result<PagedVmoRef, SpaceError> PagedVmo::create(FrameAllocator& frames, std::uint64_t size,
                                                       mem::Permissions most,
                                                       PageProviderRef provider) {
  TRY(check_size(size));
  if (provider && !provider->lends().is_empty() &&
      !frames.phys_map().physical_range().contains(provider->lends())) {
    return base::err(SpaceError::kOutOfRange);
  }
  const std::uint64_t provided = provider ? size : 0;
  auto* vmo = new (std::nothrow)
      PagedVmo(frames, PageStore(frames), size, provided, most, std::move(provider));
  if (vmo == nullptr) return base::err(SpaceError::kOutOfMemory);
  return PagedVmoRef::adopt(vmo);
}

PagedVmo::~PagedVmo() {
  // Mappings own the object, so there are none, and nobody else is here.
  PageRequestTree gone;
  {
    sync::LockGuard guard(pages_lock);
    take_requests(0, gone);
  }
  end_requests(gone);
}

base::Result<PagedVmoRef, SpaceError> PagedVmo::clone(mem::Permissions most) {
  sync::LockGuard guard(pages_lock);
  auto* copy =
      new (std::nothrow) PagedVmo(frames_, pages_.share(), size(), provided_, most, provider_);
  if (copy == nullptr) return base::err(SpaceError::kOutOfMemory);
  // Nobody can reach the copy before nobody writes to what it shares.
  forbid_writing();
  return PagedVmoRef::adopt(copy);
}

void PagedVmo::seal() {
  sync::LockGuard guard(pages_lock);
  if (is_sealed()) return;
  // Who sees the seal without this lock finds that nothing changes any more, also not by harts that
  // remember a permission.
  forbid_writing();
  set_sealed();
}

base::Result<void, SpaceError> PagedVmo::resize(std::uint64_t new_size) {
  TRY(check_size(new_size));
  PageRequestTree gone;
  TRY(resize_pages(new_size, gone));
  end_requests(gone);
  return {};
}

base::Result<void, SpaceError> PagedVmo::resize_pages(std::uint64_t new_size,
                                                      PageRequestTree& gone) {
  sync::LockGuard guard(pages_lock);
  if (is_sealed()) return base::err(SpaceError::kSealed);
  if (new_size < size()) {
    const std::uint64_t first = new_size >> mem::kPageShift;
    const std::uint64_t end = size() >> mem::kPageShift;
    PageStore::Reserve reserve;
    if (!pages_.reserve_clear(first, end, reserve)) return base::err(SpaceError::kOutOfMemory);
    unmap_pages(new_size, size());
    pages_.clear(first, end, reserve);
    provided_ = std::min(provided_, new_size);
    take_requests(new_size, gone);
  }
  set_size(new_size);
  return {};
}

VmoUsage PagedVmo::usage() {
  sync::LockGuard guard(pages_lock);
  return {pages_.usage(), mapping_count_, request_count_};
}

}  // namespace quoll::vm
