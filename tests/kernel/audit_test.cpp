// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// That the page-table auditor finds what it looks for: each rule is broken in the tables of a space
// that is the test's own, by one word, which is put back.
#include <memory>
#include <new>

#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/mem/live_root.hpp>
#include <quoll/kernel/state/state.hpp>
#include <quoll/kernel/tests/page_audit.hpp>
#include <quoll/kernel/tests/test.hpp>

namespace quoll::tests {
namespace {

constexpr std::uint64_t kWrite = 4;
constexpr std::uint64_t kExecute = 8;
constexpr std::uint64_t kUser = 16;
constexpr std::uint64_t kPageNumber = ((std::uint64_t{1} << 44) - 1) << 10;

constexpr std::uint64_t kPlace = std::uint64_t{1} << 30;
constexpr std::uint64_t kPages = 4;

/// A space with some pages, and its root.
class Victim {
 public:
  Victim() {
    auto made = vm::AddressSpace::create(vm::kernel_space());
    if (!made) return;
    const mem::VirtualRange range(mem::VirtualAddress(kPlace), kPages * mem::kPageSize);
    const auto mapped = (*made)->map_anonymous(vm::Placement::at(range.start()), range.size(),
                                               mem::Permissions::read_write().for_user());
    if (!mapped || (*made)->populate(range, mem::Access::kWrite) != vm::FaultOutcome::kResolved) {
      return;
    }
    // The last one made is ours: no guest starts while a test runs alone.
    bool first = true;
    vm::LiveRoot::for_each([&](mem::PhysicalAddress root) {
      if (std::exchange(first, false)) root_ = root.value();
    });
    space_ = std::move(*made);
  }
  explicit operator bool() const noexcept { return space_ != nullptr && page() != nullptr; }
  std::uint64_t root() const noexcept { return root_; }
  /// The entry of its first page.
  std::uint64_t* page() const noexcept { return entry_of(root_, kPlace); }

