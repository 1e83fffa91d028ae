// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "memory_map.hpp"

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <vector>

#include "memory_setup.hpp"

namespace quoll::loader {
namespace {

using handoff::MemoryRegion;
using handoff::PhysicalExtent;
using handoff::RegionKind;

constexpr std::uint64_t kPage = 4096;

// Sorted, not empty, not overlapping, and neighbours that could be one are one.
void expect_well_formed(const MemoryMap& map) {
  const MemoryRegion* last = nullptr;
  for (const MemoryRegion& region : map.regions()) {
    EXPECT_LT(region.range.start, region.range.end);
    if (last != nullptr) {
      EXPECT_LE(last->range.end, region.range.start);
      EXPECT_FALSE(last->range.end == region.range.start && last->kind == region.kind);
    }
    last = &region;
  }
}

std::vector<MemoryRegion> contents(const MemoryMap& map) {
  return {map.regions().begin(), map.regions().end()};
}

MemoryMap map_of(PhysicalExtent ram) {
  MemoryMap map;
  EXPECT_TRUE(map.add_ram(ram).has_value());
  return map;
}

TEST(MemoryMap, ClaimSplitsAndMerges) {
  MemoryMap map = map_of({0x10000, 0x20000});
  ASSERT_TRUE(map.claim({0x12000, 0x13000}, RegionKind::kReserved).has_value());
  ASSERT_TRUE(map.claim({0x13000, 0x14000}, RegionKind::kReserved).has_value());
  EXPECT_EQ(contents(map), (std::vector<MemoryRegion>{{{0x10000, 0x12000}, RegionKind::kFree},
                                                      {{0x12000, 0x14000}, RegionKind::kReserved},
                                                      {{0x14000, 0x20000}, RegionKind::kFree}}));
}

// A reservation that ends exactly where RAM ends is still one.
TEST(MemoryMap, ClaimUpToTheEndCounts) {
  MemoryMap map = map_of({0x10000, 0x20000});
  ASSERT_TRUE(map.claim({0x1F000, 0x20000}, RegionKind::kNoMap).has_value());
  ASSERT_TRUE(map.claim({0x10000, 0x11000}, RegionKind::kReserved).has_value());
  EXPECT_EQ(map.regions().front().kind, RegionKind::kReserved);
  EXPECT_EQ(map.regions().back().kind, RegionKind::kNoMap);
  ASSERT_TRUE(map.claim({0, ~0ULL}, RegionKind::kNoMap).has_value());
  EXPECT_EQ(contents(map), (std::vector<MemoryRegion>{{{0x10000, 0x20000}, RegionKind::kNoMap}}));
}

TEST(MemoryMap, ClaimWidensToPages) {
  MemoryMap map = map_of({0x10000, 0x20000});
  ASSERT_TRUE(map.claim({0x12FFF, 0x13001}, RegionKind::kReserved).has_value());
  EXPECT_EQ(map.regions()[1].range, (PhysicalExtent{0x12000, 0x14000}));
}

TEST(MemoryMap, TheStrongerKindKeepsThePage) {
  MemoryMap map = map_of({0x10000, 0x20000});
  ASSERT_TRUE(map.claim({0x12000, 0x14000}, RegionKind::kNoMap).has_value());
  ASSERT_TRUE(map.claim({0x11000, 0x15000}, RegionKind::kReserved).has_value());
  ASSERT_TRUE(map.claim({0x11000, 0x12000}, RegionKind::kInitrd).has_value());
  EXPECT_EQ(contents(map), (std::vector<MemoryRegion>{{{0x10000, 0x11000}, RegionKind::kFree},
                                                      {{0x11000, 0x12000}, RegionKind::kInitrd},
                                                      {{0x12000, 0x14000}, RegionKind::kNoMap},
                                                      {{0x14000, 0x15000}, RegionKind::kReserved},
                                                      {{0x15000, 0x20000}, RegionKind::kFree}}));
}

TEST(MemoryMap, MemoryNodesMayOverlap) {
  MemoryMap map;
  ASSERT_TRUE(map.add_ram({0x30000, 0x40000}).has_value());
  ASSERT_TRUE(map.add_ram({0x10000, 0x20000}).has_value());
  ASSERT_TRUE(map.claim({0x30000, 0x31000}, RegionKind::kReserved).has_value());
  ASSERT_TRUE(map.add_ram({0x18000, 0x38000}).has_value());
  EXPECT_EQ(contents(map), (std::vector<MemoryRegion>{{{0x10000, 0x30000}, RegionKind::kFree},
                                                      {{0x30000, 0x31000}, RegionKind::kReserved},
                                                      {{0x31000, 0x40000}, RegionKind::kFree}}));
}

TEST(MemoryMap, AllocatesFromTheTopAndAligned) {
  MemoryMap map = map_of({0x10000, 0x20000});
  EXPECT_EQ(map.allocate(kPage, kPage, RegionKind::kPageTables), 0x1F000U);
  EXPECT_EQ(map.allocate(kPage, 0x4000, RegionKind::kReserved), 0x1C000U);
  EXPECT_EQ(map.allocate(0x2000, kPage, RegionKind::kReserved, {0x11000, 0x13800}), 0x11000U);
  EXPECT_FALSE(map.allocate(0x10000, kPage, RegionKind::kPageTables).has_value());
  expect_well_formed(map);
}

TEST(MemoryMap, SaysWhenItIsFullAndStaysWellFormed) {
  MemoryMap map = map_of({0, 0x10000000});
  bool full = false;
  for (std::uint64_t at = kPage; at < 0x10000000 && !full; at += 2 * kPage) {
    full = !map.claim({at, at + kPage}, RegionKind::kReserved).has_value();
  }
  EXPECT_TRUE(full);
  expect_well_formed(map);
  EXPECT_GE(map.regions().size(), MemoryMap::kCapacity - 2);
  EXPECT_EQ(map.regions().back().range.end, 0x10000000U);
}

TEST(MemoryMap, WithdrawsPartialPages) {
  MemoryMap map = map_of({0x10800, 0x20400});
  ASSERT_TRUE(map.reserve_partial_pages().has_value());
  EXPECT_EQ(contents(map),
            (std::vector<MemoryRegion>{{{0x10800, 0x11000}, RegionKind::kReserved},
                                       {{0x11000, 0x20000}, RegionKind::kFree},
                                       {{0x20000, 0x20400}, RegionKind::kReserved}}));
}

// Against a map with one entry a page: random layouts, claims and allocations.
TEST(MemoryMap, EveryByteOfRamIsInExactlyOneRegion) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const auto strength = [](RegionKind kind) {
    switch (kind) {
      case RegionKind::kFree:
        return 0;
      case RegionKind::kReserved:
        return 1;
      case RegionKind::kInitrd:
        return 2;
      case RegionKind::kDeviceTree:
        return 3;
      case RegionKind::kNoMap:
        return 5;
      default:
        return 4;
    }
  };
  constexpr std::uint64_t kPages = 256;
  for (int round = 0; round < 300; ++round) {
    MemoryMap map;
    std::map<std::uint64_t, RegionKind> model;
    const auto extent = [&] {
      const std::uint64_t start = random() % kPages;
      const std::uint64_t length = 1 + random() % (random() % 4 == 0 ? 100 : 8);
      return PhysicalExtent{start * kPage, std::min(start + length, kPages) * kPage};
    };
    for (int i = 0; i < 4; ++i) {
      const PhysicalExtent ram = extent();
      ASSERT_TRUE(map.add_ram(ram).has_value());
      for (std::uint64_t at = ram.start; at < ram.end; at += kPage) {
        model.try_emplace(at, RegionKind::kFree);
      }
    }
    for (int i = 0; i < 30; ++i) {
      const auto kind = static_cast<RegionKind>(1 + random() % (handoff::kRegionKindCount - 1));
      if (random() % 3 == 0) {
        const std::uint64_t size = (1 + random() % 4) * kPage;
        const std::uint64_t alignment = kPage << random() % 4;
        const auto found = map.allocate(size, alignment, kind);
        if (!found) continue;
        EXPECT_EQ(*found % alignment, 0U);
        for (std::uint64_t at = *found; at < *found + size; at += kPage) {
          ASSERT_TRUE(model.contains(at));
          EXPECT_EQ(model[at], RegionKind::kFree);
          model[at] = kind;
        }
      } else {
        const PhysicalExtent claimed = extent();
        ASSERT_TRUE(map.claim(claimed, kind).has_value());
        for (std::uint64_t at = claimed.start; at < claimed.end; at += kPage) {
          const auto page = model.find(at);
          if (page != model.end() && strength(page->second) <= strength(kind)) page->second = kind;
        }
      }
      expect_well_formed(map);
    }
    std::map<std::uint64_t, RegionKind> found;
    for (const MemoryRegion& region : map.regions()) {
      for (std::uint64_t at = region.range.start; at < region.range.end; at += kPage) {
        EXPECT_TRUE(found.emplace(at, region.kind).second);
      }
    }
    EXPECT_EQ(found, model);
  }
}

// The whole set-up with random memory nodes, reservations and places.
TEST(MemorySetup, CoversRamExactlyOrNamesTheConflict) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  int accepted = 0;
  for (int round = 0; round < 2000; ++round) {
    MachineInfo info;
    std::vector<bool> ram(0x100000);  // by 16 bytes, up to 16 MiB
    const auto extent = [&](std::uint64_t most) {
      const std::uint64_t start = random() % 0xF00000 / 16 * 16;
      return PhysicalExtent{start,
                            std::min<std::uint64_t>(start + (1 + random() % most) * 16, 0x1000000)};
    };
    for (int i = 0; i < 3; ++i) {
      const PhysicalExtent node = extent(0x80000);
      ASSERT_TRUE(info.memory.add(node));
      for (std::uint64_t at = node.start; at < node.end; at += 16) ram[at / 16] = true;
    }
    for (int i = 0; i < 6; ++i) {
      ASSERT_TRUE(info.fixed_reservations.add(
          {extent(0x2000), i % 3 == 0 ? Mapping::kForbidden : Mapping::kAllowed}));
    }
    const PhysicalExtent& home = info.memory.items()[0];
    const std::uint64_t image_at = (home.start + 0xFFF) & ~std::uint64_t{0xFFF};
    const ImagePlace image{{image_at, image_at + 0x8000}, {image_at + 0x2000, image_at + 0x6000}};
    info.initrd = {image_at + 0x9000, image_at + 0xA123};
    const PhysicalExtent tree{image_at + 0xC000, image_at + 0xC800};
    MemoryMap map;
    if (!set_up_memory_map(info, image, tree, map)) continue;
    ++accepted;
    static_cast<void>(map.allocate(0x3000, 0x1000, RegionKind::kPageTables));
    expect_well_formed(map);
    std::size_t covered = 0;
    for (const MemoryRegion& region : map.regions()) {
      covered += region.range.size() / 16;
      EXPECT_TRUE(map.is_ram(region.range));
      if (region.kind != RegionKind::kFree) continue;
      EXPECT_EQ(region.range.start % kPage, 0U);
      EXPECT_EQ(region.range.end % kPage, 0U);
      for (const FixedReservation& reservation : info.fixed_reservations.items()) {
        EXPECT_FALSE(region.range.overlaps(reservation.extent));
      }
      EXPECT_FALSE(region.range.overlaps(image.whole));
      EXPECT_FALSE(region.range.overlaps(info.initrd));
      EXPECT_FALSE(region.range.overlaps(tree));
    }
    EXPECT_EQ(covered, static_cast<std::size_t>(std::count(ram.begin(), ram.end(), true)));
  }
  EXPECT_GT(accepted, 100);
}

