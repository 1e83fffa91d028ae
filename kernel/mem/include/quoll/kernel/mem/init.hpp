// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The machine's memory: how it starts, and the singletons that everyone reaches it by.
#pragma once

#include <cstdint>

#include <quoll/base/result.hpp>
#include <quoll/handoff/boot_info.hpp>
#include <quoll/kernel/mem/error.hpp>
#include <quoll/kernel/mem/frame_alloc.hpp>
#include <quoll/kernel/mem/heap.hpp>
#include <quoll/kernel/mem/kernel_space.hpp>

namespace quoll::vm {

/// Takes over the memory that the loader describes: from here on there are frames, a heap and
/// address spaces. *Context*: boot hart, once, before anything allocates and before another hart
/// does. *Errors*: `kOutOfMemory`.
base::Result<void, AllocError> init(const handoff::BootInfo& info);

/// Gives the loader's memory to the frame allocator. *Requires*:
/// `info.all_harts_left_loader()`. *Context*: once. The result is how many bytes came back.
std::uint64_t release_loader_memory(const handoff::BootInfo& info);

namespace detail {
extern constinit FrameAllocator frame_allocator;
extern constinit Heap kernel_heap;
}  // namespace detail

/// *Requires*: `init` succeeded. The same holds for what follows.
inline FrameAllocator& frames() noexcept {
  return detail::frame_allocator;  // here, so that its address is a constant to callers
}
inline Heap& heap() noexcept {
  return detail::kernel_heap;
}
KernelSpace& kernel_space() noexcept;

/// Where a physical address can be touched.
template <typename T = void>
T* at_physical(mem::PhysicalAddress address) noexcept {
  return frames().phys_map().pointer<T>(address);
}

/// Memory of the whole machine, for reports and tests.
struct MemoryStatistics {
  FrameStatistics frames;
  HeapStatistics heap;
};
MemoryStatistics statistics() noexcept;

}  // namespace quoll::vm
