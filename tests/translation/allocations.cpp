// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Each block has its size in front of it. Blocks below 2 GiB are taken from one arena and do not
// come back.
#include "allocations.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <sys/mman.h>

// NOLINTBEGIN(cppcoreguidelines-no-malloc): it is what stands under a heap

namespace {

using quoll::translation::Place;

constexpr std::size_t kHeader = 16;
constexpr std::size_t kArenaBytes = std::size_t{64} << 20;

std::size_t now = 0;
std::size_t most = 0;
Place place = Place::kAnywhere;
std::byte* arena = nullptr;
std::size_t arena_used = 0;

bool is_low(const std::byte* block) {
  return arena != nullptr && block >= arena && block < arena + kArenaBytes;
}

std::byte* take_low(std::size_t bytes) {
  if (arena == nullptr) {
    void* const mapped = mmap(nullptr, kArenaBytes, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) std::abort();
    arena = static_cast<std::byte*>(mapped);
  }
  const std::size_t rounded = (bytes + kHeader - 1) / kHeader * kHeader;
  if (rounded > kArenaBytes - arena_used) return nullptr;
  arena_used += rounded;
  return arena + arena_used - rounded;
}

void* counted(std::size_t size) {
  auto* const block = place == Place::kLow ? take_low(size + kHeader)
                                           : static_cast<std::byte*>(std::malloc(size + kHeader));
  if (block == nullptr) return nullptr;
  std::memcpy(block, &size, sizeof(size));
  now += size;
  most = std::max(most, now);
  return block + kHeader;
}

void given_back(void* memory) {
  if (memory == nullptr) return;
  auto* const block = static_cast<std::byte*>(memory) - kHeader;
  std::size_t size;
  std::memcpy(&size, block, sizeof(size));
  now -= size;
  if (!is_low(block)) std::free(block);
}

}  // namespace

namespace quoll::translation {

void allocate(Place where) noexcept {
  place = where;
}
std::size_t allocated() noexcept {
  return now;
}
std::size_t peak() noexcept {
  return most;
}
void forget_peak() noexcept {
  most = now;
}

}  // namespace quoll::translation

// The engine allocates with the first two alone; the rest of the program with the others.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return counted(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return counted(size);
}
void* operator new(std::size_t size) {
  void* const made = counted(size);
  if (made == nullptr) std::abort();
  return made;
}
void* operator new[](std::size_t size) {
  return ::operator new(size);
}
void operator delete(void* memory) noexcept {
  given_back(memory);
}
void operator delete[](void* memory) noexcept {
  given_back(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  given_back(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  given_back(memory);
}

// NOLINTEND(cppcoreguidelines-no-malloc)
