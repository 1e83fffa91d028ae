// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The heap as the kernel has it for a hart: freed memory of a size stays with the thread that freed
// it, up to some number, and is what the thread gets when it next wants that size. The other
// libraries bring caches of their own for what their tasks are made of.
#include <array>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

// NOLINTBEGIN(cppcoreguidelines-no-malloc): it is what stands under a heap

namespace {

constexpr std::size_t kStep = 64;
constexpr std::size_t kLargest = 1024;
constexpr unsigned kMostKept = 1024;

struct Free {
  Free* next;
};
struct Cache {
  Free* first = nullptr;
  unsigned count = 0;
};
thread_local constinit std::array<Cache, kLargest / kStep + 1> caches;

constexpr std::size_t class_of(std::size_t size) {
  return size / kStep;
}
/// Any block may come to be kept for others of its class, whoever made it.
constexpr std::size_t room_of(std::size_t size) {
  return size <= kLargest ? (class_of(size) + 1) * kStep : size;
}

void* allocate(std::size_t size) noexcept {
  Cache* const cache = size <= kLargest ? &caches[class_of(size)] : nullptr;
  if (cache == nullptr || cache->first == nullptr) return std::malloc(room_of(size));
  --cache->count;
  return std::exchange(cache->first, cache->first->next);
}

}  // namespace

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return allocate(size);
}

void* operator new(std::size_t size) {
  void* const memory = allocate(size);
  if (memory == nullptr) std::abort();
  return memory;
}

void operator delete(void* memory) noexcept {
  std::free(memory);
}

void operator delete(void* memory, std::size_t size) noexcept {
  if (memory == nullptr) return;
  Cache* const cache = size <= kLargest ? &caches[class_of(size)] : nullptr;
  if (cache == nullptr || cache->count == kMostKept) return std::free(memory);
  cache->first = ::new (memory) Free{cache->first};
  ++cache->count;
}

// NOLINTEND(cppcoreguidelines-no-malloc)
