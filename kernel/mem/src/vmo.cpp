// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Virtual memory objects whose frames follow one another.
#include <cstring>
#include <new>

#include <quoll/kernel/mem/vmo.hpp>
#include <quoll/kernel/mem/vmo/paged_vmo.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::vm {

base::Result<VmoRef, SpaceError> Vmo::create_wired(mem::PhysicalRange memory,
                                                   std::uint64_t content_size,
                                                   mem::Permissions most) {
  if (!memory.start().is_aligned(mem::kPageSize)) return base::err(SpaceError::kUnaligned);
  if (content_size == 0) return base::err(SpaceError::kEmpty);
  if (mem::pages_for(content_size) > memory.page_count()) {
    return base::err(SpaceError::kOutsideVmo);
  }
  const mem::PhysicalRange range(memory.start(), mem::pages_for(content_size) * mem::kPageSize);
  Vmo* vmo =
      new (std::nothrow) Vmo(VmoKind::kWired, range, range.size(), content_size, most, FrameRun());
  if (vmo == nullptr) return base::err(SpaceError::kOutOfMemory);
  return VmoRef::adopt(vmo);
}

base::Result<VmoRef, SpaceError> Vmo::create(FrameAllocator& frames, std::uint64_t size,
                                             mem::Permissions most) {
  if (size == 0) return base::err(SpaceError::kEmpty);
  auto run = frames.allocate_run(mem::pages_for(size));
  if (!run) return base::err(SpaceError::kOutOfMemory);
  std::memset(run->data(), 0, run->range().size());
  const mem::PhysicalRange range = run->range();
  Vmo* vmo =
      new (std::nothrow) Vmo(VmoKind::kWired, range, range.size(), size, most, std::move(*run));
  if (vmo == nullptr) return base::err(SpaceError::kOutOfMemory);
  return VmoRef::adopt(vmo);
}

base::Result<VmoRef, SpaceError> Vmo::create_physical(mem::PhysicalRange memory,
                                                      paging::CacheMode cache,
                                                      mem::Permissions most) {
  if (!memory.is_page_aligned()) return base::err(SpaceError::kUnaligned);
  if (memory.is_empty()) return base::err(SpaceError::kEmpty);
  if (most.can_execute() && cache != paging::CacheMode::kNormal) {
    return base::err(SpaceError::kDenied);
  }
  Vmo* vmo = new (std::nothrow)
      Vmo(VmoKind::kPhysical, memory, memory.size(), memory.size(), most, FrameRun(), cache);
  if (vmo == nullptr) return base::err(SpaceError::kOutOfMemory);
  return VmoRef::adopt(vmo);
}

PagedVmo* Vmo::as_paged() noexcept {
  return kind_ == VmoKind::kPaged ? static_cast<PagedVmo*>(this) : nullptr;
}

}  // namespace quoll::vm
