// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Threads with cursors over the same few pages, under ThreadSanitizer. What a page is mapped to is
// also kept in plain variables, which only who has a cursor over the page touches: cursors that
// are not ordered are a race there. Page tables that are given back are overwritten plainly: a
// walk that still reads one is a race too. A program of its own, for it links nothing that is
// built with other sanitizers.
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include <quoll/base/assert.hpp>
#include <quoll/paging/page_table.hpp>
#include <quoll/riscv/sv.hpp>

namespace quoll::paging {
namespace {

using mem::kPageSize;
using mem::PhysicalAddress;
using mem::VirtualAddress;
using mem::VirtualRange;

constexpr std::uint64_t kRam = 0x8000'0000;
constexpr std::size_t kFrames = 64;
constexpr unsigned kThreads = 4;

thread_local unsigned this_hart = 0;

struct alignas(4096) Page {
  std::array<std::byte, kPageSize> bytes;
};

struct Pool {
  struct Record {
    std::uint32_t state = 0;
    std::uint32_t next = 0;
  };
  std::mutex mutex;
  std::unique_ptr<std::array<Page, kFrames>> pages = std::make_unique<std::array<Page, kFrames>>();
  std::array<Record, kFrames> records{};
  std::vector<PhysicalAddress> free;
  std::atomic<std::uint64_t> given_back{0};
  WalkSections<kThreads> sections;

