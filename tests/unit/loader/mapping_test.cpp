// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Page tables are built in memory of the test: the frame allocator hands out its addresses.
#include "mapping.hpp"

#include <cstdlib>
#include <gtest/gtest.h>
#include <memory>
#include <random>

#include "memory_map.hpp"
#include "page_alloc.hpp"
#include "physmap.hpp"

namespace quoll::loader {
namespace {

using handoff::RegionKind;

constexpr std::uint64_t kPage = 4096;

struct Found {
  std::uint64_t physical;
  std::uint64_t entry;
  unsigned level;
};

// Walks by the bits of the privileged specification, not through the codec.
std::optional<Found> look_up(std::uint64_t root, unsigned levels, std::uint64_t address) {
  std::uint64_t at = root;
  for (unsigned level = levels; level-- > 0;) {
    const unsigned shift = 12 + 9 * level;
    const std::uint64_t entry = reinterpret_cast<const std::uint64_t*>(at)[address >> shift & 511];
    if ((entry & 1) == 0) return std::nullopt;
    const std::uint64_t physical = (entry >> 10 & ((1ULL << 44) - 1)) << 12;
    if ((entry & 0xE) != 0) {
      EXPECT_EQ(physical & ((1ULL << shift) - 1), 0U);
      return Found{physical | (address & ((1ULL << shift) - 1)), entry, level};
    }
    at = physical;
  }
  return std::nullopt;
}

// A frame pool of the test, as a memory map.
class Pool {
 public:
  explicit Pool(std::size_t frames)
      : memory_(static_cast<std::byte*>(std::aligned_alloc(kPage, frames * kPage))) {
    const auto at = reinterpret_cast<std::uint64_t>(memory_.get());
    EXPECT_TRUE(map_.add_ram({at, at + frames * kPage}).has_value());
  }
  MemoryMap& map() { return map_; }
  FrameAllocator& frames() { return frames_; }
  std::uint64_t root() { return *frames_.allocate_zeroed(1, RegionKind::kPageTables); }

 private:
  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  std::unique_ptr<std::byte, Free> memory_;
  MemoryMap map_;
  FrameAllocator frames_{map_};
};

class Modes : public testing::TestWithParam<riscv::PagingMode> {
 protected:
  riscv::Sv format() const { return riscv::Sv(GetParam()); }
  std::uint64_t bottom() const { return format().kernel_half().start().value(); }
};

const auto kReadWrite = kernel_memory(mem::Permissions::read_write());

TEST_P(Modes, MapsWithTheLargestPagesThatFit) {
  Pool pool(64);
  PageTableBuilder tables(format(), pool.root(), pool.frames());
  const unsigned levels = format().levels();
  // From a 4 KiB page before 2 MiB to a 4 KiB page behind 2 GiB.
  const std::uint64_t physical = 0x801FF000;
  const std::uint64_t size = 0x80000000 + 2 * kPage;
  const std::uint64_t at = bottom() + physical;
  ASSERT_TRUE(tables.map(at, physical, size, kReadWrite).has_value());
  const auto level_at = [&](std::uint64_t offset) {
    const auto found = look_up(tables.root(), levels, at + offset);
    EXPECT_TRUE(found.has_value());
    EXPECT_EQ(found->physical, physical + offset);
    return found->level;
  };
  EXPECT_EQ(level_at(0), 0U);
  EXPECT_EQ(level_at(kPage), 1U);
  EXPECT_EQ(level_at(0x40000000 - 0x1FF000), 2U);
  EXPECT_EQ(level_at(0x80000000 - kPage), 1U);
  EXPECT_EQ(level_at(size - 1), 0U);
  EXPECT_FALSE(look_up(tables.root(), levels, at - 1).has_value());
  EXPECT_FALSE(look_up(tables.root(), levels, at + size).has_value());
}

TEST_P(Modes, EveryPageIsMappedOnceAtItsPlace) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 50; ++round) {
    Pool pool(400);
    PageTableBuilder tables(format(), pool.root(), pool.frames());
    std::uint64_t next = bottom() + (random() % 1000) * kPage;
    for (int i = 0; i < 8; ++i) {
      next += (random() % 600) * kPage;
      const std::uint64_t physical =
          (random() % 3 == 0 ? next & 0xFFFFFFFFFF : random() % 0x100000 * kPage);
      const std::uint64_t pages = 1 + random() % 2000;
      ASSERT_TRUE(tables.map(next, physical, pages * kPage, kReadWrite).has_value());
      for (std::uint64_t page = 0; page < pages; ++page) {
        const auto found = look_up(tables.root(), format().levels(), next + page * kPage);
        ASSERT_TRUE(found.has_value());
        ASSERT_EQ(found->physical, physical + page * kPage);
      }
      next += pages * kPage;
    }
  }
}

