// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <cstring>

#include <quoll/mem/page_size.hpp>

#include "harts.hpp"

namespace quoll::loader {
namespace {

constexpr HartError from(AllocError) noexcept {
  return HartError::kOutOfMemory;
}

void fill_tls(std::byte* memory, std::uint64_t size, const LoadedKernel& kernel) noexcept {
  std::memcpy(memory, kernel.tls_content.data(), kernel.tls_content.size());
  std::memset(memory + kernel.tls_content.size(), 0, size - kernel.tls_content.size());
}

}  // namespace

HartMemorySize hart_memory_size(const handoff::LoaderConfig& config,
                                const LoadedKernel& kernel) noexcept {
  return {config.kernel_stack_pages, mem::pages_for(kernel.tls_size)};
}

base::Result<void, HartError> make_hart_memory(std::span<handoff::HartInfo> harts,
                                               HartMemorySize size, const LoadedKernel& kernel,
                                               FrameAllocator& frames, PageAllocator& pages,
                                               PageTableBuilder& tables) noexcept {
  const auto properties = kernel_memory(mem::Permissions::read_write());
  const auto map = [&](std::uint64_t page_count,
                       std::uint64_t frame) -> base::Result<handoff::VirtualExtent, HartError> {
    const auto extent = pages.allocate(page_count);
    if (!extent) return base::err(HartError::kOutOfAddressSpace);
    TRY(tables.map(extent->start, frame, extent->size(), properties).transform_error(from));
    return *extent;
  };
  // One piece for all: one memory region.
  const std::uint64_t frames_each = size.stack_pages + size.tls_pages;
  std::uint64_t frame =
      TRY(frames.allocate(frames_each * harts.size(), handoff::RegionKind::kHartMemory)
              .transform_error(from));
  for (handoff::HartInfo& hart : harts) {
    hart.stack = TRY(map(size.stack_pages, frame));
    frame += size.stack_pages * mem::kPageSize;
    if (size.tls_pages == 0) continue;
    hart.tls = TRY(map(size.tls_pages, frame));
    hart.tls.end = hart.tls.start + kernel.tls_size;
    fill_tls(memory_at(frame), size.tls_pages * mem::kPageSize, kernel);
    frame += size.tls_pages * mem::kPageSize;
  }
  return {};
}

}  // namespace quoll::loader
