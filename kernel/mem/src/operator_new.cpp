// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The kernel's operator new, over its heap, in its nothrow forms only: a use of a throwing form
// does not link. delete exists in every form that the compiler may choose.
#include <cstddef>
#include <new>

#include <quoll/kernel/mem/init.hpp>

namespace {
void* take(std::size_t size, std::size_t alignment) noexcept {
  return quoll::vm::heap().allocate(size, alignment);
}
void give(void* memory) noexcept {
  quoll::vm::heap().deallocate(memory);
}
void give(void* memory, std::size_t size) noexcept {
  quoll::vm::heap().deallocate(memory, size);
}
constexpr std::size_t kAlignment = quoll::vm::Heap::kMinAlignment;
}  // namespace

// The tag itself lives in the standard library's archive, which the kernel does not link.
const std::nothrow_t std::nothrow = std::nothrow_t();

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return take(size, kAlignment);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return take(size, kAlignment);
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return take(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return take(size, static_cast<std::size_t>(alignment));
}

void operator delete(void* memory) noexcept {
  give(memory);
}
void operator delete[](void* memory) noexcept {
  give(memory);
}
void operator delete(void* memory, std::size_t size) noexcept {
  give(memory, size);
}
void operator delete[](void* memory, std::size_t size) noexcept {
  give(memory, size);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  give(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  give(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  give(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  give(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  give(memory);
}
void operator delete[](void* memory, const std::nothrow_t&) noexcept {
  give(memory);
}
void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  give(memory);
}
void operator delete[](void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  give(memory);
}