 private:
  std::unique_ptr<vm::AddressSpace> space_;
  std::uint64_t root_ = 0;
};

std::uint64_t* words_of(std::uint64_t table) noexcept {
  return vm::at_physical<std::uint64_t>(mem::PhysicalAddress(table));
}

std::uint64_t with_page(std::uint64_t entry, std::uint64_t physical) noexcept {
  return (entry & ~kPageNumber) | (physical >> 12 << 10);
}

/// What the auditor says while `entry` reads `damaged`.
std::optional<PageViolation> seen_with(std::uint64_t* entry, std::uint64_t damaged) noexcept {
  const std::uint64_t sound = *entry;
  *entry = damaged;
  const PageAudit audit = audit_pages();
  *entry = sound;
  return audit.violation;
}

/// That rule is broken there and nowhere else, and then no longer.
void expect_found(PageRule rule, std::uint64_t root, std::uint64_t address, std::uint64_t* entry,
                  std::uint64_t damaged) {
  const auto found = seen_with(entry, damaged);
  EXPECT_TRUE(found.has_value());
  if (found) {
    EXPECT_EQ(std::string_view(describe(found->rule)), std::string_view(describe(rule)));
    EXPECT_EQ(found->address, address);
    EXPECT_EQ(found->entry, damaged);
    EXPECT_EQ(found->root, root);
  }
  EXPECT_FALSE(audit_pages().violation.has_value());
}

KTEST(PageAudit, WalksEverySpace) {
  const PageAudit before = audit_pages();
  EXPECT_FALSE(before.violation.has_value());
  const Victim victim;
  ASSERT_TRUE(static_cast<bool>(victim));
  const PageAudit with = audit_pages();
  EXPECT_FALSE(with.violation.has_value());
  EXPECT_EQ(with.spaces, before.spaces + 1);
  EXPECT_EQ(with.leaves, before.leaves + kPages);
  const unsigned levels = kernel::state().boot_info->paging_levels;
  EXPECT_EQ(with.tables, before.tables + levels);
}

KTEST(PageAudit, FindsAPageThatIsWritableAndExecutable) {
  const Victim victim;
  ASSERT_TRUE(static_cast<bool>(victim));
  expect_found(PageRule::kWritableExecutable, victim.root(), kPlace, victim.page(),
               *victim.page() | kWrite | kExecute);
}

KTEST(PageAudit, FindsAPageOfThePhysicalMapThatIsExecutable) {
  const handoff::BootInfo& info = *kernel::state().boot_info;
  // Where the kernel stands, the physical map is read-only.
  const std::uint64_t address =
      info.physmap.to_virtual(info.kernel_elf.start) & ~std::uint64_t{0xfff};
  std::uint64_t* const entry = entry_of(info.root_table, address);
  ASSERT_TRUE(entry != nullptr);
  const auto found = seen_with(entry, (*entry & ~kWrite) | kExecute);
  ASSERT_TRUE(found.has_value());
  EXPECT_TRUE(found->rule == PageRule::kExecutablePhysmap);
  EXPECT_LE(found->address, address);
  EXPECT_FALSE(audit_pages().violation.has_value());
}

KTEST(PageAudit, FindsAPageTableThatIsMappedForUsers) {
  const Victim victim;
  ASSERT_TRUE(static_cast<bool>(victim));
  expect_found(PageRule::kUserMapsPageTable, victim.root(), kPlace, victim.page(),
               with_page(*victim.page(), victim.root()));
  expect_found(PageRule::kUserMapsPageTable, victim.root(), kPlace, victim.page(),
               with_page(*victim.page(), kernel::state().boot_info->root_table));
}

KTEST(PageAudit, FindsMemoryOfTheHeapThatIsMappedForUsers) {
  const Victim victim;
  ASSERT_TRUE(static_cast<bool>(victim));
  const auto physical = [](const void* memory) {
    return vm::frames().phys_map().physical(memory).value() & ~std::uint64_t{0xfff};
  };
  const std::unique_ptr<std::byte[]> small(new (std::nothrow) std::byte[100]);
  const std::unique_ptr<std::byte[]> large(new (std::nothrow) std::byte[5 * mem::kPageSize]);
  ASSERT_TRUE(small != nullptr && large != nullptr);
  expect_found(PageRule::kUserMapsHeap, victim.root(), kPlace, victim.page(),
               with_page(*victim.page(), physical(small.get())));
  for (unsigned page = 0; page < 5; ++page) {
    expect_found(PageRule::kUserMapsHeap, victim.root(), kPlace, victim.page(),
                 with_page(*victim.page(), physical(large.get() + page * mem::kPageSize)));
  }
}

KTEST(PageAudit, FindsAnEntryOfTheKernelsHalfThatDiffers) {
  const Victim victim;
  ASSERT_TRUE(static_cast<bool>(victim));
  // An entry that nothing uses: this space is active nowhere, but others' copies are compared too.
  std::uint64_t* const words = words_of(victim.root());
  unsigned index = 256;
  while (index < 512 && words[index] == 0) ++index;
  ASSERT_TRUE(index < 512);
  const auto found = seen_with(&words[index], 0);
  ASSERT_TRUE(found.has_value());
  EXPECT_TRUE(found->rule == PageRule::kKernelHalfDiffers);
  EXPECT_EQ(found->root, victim.root());
  EXPECT_FALSE(audit_pages().violation.has_value());
}

KTEST(PageAudit, FindsPagesInTheWrongHalf) {
  const Victim victim;
  ASSERT_TRUE(static_cast<bool>(victim));
  expect_found(PageRule::kKernelInUserHalf, victim.root(), kPlace, victim.page(),
               *victim.page() & ~kUser);
  const handoff::BootInfo& info = *kernel::state().boot_info;
  std::uint64_t* const entry =
      entry_of(info.root_table, info.physmap.to_virtual(info.kernel_elf.start));
  ASSERT_TRUE(entry != nullptr);
  const auto found = seen_with(entry, *entry | kUser);
  ASSERT_TRUE(found.has_value());
  EXPECT_TRUE(found->rule == PageRule::kUserInKernelHalf);
}

KTEST(PageAudit, FindsEntriesThatNobodyMayWrite) {
  const Victim victim;
  ASSERT_TRUE(static_cast<bool>(victim));
  const std::uint64_t sound = *victim.page();
  for (const std::uint64_t damaged :
       {sound | std::uint64_t{1} << 54, sound | std::uint64_t{1} << 63,
        sound | std::uint64_t{3} << 61, sound & ~std::uint64_t{2}}) {
    expect_found(PageRule::kMalformed, victim.root(), kPlace, victim.page(), damaged);
  }
  // A page table that lies nowhere, and one that stands below two entries.
  std::uint64_t* const words = words_of(victim.root());
  const unsigned levels = kernel::state().boot_info->paging_levels;
  unsigned index = 0;
  while (index < 256 && words[index] == 0) ++index;
  ASSERT_TRUE(index < 256);
  const auto outside = seen_with(&words[index], with_page(words[index], std::uint64_t{1} << 55));
  ASSERT_TRUE(outside.has_value());
  EXPECT_TRUE(outside->rule == PageRule::kOutsideMemory);
  EXPECT_EQ(outside->level, levels - 1);
  const auto twice = seen_with(&words[index + 1], words[index]);
  ASSERT_TRUE(twice.has_value());
  EXPECT_TRUE(twice->rule == PageRule::kLinkedTwice);
}

}  // namespace
}  // namespace quoll::tests
