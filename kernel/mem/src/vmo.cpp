// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Virtual memory objects.
#include <cstring>
#include <new>

#include <quoll/kernel/mem/vmo.hpp>
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
  Vmo* vmo = new (std::nothrow) Vmo(range, content_size, most, FrameRun());
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
  Vmo* vmo = new (std::nothrow) Vmo(range, size, most, std::move(*run));
  if (vmo == nullptr) return base::err(SpaceError::kOutOfMemory);
  return VmoRef::adopt(vmo);
}

}  // namespace quoll::vm