TEST(MemorySetup, NamesWhatLiesInTheWrongPlace) {
  const ImagePlace image{{0x200000, 0x300000}, {0x210000, 0x2F0000}};
  const PhysicalExtent tree{0x400000, 0x402000};
  const auto error_with = [&](auto spoil) {
    MachineInfo info;
    EXPECT_TRUE(info.memory.add({0, 0x1000000}));
    PhysicalExtent at = tree;
    spoil(info, at);
    MemoryMap map;
    const auto made = set_up_memory_map(info, image, at, map);
    return made ? std::nullopt : std::optional(made.error());
  };
  using E = MemorySetupError;
  EXPECT_EQ(error_with([](MachineInfo&, PhysicalExtent&) {}), std::nullopt);
  EXPECT_EQ(error_with([](MachineInfo& info, PhysicalExtent&) {
              info.memory = {};
              EXPECT_TRUE(info.memory.add({0, 0x280000}));
            }),
            E::kImageOutsideRam);
  EXPECT_EQ(error_with([](MachineInfo& info, PhysicalExtent&) {
              EXPECT_TRUE(info.fixed_reservations.add({{0x2FFFFF, 0x300000}, Mapping::kForbidden}));
            }),
            E::kImageReserved);
  EXPECT_EQ(error_with([](MachineInfo&, PhysicalExtent& at) { at = {0x2FF000, 0x301000}; }),
            E::kDeviceTreeOverlap);
  EXPECT_EQ(
      error_with([](MachineInfo& info, PhysicalExtent&) { info.initrd = {0xFFF000, 0x1000001}; }),
      E::kInitrdOutsideRam);
  EXPECT_EQ(
      error_with([](MachineInfo& info, PhysicalExtent&) { info.initrd = {0x401FF0, 0x403000}; }),
      E::kInitrdOverlap);
  EXPECT_EQ(error_with([](MachineInfo& info, PhysicalExtent&) {
              info.initrd = {0x500000, 0x501000};
              EXPECT_TRUE(info.fixed_reservations.add({{0x500800, 0x500900}, Mapping::kForbidden}));
            }),
            E::kInitrdReserved);
  // Boot loaders reserve the initrd in the reservation block, too.
  EXPECT_EQ(error_with([](MachineInfo& info, PhysicalExtent&) {
              info.initrd = {0x500000, 0x501000};
              EXPECT_TRUE(info.fixed_reservations.add({{0x500000, 0x501000}, Mapping::kAllowed}));
            }),
            std::nullopt);
}

}  // namespace
}  // namespace quoll::loader
