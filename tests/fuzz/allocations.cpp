// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "allocations.hpp"

#include <algorithm>
#include <cstdlib>
#include <malloc.h>
#include <new>

// NOLINTBEGIN(cppcoreguidelines-no-malloc): it is what stands under a heap

namespace {

std::size_t now = 0;
std::size_t most = 0;

void* counted(void* memory) noexcept {
  now += malloc_usable_size(memory);
  most = std::max(most, now);
  return memory;
}
void given_back(void* memory) noexcept {
  now -= malloc_usable_size(memory);
  std::free(memory);
}

}  // namespace

namespace quoll::fuzz {

std::size_t allocated() noexcept {
  return now;
}
std::size_t peak() noexcept {
  return most;
}
void forget_peak() noexcept {
  most = now;
}

}  // namespace quoll::fuzz

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return counted(std::malloc(size));
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return counted(std::malloc(size));
}
void* operator new(std::size_t size) {
  return counted(std::malloc(size));
}
void* operator new[](std::size_t size) {
  return counted(std::malloc(size));
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
