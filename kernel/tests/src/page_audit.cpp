// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A page table is 512 words of 64 bits (privileged specification, "Sv39" to "Sv57"): V, R, W, X, U,
// G, A and D in bits 0 to 7, two bits for software, the page number in bits 10 to 53, a memory type
// in 61 and 62, the rest zero. Without V nothing else counts; V without R, W and X names the next
// table.
//
// One walk marks every page table in a bit map, so that a second look at what users map knows them.
#include <array>
#include <atomic>
#include <new>
#include <string_view>

#include <quoll/arch/current.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/mem/live_root.hpp>
#include <quoll/kernel/state/state.hpp>
#include <quoll/kernel/tests/page_audit.hpp>
#include <quoll/kernel/tests/test.hpp>

namespace quoll::tests {
namespace {

constexpr std::uint64_t kValid = 1;
constexpr std::uint64_t kRead = 2;
constexpr std::uint64_t kWrite = 4;
constexpr std::uint64_t kExecute = 8;
constexpr std::uint64_t kUser = 16;
constexpr std::uint64_t kAccessedDirty = 64 | 128;
constexpr std::uint64_t kReserved = std::uint64_t{0x7f} << 54 | std::uint64_t{1} << 63;
constexpr std::uint64_t kMemoryType = std::uint64_t{3} << 61;
constexpr unsigned kWords = 512;

constexpr std::uint64_t page_number(std::uint64_t word) {
  return word << 10 >> 20;
}
constexpr bool is_leaf(std::uint64_t word) {
  return (word & (kRead | kWrite | kExecute)) != 0;
}
constexpr unsigned shift_of(unsigned level) {
  return 12 + 9 * level;
}

std::uint64_t* words_of(std::uint64_t table) noexcept {
  return vm::at_physical<std::uint64_t>(mem::PhysicalAddress(table));
}

/// Bits above those that the mode translates repeat the highest of them.
constexpr std::uint64_t sign_extended(std::uint64_t address, unsigned levels) {
  const unsigned unused = 64 - shift_of(levels);
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(address << unused) >> unused);
}

/// One bit for each frame of RAM, holes between included.
class FrameSet {
 public:
  bool prepare() noexcept {
    // Sorted, and all of the RAM.
    const auto regions = kernel::state().boot_info->regions();
    if (regions.empty()) return false;
    first_ = regions.front().range.start >> 12;
    count_ = (regions.back().range.end >> 12) - first_;
    words_ = new (std::nothrow) std::uint64_t[size()];
    return words_ != nullptr;
  }
  bool is_prepared() const noexcept { return words_ != nullptr; }
  void clear() noexcept {
    for (std::uint64_t i = 0; i < size(); ++i) words_[i] = 0;
  }
  bool covers(std::uint64_t frame) const noexcept { return frame - first_ < count_; }
  bool contains(std::uint64_t frame) const noexcept {
    return covers(frame) && (words_[(frame - first_) / 64] >> (frame - first_) % 64 & 1) != 0;
  }
  void add(std::uint64_t frame) noexcept {
    words_[(frame - first_) / 64] |= std::uint64_t{1} << (frame - first_) % 64;
  }

