// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The quick way down.
#include <quoll/kernel/mem/heap.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::vm {

void Heap::deallocate(void* memory) noexcept {
  if constexpr (Poison::kUsed) poison(memory, kUnknownClass);
  const auto interrupts = arch::Interrupts::save_and_disable();
  if (put_verified(mem::address_of(memory).value())) [[likely]] {
    arch::Interrupts::restore(interrupts);
    return;
  }
  arch::Interrupts::restore(interrupts);
  deallocate_unusual(memory);
}

bool Heap::put_verified(std::uint64_t object) noexcept {
  HeapCaches& caches = caches_[arch::Harts::id()];
  const std::uint64_t frame = (object - caches.arena_start) / mem::kPageSize;
  // Elsewhere: null, another arena, not ours at all.
  if (frame >= caches.arena_count) [[unlikely]]
    return false;
  const FrameInfo& info = caches.arena_records[frame];
  if (info.current_state() != FrameState::kSlab) [[unlikely]]
    return false;
  HeapCache& cache = caches.of_class[info.payload];
  const auto offset = static_cast<std::uint32_t>(object % mem::kPageSize);
  return offset < SlabRecord::of(info).carved &&
         SizeClasses::is_first_byte(offset, cache.reciprocal()) &&
         !FreeObject(object).is_sealed() && cache.try_put(object);
}

}  // namespace quoll::vm
