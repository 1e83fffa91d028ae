// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The kernel's live page tables: mode, W^X, guard pages; and the memory map they stand for.
#include <cstring>
#include <optional>

#include <quoll/arch/current.hpp>
#include <quoll/arch/hart_local.hpp>
#include <quoll/fdt/walk.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/state/state.hpp>
#include <quoll/kernel/tests/test.hpp>
#include <quoll/riscv/sv.hpp>

namespace quoll {
namespace {

namespace pte = riscv::pte;

const handoff::BootInfo& info() noexcept {
  return *kernel::state().boot_info;
}

std::uint64_t read_entry(mem::PhysicalAddress table, std::size_t index) noexcept {
  std::uint64_t entry = 0;
  std::memcpy(&entry, vm::at_physical<const std::uint64_t>(table) + index, sizeof entry);
  return entry;
}

/// Upper-half addresses have the bits above the mode's set.
std::uint64_t canonical(const riscv::Sv& format, std::uint64_t address) noexcept {
  const unsigned unused = 64 - format.virtual_bits();
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(address << unused) >> unused);
}

/// Calls `f(address, bytes, entry)` for every leaf of the upper half, and `broken()` for entries
/// that are neither leaf nor table.
template <typename F, typename B>
void walk(const riscv::Sv& format, mem::PhysicalAddress table, unsigned level,
          std::uint64_t address, const F& f, const B& broken) {
  const std::size_t first = level + 1 == format.levels() ? riscv::Sv::kEntriesPerTable / 2 : 0;
  for (std::size_t i = first; i < riscv::Sv::kEntriesPerTable; ++i) {
    const std::uint64_t entry = read_entry(table, i);
    const std::uint64_t at = canonical(format, address + i * riscv::Sv::page_bytes(level));
    switch (format.kind(entry, level)) {
      case paging::EntryKind::kVacant:
        break;
      case paging::EntryKind::kLeaf:
        f(at, riscv::Sv::page_bytes(level), entry);
        break;
      case paging::EntryKind::kTable:
        walk(format, format.decode_table(entry), level - 1, at, f, broken);
        break;
      default:
        broken();
    }
  }
}

template <typename F>
unsigned walk_kernel(const F& f) {
  const riscv::Sv format(arch::Mmu::mode());
  unsigned broken = 0;
  walk(format, arch::Mmu::root(), format.levels() - 1, 0, f, [&broken] { ++broken; });
  return broken;
}

/// The leaf that translates an address.
std::optional<std::uint64_t> leaf_of(std::uint64_t address) noexcept {
  const riscv::Sv format(arch::Mmu::mode());
  mem::PhysicalAddress table = arch::Mmu::root();
  for (unsigned level = format.levels(); level-- > 0;) {
    const std::uint64_t entry = read_entry(table, address / riscv::Sv::page_bytes(level) % 512);
    const auto kind = format.kind(entry, level);
    if (kind == paging::EntryKind::kLeaf) return entry;
    if (kind != paging::EntryKind::kTable) return std::nullopt;
    table = format.decode_table(entry);
  }
  return std::nullopt;
}

std::uint64_t access_of(const void* object) noexcept {
  return leaf_of(mem::address_of(object).value()).value_or(0) & pte::kAccessMask;
}

constexpr std::uint64_t kConstant = 7;
constinit std::uint64_t variable = 7;

KTEST(PageTables, SatpIsInTheModeThatBootInfoNames, beside_others()) {
  const auto levels = static_cast<unsigned>(arch::Mmu::mode()) - 5;
  EXPECT_EQ(levels, info().paging_levels);
  const bootargs::Paging asked = kernel::state().arguments.paging;
  if (asked == bootargs::Paging::kSv39) EXPECT_EQ(levels, 3u);
  if (asked == bootargs::Paging::kSv48) EXPECT_EQ(levels, 4u);
  if (asked == bootargs::Paging::kSv57) EXPECT_EQ(levels, 5u);
  if (asked == bootargs::Paging::kWidest) EXPECT_EQ(levels, 5u);
}

KTEST(PageTables, NoLeafIsWritableAndExecutable, beside_others()) {
  unsigned leaves = 0;
  unsigned both = 0;
  unsigned user = 0;
  unsigned code_in_physmap = 0;
  unsigned writable_code = 0;
  const unsigned broken =
      walk_kernel([&](std::uint64_t at, std::uint64_t bytes, std::uint64_t entry) {
        ++leaves;
        const bool executable = (entry & pte::kExecute) != 0;
        if (executable && (entry & pte::kWrite) != 0) ++both;
        if ((entry & pte::kUser) != 0) ++user;
        if (!executable) return;
        if (info().physmap.virtual_range().contains(at)) ++code_in_physmap;
        if (!info().kernel_virtual.contains(at)) return;
        // Nor through the physical map.
        const std::uint64_t physical = (entry & pte::kPpnMask) >> pte::kPpnShift << mem::kPageShift;
        for (std::uint64_t page = 0; page < bytes; page += mem::kPageSize) {
          const auto alias = leaf_of(info().physmap.to_virtual(physical + page));
          if (alias && (*alias & pte::kWrite) != 0) ++writable_code;
        }
      });
  EXPECT_GT(leaves, 16u);
  EXPECT_EQ(broken, 0u);
  EXPECT_EQ(both, 0u);
  EXPECT_EQ(user, 0u);
  EXPECT_EQ(code_in_physmap, 0u);
  EXPECT_EQ(writable_code, 0u);
}

KTEST(PageTables, SegmentsAreMappedAsTheyAreUsed, beside_others()) {
  // SAFETY: a function's address, as an address.
  EXPECT_EQ(access_of(reinterpret_cast<const void*>(&access_of)), pte::kRead | pte::kExecute);
  EXPECT_EQ(access_of(&kConstant), pte::kRead);
  EXPECT_EQ(access_of(&variable), pte::kRead | pte::kWrite);
  // What relocation wrote is closed afterwards: the table of tests stands there.
  extern const tests::Test quoll_test_PageTables_SegmentsAreMappedAsTheyAreUsed;
  EXPECT_EQ(access_of(&quoll_test_PageTables_SegmentsAreMappedAsTheyAreUsed), pte::kRead);
}

KTEST(PageTables, StacksStandBetweenGuardPages, beside_others()) {
  for (const handoff::HartInfo& hart : info().harts()) {
    EXPECT_FALSE(leaf_of(hart.stack.start - mem::kPageSize).has_value());
    EXPECT_FALSE(leaf_of(hart.stack.end).has_value());
    EXPECT_FALSE(leaf_of(hart.tls.start / mem::kPageSize * mem::kPageSize - mem::kPageSize));
    EXPECT_FALSE(leaf_of((hart.tls.end + mem::kPageSize - 1) / mem::kPageSize * mem::kPageSize));
    for (std::uint64_t page = hart.stack.start; page < hart.stack.end; page += mem::kPageSize) {
      EXPECT_EQ(leaf_of(page).value_or(0) & pte::kAccessMask, pte::kRead | pte::kWrite);
    }
  }
}

KTEST(PageTables, NothingIsMappedAtZero, beside_others()) {
  EXPECT_FALSE(leaf_of(0).has_value());
  EXPECT_FALSE(leaf_of(~std::uint64_t{0}).has_value());
}

KTEST(MemoryMap, HoldsEveryByteOfRamOnce, beside_others()) {
  std::uint64_t ram = 0;
  for (fdt::Walk nodes(*kernel::state().device_tree); nodes.next();) {
    if (nodes.node().string("device_type") != "memory") continue;
    for (std::size_t i = 0; const auto reg = nodes.reg(i); ++i) ram += reg->size;
  }
  std::uint64_t in_regions = 0;
  std::uint64_t end = 0;
  for (const handoff::MemoryRegion& region : info().regions()) {
    EXPECT_GE(region.range.start, end);
    EXPECT_GT(region.range.end, region.range.start);
    EXPECT_EQ(region.range.start % mem::kPageSize, 0u);
    end = region.range.end;
    in_regions += region.range.size();
  }
  EXPECT_GT(ram, 0u);
  EXPECT_EQ(in_regions, ram);
}

}  // namespace
}  // namespace quoll
