// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The emulated machine. The walker follows the privileged specification's "Virtual Address
// Translation Process" on raw bytes and shares nothing with the codec that it checks.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>
#include <utility>

#include <quoll/arch/mock/machine.hpp>
#include <quoll/base/assert.hpp>

namespace quoll::arch::mock {
namespace {
std::atomic<Machine*> current_machine{nullptr};
thread_local unsigned this_hart = 0;

constexpr std::uint64_t kV = 1, kR = 2, kW = 4, kX = 8, kU = 16, kG = 32, kA = 64, kD = 128;
}  // namespace

Machine::Machine(std::vector<mem::PhysicalRange> ram, unsigned harts, unsigned asid_bits)
    : ram_(std::move(ram)), asid_bits_(asid_bits), harts_(harts) {
  QUOLL_ASSERT(asid_bits <= 16);
  QUOLL_ASSERT(!ram_.empty() && harts > 0 && harts <= sync::kMaxHarts);
  const mem::PhysicalAddress low = ram_.front().start();
  memory_size_ = ram_.back().end() - low;
  memory_ =
      ::mmap(nullptr, memory_size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  QUOLL_ASSERT(memory_ != MAP_FAILED);
  for (const mem::PhysicalRange& range : ram_) {
    QUOLL_ASSERT(range.is_page_aligned());
    QUOLL_ASSERT(::mprotect(static_cast<char*>(memory_) + (range.start() - low), range.size(),
                            PROT_READ | PROT_WRITE) == 0);
  }
  map_ = mem::PhysMap(mem::address_of(memory_), mem::PhysicalRange(low, memory_size_));
  QUOLL_ASSERT(current_machine.exchange(this) == nullptr);
}

Machine::~Machine() {
  current_machine.store(nullptr);
  ::munmap(memory_, memory_size_);
}

Machine& Machine::current() {
  Machine* machine = current_machine.load();
  QUOLL_ASSERT(machine != nullptr);
  return *machine;
}

unsigned Machine::hart_id() {
  return this_hart;
}
void Machine::set_hart_id(unsigned hart) {
  this_hart = hart;
}

Machine::Walked Machine::walk(const Hart& hart, std::uint64_t address) const {
  const unsigned bits = 12 + 9 * hart.levels;
  const auto sign = static_cast<std::uint64_t>(static_cast<std::int64_t>(address) >> (bits - 1));
  if (sign != 0 && sign != ~std::uint64_t{0}) return {};
  std::uint64_t table = hart.root.value();
  std::uint64_t global = 0;  // a table that is global makes all below it global
  for (unsigned i = hart.levels; i-- > 0;) {
    const std::uint64_t number = (address >> (12 + 9 * i)) & 511;
    const auto* slot = static_cast<const std::uint64_t*>(
        map_.pointer<void>(mem::PhysicalAddress(table + number * 8)));
    const std::uint64_t entry = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
    if ((entry & kV) == 0 || ((entry & kR) == 0 && (entry & kW) != 0)) return {};
    if ((entry >> 54) != 0) return {};  // no Svpbmt, no Svnapot, reserved bits clear
    const std::uint64_t page_number = (entry >> 10) & ((std::uint64_t{1} << 44) - 1);
    if ((entry & (kR | kX)) == 0) {
      if ((entry & (kU | kA | kD)) != 0) return {};
      global |= entry & kG;
      table = page_number << 12;
      continue;
    }
    const std::uint64_t low_pages = (std::uint64_t{1} << (9 * i)) - 1;
    if ((page_number & low_pages) != 0) return {};
    const std::uint64_t page = page_number | ((address >> 12) & low_pages);
    return {(entry & 0xff) | global, mem::PhysicalAddress(page << 12)};
  }
  return {};
}

bool Machine::permits(const Walked& walked, mem::Access access, Mode mode) {
  if ((walked.flags & kA) == 0) return false;
  const bool user_page = (walked.flags & kU) != 0;
  if (mode == Mode::kUser && !user_page) return false;
  switch (access) {
    case mem::Access::kRead:
      return (walked.flags & kR) != 0;
    case mem::Access::kWrite:
      return (walked.flags & kW) != 0 && (walked.flags & kD) != 0;
    case mem::Access::kExecute:
      return (walked.flags & kX) != 0 && (mode == Mode::kUser || !user_page);
  }
  return false;
}

std::optional<mem::PhysicalAddress> Machine::translate(unsigned hart_id,
                                                       mem::VirtualAddress address,
                                                       mem::Access access, Mode mode) {
  const std::lock_guard guard(mutex_);
  Hart& hart = harts_.at(hart_id);
  QUOLL_ASSERT(hart.levels != 0);
  const std::uint64_t page = address.value() >> 12;
  const Walked* known = nullptr;
  for (const std::uint32_t tag : {std::uint32_t{hart.asid}, kGlobal}) {
    const Pages& pages = hart.caches[tag];
    const auto cached = pages.find(page);
    if (cached != pages.end()) known = &cached->second;
  }
  if (known == nullptr) {
    const Walked walked = walk(hart, address.value());
    const std::uint32_t tag = (walked.flags & kG) != 0 ? kGlobal : hart.asid;
    known = &hart.caches[tag].emplace(page, walked).first->second;
  }
  if (!permits(*known, access, mode)) return std::nullopt;
  return known->page + (address.value() & 0xfff);
}

std::uint16_t Machine::kept(std::uint16_t asid) const {
  return static_cast<std::uint16_t>(asid & ((1U << asid_bits_) - 1));
}

void Machine::set_root(unsigned hart_id, riscv::PagingMode mode, mem::PhysicalAddress root,
                       std::uint16_t asid) {
  const std::lock_guard guard(mutex_);
  Hart& hart = harts_.at(hart_id);
  hart.root = root;
  hart.asid = kept(asid);
  hart.levels = static_cast<unsigned>(mode) - 5;
}

mem::PhysicalAddress Machine::root(unsigned hart_id) {
  const std::lock_guard guard(mutex_);
  return harts_.at(hart_id).root;
}

std::uint16_t Machine::asid(unsigned hart_id) {
  const std::lock_guard guard(mutex_);
  return harts_.at(hart_id).asid;
}

void Machine::fence_pages(Pages& pages, mem::VirtualRange range) {
  if (range.is_empty()) return;
  const std::uint64_t first = range.start().value() >> 12;
  const std::uint64_t last = (range.start().value() + (range.size() - 1)) >> 12;
  pages.erase(pages.lower_bound(first), pages.upper_bound(last));
}

void Machine::fence_locked(Hart& hart, mem::VirtualRange range) {
  for (auto& [tag, pages] : hart.caches) fence_pages(pages, range);
}

void Machine::fence_locked(Hart& hart, mem::VirtualRange range, std::uint16_t asid) {
  fence_pages(hart.caches[asid], range);
}

void Machine::fence_all_locked(Hart& hart) {
  std::erase_if(hart.caches, [](const auto& item) { return item.first != kGlobal; });
}

void Machine::fence(unsigned hart, mem::VirtualRange range) {
  const std::lock_guard guard(mutex_);
  ++fences_.local;
  fence_locked(harts_.at(hart), range);
}

void Machine::fence(unsigned hart, mem::VirtualRange range, std::uint16_t asid) {
  const std::lock_guard guard(mutex_);
  ++fences_.local;
  fence_locked(harts_.at(hart), range, kept(asid));
}

void Machine::fence_asid(unsigned hart, std::uint16_t asid) {
  const std::lock_guard guard(mutex_);
  ++fences_.local;
  harts_.at(hart).caches.erase(kept(asid));
}

void Machine::fence_all(unsigned hart) {
  const std::lock_guard guard(mutex_);
  ++fences_.local;
  fence_all_locked(harts_.at(hart));
}

template <typename F>
void Machine::fence_others(sync::HartSet harts, F&& fence) {
  const std::lock_guard guard(mutex_);
  ++fences_.dispatches;
  harts.for_each([&](unsigned hart) {
    ++fences_.remote;
    fence(harts_.at(hart));
  });
}

void Machine::fence_remote(sync::HartSet harts, mem::VirtualRange range) {
  fence_others(harts, [&](Hart& hart) { fence_locked(hart, range); });
}

void Machine::fence_remote(sync::HartSet harts, mem::VirtualRange range, std::uint16_t asid) {
  fence_others(harts, [&](Hart& hart) { fence_locked(hart, range, kept(asid)); });
}

void Machine::fence_remote_all(sync::HartSet harts) {
  fence_others(harts, [](Hart& hart) { fence_all_locked(hart); });
}

void Machine::fence_code() {
  const std::lock_guard guard(mutex_);
  ++fences_.code;
}

void Machine::fence_code_remote(sync::HartSet harts) {
  const std::lock_guard guard(mutex_);
  fences_.remote_code += harts.count();
}

FenceCounts Machine::fences() {
  const std::lock_guard guard(mutex_);
  return fences_;
}

std::size_t Machine::stale_on(const Hart& hart) const {
  std::size_t stale = 0;
  for (const auto& [tag, pages] : hart.caches) {
    if (tag != hart.asid && tag != kGlobal) continue;  // no access finds these
    for (const auto& [page, cached] : pages) {
      if (cached.flags == 0) continue;  // faults once too often: harmless
      const Walked now = walk(hart, page << 12);
      const bool moved = now.page != cached.page;
      const bool gives_more = (cached.flags & ~now.flags & (kR | kW | kX | kU)) != 0;
      if (moved || gives_more) ++stale;
    }
  }
  return stale;
}

std::size_t Machine::stale_translations() {
  const std::lock_guard guard(mutex_);
  std::size_t stale = 0;
  for (const Hart& hart : harts_) stale += stale_on(hart);
  return stale;
}

std::size_t Machine::stale_translations(unsigned hart) {
  const std::lock_guard guard(mutex_);
  return stale_on(harts_.at(hart));
}

std::size_t Machine::cached_translations(unsigned hart, std::uint16_t asid) {
  const std::lock_guard guard(mutex_);
  return harts_.at(hart).caches[asid].size();
}

}  // namespace quoll::arch::mock