  Pool() {
    for (std::size_t i = 0; i < kFrames; ++i) free.emplace_back(kRam + i * kPageSize);
  }
  static std::size_t index(PhysicalAddress table) { return (table.value() - kRam) / kPageSize; }
};

struct Memory {
  Pool* pool;
  std::optional<PhysicalAddress> allocate() {
    const std::lock_guard guard(pool->mutex);
    if (pool->free.empty()) return std::nullopt;
    const PhysicalAddress table = pool->free.back();
    pool->free.pop_back();
    std::memset(pointer(table), 0, kPageSize);
    pool->records[Pool::index(table)] = {};
    return table;
  }
  void release(PhysicalAddress table) {
    const std::lock_guard guard(pool->mutex);
    std::memset(pointer(table), 0xa5, kPageSize);
    pool->records[Pool::index(table)] = {.state = 0xffff'ffff, .next = 0xffff'ffff};
    pool->free.push_back(table);
    pool->given_back.fetch_add(1, std::memory_order_relaxed);
  }
  void* pointer(PhysicalAddress table) const {
    return pool->pages->at(Pool::index(table)).bytes.data();
  }
  TableRecord record(PhysicalAddress table) {
    Pool::Record& r = pool->records.at(Pool::index(table));
    return {r.state, r.next};
  }
  auto& sections() { return pool->sections; }
  unsigned hart() { return this_hart; }
  unsigned hart_count() { return kThreads; }
  void relax() { std::this_thread::yield(); }
};

using Table = PageTable<riscv::Sv, Memory>;

/// Stretches of pages around the borders of tables of several levels, each with what is there.
constexpr std::uint64_t kStretchPages = 8;
constexpr std::array<std::uint64_t, 4> kStretches{0, (2U << 20) - 4 * kPageSize,
                                                  (6U << 20) + 8 * kPageSize,
                                                  (std::uint64_t{1} << 30) - 4 * kPageSize};
using Expected = std::array<std::array<std::uint64_t, kStretchPages>, kStretches.size()>;

void check(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "failed: %s\n", what);
  std::abort();
}

/// Fills a page in, or replaces it.
void fault(Table& table, std::uint64_t& expected, VirtualAddress at, std::uint64_t chance) {
  const Properties properties{mem::Permissions::read_write().for_user()};
  const PhysicalAddress to((1 + chance % (1U << 20)) << 12);
  Flush flush;
  {
    auto page = table.page_mut(at);
    const VmItem item = page->query();
    check(item.is_mapped() == (expected != 0), "what is mapped");
    check(expected == 0 || item.leaf->address.value() == expected, "where it is mapped to");
    const bool done = item.is_mapped() ? page->replace(to, properties, flush).has_value()
                                       : page->map(to, properties, flush).has_value();
    check(done, "a fault");
    expected = to.value();
  }
  flush.waive();
  flush.release_tables(table.memory());
}

void work(Table& table, Expected& expected, unsigned hart, unsigned seed, unsigned steps) {
  this_hart = hart;
  std::mt19937_64 random(seed + hart);
  const VirtualRange half = table.format().user_half();
  const Properties properties{mem::Permissions::read_write().for_user()};
  for (unsigned step = 0; step < steps; ++step) {
    const std::size_t stretch = random() % kStretches.size();
    const std::uint64_t first = random() % kStretchPages;
    const std::uint64_t count = 1 + random() % (kStretchPages - first);
    const VirtualRange range(VirtualAddress(kStretches[stretch] + first * kPageSize),
                             count * kPageSize);
    const unsigned kind = random() % 8;
    if (kind == 0) {
      (void)table.query(range.start());  // without a lock: anything that was ever there
      continue;
    }
    if (kind == 1) {
      fault(table, expected[stretch][first], range.start(), random());
      continue;
    }
    Flush flush;
    {
      auto opened = kind % 2 == 0 ? table.cursor_mut(range, half)
                                  : table.cursor_mut(range.start(), range.size());
      auto& cursor = *opened;
      bool is_vacant = true;
      for (std::uint64_t i = first; i < first + count; ++i) {
        const auto item = cursor.query();
        const std::uint64_t wanted = expected[stretch][i];
        check(item->is_mapped() == (wanted != 0), "what is mapped");
        check(wanted == 0 || item->leaf->address.value() == wanted, "where it is mapped to");
        is_vacant &= wanted == 0;
        const VirtualAddress next = cursor.position() + kPageSize;
        if (i + 1 < first + count) check(cursor.jump(next).has_value(), "a jump");
      }
      check(cursor.jump(range.start()).has_value(), "a jump");
      if (kind < 4) {
        const PhysicalAddress to((1 + random() % (1U << 20)) << 12);
        const auto mapped = cursor.map(to, range.size(), properties, flush);
        check(mapped.has_value() == is_vacant, "a mapping");
        for (std::uint64_t i = 0; is_vacant && i < count; ++i) {
          expected[stretch][first + i] = to.value() + i * kPageSize;
        }
      } else {
        check(cursor.unmap(range.size(), flush, [](auto...) {}).has_value(), "taking out");
        for (std::uint64_t i = 0; i < count; ++i) expected[stretch][first + i] = 0;
      }
    }
    flush.waive();
    flush.release_tables(table.memory());
  }
}

void run(riscv::PagingMode mode, unsigned threads, unsigned seed) {
  Pool pool;
  const PhysicalAddress root = *Memory{&pool}.allocate();
  Table table(riscv::Sv(mode), root, Memory{&pool}, Reclaim::kEmptyTables);
  Expected expected{};
  std::vector<std::thread> harts;
  for (unsigned hart = 0; hart < threads; ++hart) {
    harts.emplace_back([&, hart] { work(table, expected, hart, seed, 6000 / threads); });
  }
  for (std::thread& hart : harts) hart.join();
  Flush flush;
  const VirtualRange half = table.format().user_half();
  check(table.cursor_mut(half, half)->unmap(half.size(), flush, [](auto...) {}).has_value(),
        "the end");
  flush.waive();
  flush.release_tables(table.memory());
  check(pool.free.size() == kFrames - 1, "all page tables came back");
  check(pool.given_back > 100, "page tables come and go");
}

}  // namespace
}  // namespace quoll::paging

int main() {
  const unsigned seed = std::random_device()();
  std::printf("seed %u\n", seed);
  using quoll::riscv::PagingMode;
  for (const PagingMode mode : {PagingMode::kSv39, PagingMode::kSv48, PagingMode::kSv57}) {
    for (unsigned threads = 1; threads <= quoll::paging::kThreads; ++threads) {
      quoll::paging::run(mode, threads, seed);
    }
  }
  return 0;
}
