// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "mapping.hpp"

#include <algorithm>

#include <quoll/base/assert.hpp>
#include <quoll/base/bits.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::loader {
namespace {

std::uint64_t* table_at(std::uint64_t physical) noexcept {
  // SAFETY: the frame is a page table of ours: 512 aligned entries.
  return reinterpret_cast<std::uint64_t*>(physical);
}

std::size_t index_at(std::uint64_t address, unsigned level) noexcept {
  return address / riscv::Sv::page_bytes(level) % riscv::Sv::kEntriesPerTable;
}

}  // namespace

unsigned PageTableBuilder::largest_level(std::uint64_t address, std::uint64_t physical,
                                         std::uint64_t size) const noexcept {
  unsigned level = 0;
  while (level + 1 < format_.levels()) {
    const std::uint64_t bytes = riscv::Sv::page_bytes(level + 1);
    if (!base::is_aligned(address | physical, bytes) || size < bytes) break;
    ++level;
  }
  return level;
}

base::Result<std::uint64_t, AllocError> PageTableBuilder::next_table(
    std::uint64_t* entry) noexcept {
  if (*entry == 0) {
    const std::uint64_t frame = TRY(frames_.allocate_zeroed(1, handoff::RegionKind::kPageTables));
    *entry = format_.encode_table(mem::PhysicalAddress(frame));
  }
  return format_.decode_table(*entry).value();
}

base::Result<std::uint64_t*, AllocError> PageTableBuilder::entry_at(std::uint64_t address,
                                                                    unsigned level) noexcept {
  std::uint64_t table = root_;
  for (unsigned at = format_.levels() - 1; at > level; --at) {
    std::uint64_t* entry = table_at(table) + index_at(address, at);
    QUOLL_DEBUG_ASSERT(format_.kind(*entry, at) != paging::EntryKind::kLeaf);
    table = TRY(next_table(entry));
  }
  return table_at(table) + index_at(address, level);
}

base::Result<void, AllocError> PageTableBuilder::map(
    std::uint64_t address, std::uint64_t physical, std::uint64_t size,
    const paging::Properties& properties) noexcept {
  QUOLL_ASSERT(base::is_aligned(address | physical | size, mem::kPageSize));
  while (size > 0) {
    const unsigned level = largest_level(address, physical, size);
    const std::uint64_t bytes = riscv::Sv::page_bytes(level);
    std::uint64_t* entry = TRY(entry_at(address, level));
    // The walk is shared by all leaves up to the end of the page table: only there can an address
    // be aligned for a larger page.
    const std::size_t room = riscv::Sv::kEntriesPerTable - index_at(address, level);
    const std::size_t count = std::min<std::size_t>(room, size / bytes);
    for (std::size_t i = 0; i < count; ++i) {
      QUOLL_ASSERT(entry[i] == 0);
      entry[i] = format_.encode_leaf(mem::PhysicalAddress(physical), properties, level);
      physical += bytes;
    }
    address += count * bytes;
    size -= count * bytes;
  }
  return {};
}

base::Result<void, AllocError> PageTableBuilder::add_tables_below_root(
    handoff::VirtualExtent extent) noexcept {
  const unsigned root_level = format_.levels() - 1;
  const std::uint64_t step = riscv::Sv::page_bytes(root_level);
  for (std::uint64_t address = base::align_down(extent.start, step); address < extent.end;) {
    std::uint64_t* entry = table_at(root_) + index_at(address, root_level);
    TRY(next_table(entry));
    if (address > ~std::uint64_t{0} - step) break;
    address += step;
  }
  return {};
}

}  // namespace quoll::loader
