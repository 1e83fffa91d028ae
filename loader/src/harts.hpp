// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Stacks and TLS blocks, and how each hart gets into the kernel.
#pragma once

#include <cstdint>
#include <span>

#include <quoll/base/result.hpp>
#include <quoll/handoff/boot_info.hpp>
#include <quoll/handoff/hart_info.hpp>

#include "frame_alloc.hpp"
#include "kernel.hpp"
#include "mapping.hpp"
#include "page_alloc.hpp"

namespace quoll::loader {

/// What a hart loads into its registers on the way into the kernel. Read by assembly.
struct HartStart {
  std::uint64_t stack_top = 0;
  std::uint64_t tls = 0;
  std::uint64_t satp = 0;
  std::uint64_t stub = 0;
  std::uint64_t entry = 0;
  std::uint64_t boot_info = 0;
  std::uint64_t logical_id = 0;
  std::uint64_t hart_id = 0;
};

/// Size of one hart's memory.
struct HartMemorySize {
  std::uint64_t stack_pages = 1;
  std::uint64_t tls_pages = 0;
};

HartMemorySize hart_memory_size(const handoff::LoaderConfig& config,
                                const LoadedKernel& kernel) noexcept;

enum class HartError : std::uint8_t { kOutOfMemory, kOutOfAddressSpace };

/// Gives every hart of `harts` (whose ids are set) a stack and a TLS block, mapped between guard
/// pages, and records where.
base::Result<void, HartError> make_hart_memory(std::span<handoff::HartInfo> harts,
                                               HartMemorySize size, const LoadedKernel& kernel,
                                               FrameAllocator& frames, PageAllocator& pages,
                                               PageTableBuilder& tables) noexcept;

/// Keeps of `candidates` (the running hart first) those that the firmware can start, or that
/// wait in our entry code, or get there within `patience_ticks`. Writes them to `usable`; returns
/// how many.
std::size_t usable_harts(std::span<const std::uint64_t> candidates, std::span<std::uint64_t> usable,
                         std::uint64_t patience_ticks) noexcept;

/// Starts every hart but the first, which is the running one.
void start_other_harts(std::span<const HartStart> records) noexcept;

/// Enters the kernel.
extern "C" [[noreturn]] void enter_kernel(const HartStart* record);

}  // namespace quoll::loader
