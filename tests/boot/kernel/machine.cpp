// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "machine.hpp"

#include <cstring>

namespace quoll::test {
namespace {

riscv::Sv format_for(unsigned levels) {
  switch (levels) {
    case 3:
      return riscv::kSv39;
    case 4:
      return riscv::kSv48;
    default:
      return riscv::kSv57;
  }
}

std::uint64_t index_of(std::uint64_t address, unsigned level) {
  return address / riscv::Sv::page_bytes(level) % riscv::Sv::kEntriesPerTable;
}

}  // namespace

PageTables::PageTables(const handoff::BootInfo& info, std::uint64_t root)
    : info_(info), format_(format_for(info.paging_levels)), root_(root) {}

const std::uint64_t* PageTables::table(std::uint64_t physical) const {
  // SAFETY: page tables are RAM, and the physical map has all of it.
  return reinterpret_cast<const std::uint64_t*>(info_.physmap.to_virtual(physical));
}

std::optional<Translation> PageTables::find(std::uint64_t address) const {
  std::uint64_t at = root_;
  for (unsigned level = format_.levels(); level-- > 0;) {
    const std::uint64_t entry = table(at)[index_of(address, level)];
    const auto kind = format_.kind(entry, level);
    if (kind == paging::EntryKind::kLeaf) {
      const std::uint64_t offset = address % riscv::Sv::page_bytes(level);
      return Translation{format_.decode_leaf(entry).address.value() + offset, entry, level};
    }
    if (kind != paging::EntryKind::kTable) return std::nullopt;
    at = format_.decode_table(entry).value();
  }
  return std::nullopt;
}

void PageTables::map_device(std::uint64_t address, std::uint64_t physical, std::uint64_t& frames) {
  std::uint64_t at = root_;
  for (unsigned level = format_.levels() - 1; level > 0; --level) {
    auto* entry = const_cast<std::uint64_t*>(table(at)) + index_of(address, level);
    if (*entry == 0) {
      std::memset(const_cast<std::uint64_t*>(table(frames)), 0, 4096);
      *entry = format_.encode_table(mem::PhysicalAddress(frames));
      frames += 4096;
    }
    at = format_.decode_table(*entry).value();
  }
  const_cast<std::uint64_t*>(table(at))[index_of(address, 0)] = format_.encode_leaf(
      mem::PhysicalAddress(physical),
      {mem::Permissions::read_write(), paging::CacheMode::kDevice, paging::Scope::kGlobal}, 0);
  // SAFETY: makes the new entry visible.
  asm volatile("sfence.vma" ::: "memory");
}

void end_machine(std::uint64_t test_device, bool passed) {
  // SAFETY: mapped device register.
  *reinterpret_cast<volatile std::uint32_t*>(test_device) = passed ? 0x5555 : 1 << 16 | 0x3333;
  for (;;) {
  }
}

}  // namespace quoll::test