TEST_P(Modes, RunsOutOfMemoryWithAnError) {
  Pool pool(2);
  PageTableBuilder tables(format(), pool.root(), pool.frames());
  EXPECT_FALSE(tables.map(bottom(), 0x1000, kPage, kReadWrite).has_value());
}

TEST_P(Modes, RootEntriesGetTheirPageTables) {
  Pool pool(64);
  PageTableBuilder tables(format(), pool.root(), pool.frames());
  const AddressLayout layout = divide_address_space(format(), {0x80000000, 0x88000000});
  ASSERT_TRUE(tables.add_tables_below_root(layout.window).has_value());
  ASSERT_TRUE(tables.add_tables_below_root(layout.kernel).has_value());
  const auto* root = reinterpret_cast<const std::uint64_t*>(tables.root());
  const unsigned shift = 12 + 9 * (format().levels() - 1);
  EXPECT_NE(root[layout.window.start >> shift & 511], 0U);
  EXPECT_NE(root[(layout.window.end - 1) >> shift & 511], 0U);
  EXPECT_NE(root[511], 0U);
  EXPECT_EQ(root[0], 0U);
}

TEST_P(Modes, PhysmapHasAllRamButNoMapAndTheKernelReadOnly) {
  Pool pool(64);
  MemoryMap ram;
  ASSERT_TRUE(ram.add_ram({0x80000000, 0xC8000000}).has_value());
  ASSERT_TRUE(ram.add_ram({0x100000800, 0x100003000}).has_value());
  ASSERT_TRUE(ram.claim({0x80000000, 0x80080000}, RegionKind::kNoMap).has_value());
  ASSERT_TRUE(ram.claim({0x80200000, 0x80300000}, RegionKind::kLoader).has_value());
  ASSERT_TRUE(ram.claim({0x80210000, 0x80220000}, RegionKind::kKernelElf).has_value());
  PageTableBuilder tables(format(), pool.root(), pool.frames());
  const AddressLayout layout = divide_address_space(format(), {0x80000000, 0x100003000});
  ASSERT_EQ(withdraw_unreachable_ram(layout.physmap, ram).value(), 0U);
  ASSERT_TRUE(map_all_ram(layout.physmap, ram, tables).has_value());
  const auto at = [&](std::uint64_t physical) {
    return look_up(tables.root(), format().levels(), layout.physmap.to_virtual(physical));
  };
  EXPECT_FALSE(at(0x80000000).has_value());
  EXPECT_FALSE(at(0x8007FFFF).has_value());
  EXPECT_TRUE(at(0x80080000).has_value());
  EXPECT_EQ(at(0x80210000)->entry & 0xF, 0x3U);
  EXPECT_EQ(at(0x8020F000)->entry & 0xF, 0x7U);
  EXPECT_EQ(at(0x80220000)->entry & 0xF, 0x7U);
  EXPECT_EQ(at(0x80400000)->level, 1U);
  EXPECT_EQ(at(0xC7FFFFFF)->physical, 0xC7FFFFFFU);
  EXPECT_FALSE(at(0xC8000000).has_value());
  EXPECT_FALSE(at(0x100000800).has_value());
  EXPECT_TRUE(at(0x100001000).has_value());
}

INSTANTIATE_TEST_SUITE_P(Sv, Modes,
                         testing::Values(riscv::PagingMode::kSv39, riscv::PagingMode::kSv48,
                                         riscv::PagingMode::kSv57));

}  // namespace
}  // namespace quoll::loader
