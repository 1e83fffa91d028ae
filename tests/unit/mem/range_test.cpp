// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <cstdint>
#include <gtest/gtest.h>
#include <optional>

#include <quoll/mem/phys_map.hpp>
#include <quoll/mem/range.hpp>

namespace quoll::mem {
namespace {

using Address = VirtualAddress;
constexpr std::uint64_t kTop = ~std::uint64_t{0};

VirtualRange range(std::uint64_t start, std::uint64_t size) {
  return VirtualRange(Address(start), size);
}

TEST(Range, MayTouchTheTopButNotPassIt) {
  EXPECT_TRUE(VirtualRange::create(Address(kTop - 4095), 4096).has_value());
  EXPECT_FALSE(VirtualRange::create(Address(kTop - 4095), 4097).has_value());
  EXPECT_FALSE(VirtualRange::create(Address(1), kTop + 0).value_or(VirtualRange()).is_empty());
  EXPECT_FALSE(VirtualRange::create(Address(2), kTop).has_value());
  const VirtualRange last = range(kTop - 4095, 4096);
  EXPECT_TRUE(last.contains(Address(kTop)));
  EXPECT_FALSE(last.contains(Address(0)));
  EXPECT_EQ(last.end(), Address(0));
}

TEST(Range, ComparesAgainstAllSmallRanges) {
  for (std::uint64_t a = 0; a < 8; ++a) {
    for (std::uint64_t n = 0; n < 6; ++n) {
      for (std::uint64_t b = 0; b < 8; ++b) {
        for (std::uint64_t m = 0; m < 6; ++m) {
          std::uint64_t common = 0;
          std::uint64_t first = 0;
          for (std::uint64_t x = 0; x < 16; ++x) {
            if (x >= a && x < a + n && x >= b && x < b + m && common++ == 0) first = x;
          }
          EXPECT_EQ(range(a, n).overlaps(range(b, m)), common > 0);
          EXPECT_EQ(range(a, n).intersection(range(b, m)).size(), common);
          if (common > 0) {
            EXPECT_EQ(range(a, n).intersection(range(b, m)).start(), Address(first));
            EXPECT_EQ(range(a, n).contains(range(b, m)), common == m);
          }
        }
      }
    }
  }
}

TEST(Range, FindsItsWholePages) {
  EXPECT_EQ(range(1, 8192).whole_pages(), range(4096, 4096));
  EXPECT_EQ(range(4096, 8192).whole_pages(), range(4096, 8192));
  EXPECT_TRUE(range(1, 4096).whole_pages().is_empty());
  EXPECT_TRUE(range(kTop - 10, 5).whole_pages().is_empty());
}

TEST(PhysMap, GoesThereAndBack) {
  alignas(4096) static char memory[8192];
  const PhysMap map(address_of(memory), PhysicalRange(PhysicalAddress(0x8000'0000), 8192));
  EXPECT_EQ(map.pointer<char>(PhysicalAddress(0x8000'1004)), memory + 4100);
  EXPECT_EQ(map.physical(memory + 4100), PhysicalAddress(0x8000'1004));
}

}  // namespace
}  // namespace quoll::mem
