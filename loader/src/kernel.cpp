// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "kernel.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include <quoll/elf/relocations.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::loader {
namespace {

using elf::Access;
using elf::Segment;

std::uint64_t physical_of(const std::byte* memory) noexcept {
  return std::bit_cast<std::uint64_t>(memory);
}

LoadError from(AllocError) noexcept {
  return LoadError::kOutOfMemory;
}

// Code and constants run where they are in the file. The file's neighbouring bytes on the first
// and last page become visible; they are constants of the same file.
base::Result<void, LoadError> map_in_place(const elf::Image& image, const Segment& segment,
                                           std::uint64_t bias, PageTableBuilder& tables) noexcept {
  if (segment.content.size() != segment.memory_size) {
    return base::err(LoadError::kZeroFilledConstants);
  }
  const std::uint64_t in_page = segment.address - segment.first_page();
  const std::uint64_t physical = physical_of(image.file().data()) + segment.file_offset - in_page;
  const auto permissions = segment.access == Access::kReadExecute ? mem::Permissions::read_execute()
                                                                  : mem::Permissions::read_only();
  TRY(tables
          .map(segment.first_page() + bias, physical, segment.end_page() - segment.first_page(),
               kernel_memory(permissions))
          .transform_error(from));
  return {};
}

// The pages of a writable segment that RELRO covers, as linked addresses.
elf::AddressRange relro_pages(const elf::Image& image, const Segment& segment) noexcept {
  elf::AddressRange none{segment.first_page(), segment.first_page()};
  if (!image.relro()) return none;
  const std::uint64_t start = std::max(image.relro()->start, segment.address);
  const std::uint64_t end = std::min(image.relro()->end, segment.end());
  if (start >= end) return none;
  // The linker puts RELRO at a segment's start. It ends on a page, or at the segment's end.
  const std::uint64_t end_page =
      end == segment.end() ? segment.end_page() : base::align_down(end, mem::kPageSize);
  if (start != segment.address || end_page <= segment.first_page()) return none;
  return {segment.first_page(), end_page};
}

// Writable segments get frames of their own. Returns where the segment's first byte is.
base::Result<std::byte*, LoadError> copy_and_map(const elf::Image& image, const Segment& segment,
                                                 std::uint64_t bias, FrameAllocator& frames,
                                                 PageTableBuilder& tables) noexcept {
  const std::uint64_t size = segment.end_page() - segment.first_page();
  const std::uint64_t frame =
      TRY(frames.allocate(size / mem::kPageSize, handoff::RegionKind::kKernelImage)
              .transform_error(from));
  std::byte* const pages = memory_at(frame);
  const std::uint64_t in_page = segment.address - segment.first_page();
  std::byte* const memory = pages + in_page;
  const std::size_t filled = segment.content.size();
  std::memset(pages, 0, in_page);
  std::memcpy(memory, segment.content.data(), filled);
  std::memset(memory + filled, 0, size - in_page - filled);
  elf::relocate_segment(image, segment, {memory, segment.memory_size}, bias);

  const elf::AddressRange relro = relro_pages(image, segment);
  const std::uint64_t read_only = relro.end - relro.start;
  TRY(tables
          .map(segment.first_page() + bias, frame, read_only,
               kernel_memory(mem::Permissions::read_only()))
          .transform_error(from));
  TRY(tables
          .map(segment.first_page() + bias + read_only, frame + read_only, size - read_only,
               kernel_memory(mem::Permissions::read_write()))
          .transform_error(from));
  return memory;
}

}  // namespace

base::Result<LoadedKernel, LoadError> load_kernel(const elf::Image& image,
                                                  handoff::VirtualExtent area,
                                                  FrameAllocator& frames,
                                                  PageTableBuilder& tables) noexcept {
  const elf::AddressRange linked = image.pages();
  if (linked.end - linked.start > area.size()) return base::err(LoadError::kDoesNotFit);
  LoadedKernel loaded;
  if (image.is_position_independent()) {
    loaded.load_bias = area.start - linked.start;
  } else if (!area.contains(handoff::VirtualExtent{linked.start, linked.end})) {
    return base::err(LoadError::kDoesNotFit);
  }
  loaded.pages = {linked.start + loaded.load_bias, linked.end + loaded.load_bias};
  loaded.entry = image.entry() + loaded.load_bias;

  const auto& tls = image.tls();
  if (tls) loaded.tls_size = tls->memory_size;
  for (const Segment& segment : image.segments()) {
    const std::byte* memory = segment.content.data();
    if (segment.access == Access::kReadWrite) {
      memory = TRY(copy_and_map(image, segment, loaded.load_bias, frames, tables));
    } else {
      TRY(map_in_place(image, segment, loaded.load_bias, tables));
    }
    if (tls && tls->content_size != 0 && segment.contains(tls->address, tls->content_size)) {
      loaded.tls_content = {memory + (tls->address - segment.address), tls->content_size};
    }
  }
  return loaded;
}

}  // namespace quoll::loader