 private:
  std::uint64_t size() const noexcept { return count_ / 64 + 1; }
  std::uint64_t* words_ = nullptr;
  std::uint64_t first_ = 0;
  std::uint64_t count_ = 0;
};

constinit FrameSet tables;
constinit std::atomic<bool> busy{false};

bool is_ram(std::uint64_t frame) noexcept {
  for (const handoff::MemoryRegion& region : kernel::state().boot_info->regions()) {
    if (region.range.contains(frame << 12)) return region.kind != handoff::RegionKind::kNoMap;
  }
  return false;
}

bool is_managed(std::uint64_t frame) noexcept {
  for (const handoff::MemoryRegion& region : kernel::state().boot_info->regions()) {
    if (!region.range.contains(frame << 12)) continue;
    return region.kind == handoff::RegionKind::kFree || region.kind == handoff::RegionKind::kLoader;
  }
  return false;
}

/// Whether the heap has cut the frame into objects, or it lies in one of its runs. A run begins
/// where the block did that it was taken from, which is aligned to its size.
bool is_heap(std::uint64_t frame) noexcept {
  if (!is_managed(frame)) return false;
  const auto number = static_cast<vm::FrameNumber>(frame);
  if (vm::frames().info(number).state == vm::FrameState::kSlab) return true;
  for (unsigned order = 0; order <= vm::FrameAllocator::kMaxOrder; ++order) {
    const vm::FrameNumber start = number >> order << order;
    if (!is_managed(start)) break;
    const vm::FrameInfo& record = vm::frames().info(start);
    if (record.state == vm::FrameState::kHeapRun && number - start < record.next) return true;
  }
  return false;
}

/// One walk over everything.
class Walk {
 public:
  PageAudit run() noexcept {
    tables.clear();
    const handoff::BootInfo& info = *kernel::state().boot_info;
    const std::uint64_t kernel = info.root_table;
    const std::uint64_t mine = arch::Mmu::root().value();
    bool known = mine == kernel;
    space(kernel, 0, kWords);
    for (unsigned pass = 0; pass < 2; ++pass) {
      pass_ = pass;
      vm::LiveRoot::for_each([&](mem::PhysicalAddress root) {
        known = known || root.value() == mine;
        if (pass == 0) {
          ++audit_.spaces;
          compare_kernel_half(root.value(), kernel);
        }
        space(root.value(), 0, kWords / 2);
      });
    }
    if (!known) report(PageRule::kUnknownRoot, 0, 0, 0);
    return audit_;
  }

 private:
  void report(PageRule rule, std::uint64_t address, std::uint64_t word, unsigned level) noexcept {
    if (!audit_.violation) audit_.violation = PageViolation{rule, root_, address, word, level};
  }

  void compare_kernel_half(std::uint64_t root, std::uint64_t kernel) noexcept {
    root_ = root;
    for (unsigned i = kWords / 2; i < kWords; ++i) {
      const std::uint64_t word = words_of(root)[i];
      if (word == words_of(kernel)[i]) continue;
      report(PageRule::kKernelHalfDiffers, address_of(0, i, levels_ - 1), word, levels_ - 1);
    }
  }

  void space(std::uint64_t root, unsigned first, unsigned end) noexcept {
    root_ = root;
    if (pass_ == 0) tables.add(root >> 12);
    table(root, 0, levels_ - 1, first, end);
  }

  std::uint64_t address_of(std::uint64_t base, unsigned index, unsigned level) const noexcept {
    return sign_extended(base + (std::uint64_t{index} << shift_of(level)), levels_);
  }

  void table(std::uint64_t at, std::uint64_t base, unsigned level, unsigned first,
             unsigned end) noexcept {
    if (pass_ == 0) ++audit_.tables;
    const std::uint64_t* const words = words_of(at);
    for (unsigned i = first; i < end; ++i) {
      const std::uint64_t word = __atomic_load_n(&words[i], __ATOMIC_RELAXED);
      if ((word & kValid) == 0) continue;
      const std::uint64_t address = address_of(base, i, level);
      if (is_leaf(word)) {
        pass_ == 0 ? leaf(word, address, level) : mapped_for_user(word, address, level);
      } else {
        below(word, address, level);
      }
    }
  }

  void below(std::uint64_t word, std::uint64_t address, unsigned level) noexcept {
    const std::uint64_t next = page_number(word);
    if (!tables.covers(next) || !is_ram(next)) {
      report(PageRule::kOutsideMemory, address, word, level);
      return;
    }
    if (pass_ == 0) {
      const std::uint64_t must_be_zero = kUser | kAccessedDirty | kReserved | kMemoryType;
      if (level == 0 || (word & must_be_zero) != 0) {
        report(PageRule::kMalformed, address, word, level);
      }
      if (tables.contains(next)) {
        report(PageRule::kLinkedTwice, address, word, level);
        return;
      }
      tables.add(next);
    }
    if (level != 0) table(next << 12, address, level - 1, 0, kWords);
  }

