// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// `operator new` in its nothrow form only: whoever would use the other one fails to link.
#include <algorithm>
#include <new>

#include <quoll/abi/limits.hpp>
#include <quoll/base/bits.hpp>
#include <quoll/runtime/allocator.hpp>
#include <quoll/runtime/heap.hpp>
#include <quoll/runtime/system_call.hpp>

namespace quoll::runtime {
namespace {

constinit Heap heap;

// Addresses cost little, but each guest has its own page tables for them.
constexpr std::uint64_t kMostAddresses = std::uint64_t{16} << 30;
constexpr std::uint64_t kFewestAddresses = std::uint64_t{1} << 20;

bool commit(void*, std::byte* from, std::byte* to) {
  return memory_commit(detail::address(from), static_cast<std::uint64_t>(to - from)).has_value();
}

void decommit(void*, std::byte* from, std::byte* to) {
  // A refusal would keep the pages committed, which harms nobody.
  static_cast<void>(memory_decommit(detail::address(from), static_cast<std::uint64_t>(to - from)));
}

}  // namespace

// More than the guest may commit at once is never needed.
void open_heap(const abi::StartBlock& start) {
  std::uint64_t bytes =
      base::align_up(std::min(start.memory_limit, kMostAddresses), std::uint64_t{abi::kPageSize});
  for (; bytes >= kFewestAddresses; bytes = base::align_down(bytes / 2, abi::kPageSize)) {
    const auto base = memory_reserve(bytes);
    if (!base) continue;
    // SAFETY: a reservation that is ours alone.
    heap.open(reinterpret_cast<std::byte*>(*base), bytes, &commit, &decommit, nullptr);
    return;
  }
}

}  // namespace quoll::runtime

using quoll::runtime::heap;  // of the anonymous namespace above

void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return heap.allocate(bytes);
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  return heap.allocate(bytes);
}
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return heap.allocate_aligned(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment,
                     const std::nothrow_t&) noexcept {
  return heap.allocate_aligned(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  heap.release(memory);
}
void operator delete[](void* memory) noexcept {
  heap.release(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  heap.release(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  heap.release(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  heap.release(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  heap.release(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  heap.release(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  heap.release(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  heap.release(memory);
}
void operator delete[](void* memory, const std::nothrow_t&) noexcept {
  heap.release(memory);
}
