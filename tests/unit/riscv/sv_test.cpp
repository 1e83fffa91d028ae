// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <cstdint>
#include <gtest/gtest.h>
#include <vector>

#include <quoll/riscv/sv.hpp>

namespace quoll::riscv {
namespace {

using paging::CacheMode;
using paging::EntryKind;
using paging::Properties;
using paging::Scope;

std::vector<Sv> formats() {
  std::vector<Sv> all;
  for (const PagingMode mode : {PagingMode::kSv39, PagingMode::kSv48, PagingMode::kSv57}) {
    all.emplace_back(mode, Svpbmt::kAbsent);
    all.emplace_back(mode, Svpbmt::kPresent);
  }
  return all;
}

TEST(Sv, KnowsItsHalves) {
  EXPECT_EQ(kSv39.user_half().size(), std::uint64_t{1} << 38);
  EXPECT_EQ(kSv48.levels(), 4u);
  EXPECT_EQ(kSv57.kernel_half().start(), mem::VirtualAddress(0xff00'0000'0000'0000));
  EXPECT_EQ(kSv39.kernel_half().end(), mem::VirtualAddress(0));
}

TEST(Sv, DecodesEveryLeafThatItEncodes) {
  for (const Sv& format : formats()) {
    for (unsigned level = 0; level < format.levels(); ++level) {
      for (unsigned bit = 12 + 9 * level; bit < 56; ++bit) {
        for (std::uint32_t access = 0; access < 8; ++access) {
          const auto permissions = mem::Permissions::from_access_bits(access);
          if (!permissions) continue;
          for (const auto p : {*permissions, permissions->for_user()}) {
            for (const Scope scope : {Scope::kSpace, Scope::kGlobal}) {
              for (const CacheMode cache :
                   {CacheMode::kNormal, CacheMode::kUncached, CacheMode::kDevice}) {
                const Properties properties{p, cache, scope};
                const mem::PhysicalAddress at(std::uint64_t{1} << bit);
                const Sv::Entry entry = format.encode_leaf(at, properties, level);
                ASSERT_EQ(format.kind(entry, level), EntryKind::kLeaf);
                paging::Leaf leaf = format.decode_leaf(entry);
                EXPECT_EQ(leaf.address, at);
                EXPECT_EQ(leaf.properties.permissions, p);
                EXPECT_EQ(leaf.properties.scope, scope);
                // The hardware translates exactly what has permissions, and never faults for
                // accessed and dirty.
                EXPECT_EQ((entry & 1) != 0, !p.is_none());
                EXPECT_EQ((entry & 0xe) == 0, p.is_none());
                if (!p.is_none()) EXPECT_NE(entry & 0x40, 0u);
                if (p.can_write()) EXPECT_NE(entry & 0x80, 0u);
                EXPECT_EQ((entry & 0x10) != 0, p.is_user());
                EXPECT_FALSE((entry & 4) != 0 && (entry & 8) != 0);
              }
            }
          }
        }
      }
    }
  }
}

TEST(Sv, TellsDevicesApartWhereItCan) {
  const Sv with(PagingMode::kSv39, Svpbmt::kPresent);
  const Properties device{mem::Permissions::read_write(), CacheMode::kDevice, Scope::kGlobal};
  const auto at = mem::PhysicalAddress(0x1000'0000);
  EXPECT_EQ(with.decode_leaf(with.encode_leaf(at, device, 0)).properties, device);
  EXPECT_EQ(kSv39.encode_leaf(at, device, 0) >> 54, 0u);
}

TEST(Sv, ClassifiesEveryPatternOfTheLowBits) {
  // V R W X U G A D RSW: all of them, at every level, against the specification's table.
  for (const Sv& format : formats()) {
    for (unsigned level = 0; level < format.levels(); ++level) {
      for (std::uint64_t low = 0; low < 1024; ++low) {
        const std::uint64_t aligned = low | (std::uint64_t{1} << 52);
        const EntryKind kind = format.kind(aligned, level);
        const bool v = low & 1, r = low & 2, w = low & 4, x = low & 8;
        const bool u = low & 16, a = low & 64, d = low & 128, parked = low & 256;
        EntryKind expected = EntryKind::kInvalid;
        if (!v) {
          if (parked && !r && !w && !x) expected = EntryKind::kLeaf;
        } else if (!r && !w && !x) {
          if (level > 0 && !u && !a && !d) expected = EntryKind::kTable;
        } else if (!(w && !r)) {
          expected = EntryKind::kLeaf;
        }
        if (expected == EntryKind::kLeaf &&
            !mem::PhysicalAddress(std::uint64_t{1} << 54).is_aligned(Sv::page_bytes(level))) {
          expected = EntryKind::kInvalid;
        }
        EXPECT_EQ(kind, expected) << low << " at level " << level;
      }
    }
  }
}

TEST(Sv, RefusesReservedBits) {
  const std::uint64_t leaf =
      kSv39.encode_leaf(mem::PhysicalAddress(0x8000'0000), {mem::Permissions::read_write()}, 0);
  for (unsigned bit = 54; bit < 64; ++bit) {
    const std::uint64_t entry = leaf | (std::uint64_t{1} << bit);
    EXPECT_EQ(kSv39.kind(entry, 0), EntryKind::kInvalid) << bit;
    const bool memory_type = bit == 61 || bit == 62;
    const Sv with(PagingMode::kSv39, Svpbmt::kPresent);
    EXPECT_EQ(with.kind(entry, 0), memory_type ? EntryKind::kLeaf : EntryKind::kInvalid) << bit;
  }
}

TEST(Sv, AddressMaskKeepsNoHighBits) {
  const std::uint64_t all = ~std::uint64_t{0};
  EXPECT_EQ(kSv39.decode_table(all).value(), 0x00ff'ffff'ffff'f000u);
  EXPECT_LT(kSv39.decode_leaf(all).address, kSv39.physical_limit());
}

TEST(Sv, RefusesMisalignedLargePages) {
  const std::uint64_t small =
      kSv48.encode_leaf(mem::PhysicalAddress(0x8000'1000), {mem::Permissions::read_only()}, 0);
  EXPECT_EQ(kSv48.kind(small, 0), EntryKind::kLeaf);
  EXPECT_EQ(kSv48.kind(small, 1), EntryKind::kInvalid);
  EXPECT_EQ(kSv48.kind(kSv48.encode_table(mem::PhysicalAddress(0x1000)), 0), EntryKind::kInvalid);
}

}  // namespace
}  // namespace quoll::riscv