  void leaf(std::uint64_t word, std::uint64_t address, unsigned level) noexcept {
    ++audit_.leaves;
    const bool aligned = page_number(word) % (std::uint64_t{1} << 9 * level) == 0;
    const bool write_only = (word & (kRead | kWrite)) == kWrite;
    if ((word & kReserved) != 0 || (word & kMemoryType) == kMemoryType || write_only || !aligned) {
      report(PageRule::kMalformed, address, word, level);
    }
    const bool executable = (word & kExecute) != 0;
    if (executable && (word & kWrite) != 0) {
      report(PageRule::kWritableExecutable, address, word, level);
    }
    const handoff::PhysmapInfo& map = kernel::state().boot_info->physmap;
    if (executable && map.virtual_range().contains(address)) {
      report(PageRule::kExecutablePhysmap, address, word, level);
    }
    const bool upper = static_cast<std::int64_t>(address) < 0;
    const bool user = (word & kUser) != 0;
    if (upper && user) report(PageRule::kUserInKernelHalf, address, word, level);
    // The loader's own mappings of the lower half are the kernel root's.
    if (!upper && !user) report(PageRule::kKernelInUserHalf, address, word, level);
  }

  void mapped_for_user(std::uint64_t word, std::uint64_t address, unsigned level) noexcept {
    if ((word & kUser) == 0) return;
    const std::uint64_t first = page_number(word);
    for (std::uint64_t i = 0; i < std::uint64_t{1} << 9 * level; ++i) {
      const std::uint64_t page = address + (i << 12);
      if (tables.contains(first + i)) report(PageRule::kUserMapsPageTable, page, word, level);
      if (is_heap(first + i)) report(PageRule::kUserMapsHeap, page, word, level);
    }
  }

  const unsigned levels_ = kernel::state().boot_info->paging_levels;
  unsigned pass_ = 0;
  std::uint64_t root_ = 0;
  PageAudit audit_;
};

/// How often the same must be found before it counts.
constexpr unsigned kLooks = 5;
/// Something is found all the time, if never the same.
constexpr unsigned kMostLooks = 100;

}  // namespace

const char* describe(PageRule rule) noexcept {
  switch (rule) {
    case PageRule::kMalformed:
      return "no entry is malformed";
    case PageRule::kOutsideMemory:
      return "every page table lies in RAM";
    case PageRule::kLinkedTwice:
      return "a page table stands below one entry only";
    case PageRule::kWritableExecutable:
      return "no page is writable and executable";
    case PageRule::kExecutablePhysmap:
      return "no page of the physical map is executable";
    case PageRule::kUserInKernelHalf:
      return "no page of the kernel's half is the user's";
    case PageRule::kKernelInUserHalf:
      return "every page of the user's half is the user's";
    case PageRule::kKernelHalfDiffers:
      return "every space has the kernel's half";
    case PageRule::kUserMapsPageTable:
      return "no page table is mapped for users";
    case PageRule::kUserMapsHeap:
      return "no frame of the heap is mapped for users";
    case PageRule::kUnknownRoot:
      return "every root is known";
  }
  return "a rule";
}

bool prepare_page_audit() noexcept {
  return tables.is_prepared() || tables.prepare();
}

PageAudit audit_pages() noexcept {
  if (!tables.is_prepared()) return {};
  // Others wait at most for one walk.
  while (busy.exchange(true, std::memory_order_acquire)) arch::Interrupts::relax();
  const PageAudit audit = Walk().run();
  busy.store(false, std::memory_order_release);
  return audit;
}

async::Task<void> expect_sound_pages() {
  std::optional<PageViolation> before;
  for (unsigned looks = 1;; ++looks) {
    const PageAudit audit = audit_pages();
    if (!audit.violation) co_return;
    // What changes while it is looked at is no finding.
    if (looks >= kLooks && (audit.violation == before || looks >= kMostLooks)) break;
    before = audit.violation;
    (void)co_await exec::sleep_until(exec::now() + exec::ticks_per_second() / 2000);
  }
  std::array<char, 200> text;
  const std::size_t size = log::format_to(
      std::span<char>(text), "that {}, at {:#x}: entry {:#x} of level {} below root {:#x}",
      describe(before->rule), before->address, before->entry, before->level, before->root);
  report_failure(__FILE__, __LINE__, std::string_view(text.data(), size));
}

std::uint64_t* entry_of(std::uint64_t root, std::uint64_t address) noexcept {
  std::uint64_t table = root;
  for (unsigned level = kernel::state().boot_info->paging_levels; level-- > 0;) {
    std::uint64_t* const word = words_of(table) + (address >> shift_of(level)) % kWords;
    if ((*word & kValid) == 0) return nullptr;
    if (is_leaf(*word)) return word;
    table = page_number(*word) << 12;
  }
  return nullptr;
}

}  // namespace quoll::tests
