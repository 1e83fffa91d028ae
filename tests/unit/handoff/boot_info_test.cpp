// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <array>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include <quoll/handoff/boot_info.hpp>
#include <quoll/handoff/boot_info_builder.hpp>

namespace quoll::handoff {
namespace {

struct alignas(8) Page {
  std::array<std::byte, kBootInfoPageSize> bytes{};
  std::span<std::byte, kBootInfoPageSize> span() { return bytes; }
};

std::vector<MemoryRegion> some_regions(std::size_t count) {
  std::vector<MemoryRegion> regions;
  for (std::size_t i = 0; i < count; ++i) {
    regions.push_back({{i * 4096, (i + 1) * 4096}, static_cast<RegionKind>(i % kRegionKindCount)});
  }
  return regions;
}

TEST(BootInfo, CarriesItsLists) {
  Page page;
  BootInfo info;
  info.initrd = {0x1000, 0x1234};
  info.rng_seed_size = 3;
  const auto regions = some_regions(20);
  const auto laid_out =
      lay_out_boot_info(page.span(), info, {regions, "log=debug paging=sv39", "serial0:115200"});
  ASSERT_TRUE(laid_out.has_value());
  const BootInfo& out = **laid_out;
  ASSERT_TRUE(out.check().has_value());
  EXPECT_EQ(out.bootargs(), "log=debug paging=sv39");
  EXPECT_EQ(out.bootargs().data()[out.bootargs().size()], '\0');
  EXPECT_EQ(out.stdout_path(), "serial0:115200");
  EXPECT_EQ(out.initrd, info.initrd);
  EXPECT_EQ(out.seed().size(), 3U);
  ASSERT_EQ(out.regions().size(), 20U);
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(out.regions()[i], regions[i]);
}

TEST(BootInfo, FitsExactlyOrSaysWhatDoesNot) {
  const std::string bootargs(500, 'a');
  const std::size_t most = max_regions(bootargs.size());
  ASSERT_GT(most, 64U);
  Page page;
  EXPECT_TRUE(lay_out_boot_info(page.span(), {}, {some_regions(most), bootargs, ""}).has_value());
  const auto before = page.bytes;
  const auto refused = lay_out_boot_info(page.span(), {}, {some_regions(most + 1), bootargs, ""});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error(), BootInfoLayoutError::kRegionsDoNotFit);
  EXPECT_EQ(page.bytes, before);
  const auto too_long =
      lay_out_boot_info(page.span(), {}, {{}, std::string(kBootInfoPageSize, 'a'), ""});
  ASSERT_FALSE(too_long.has_value());
  EXPECT_EQ(too_long.error(), BootInfoLayoutError::kTextsDoNotFit);
}

TEST(BootInfo, CheckRefusesWhatItDoesNotDescribe) {
  Page page;
  BootInfo& info =
      **lay_out_boot_info(page.span(), {}, {some_regions(3), "paging=sv39", "serial0"});
  const auto error_with = [&](auto spoil) {
    const BootInfo good = info;
    spoil(info);
    const auto checked = info.check();
    info = good;
    return checked ? std::nullopt : std::optional(checked.error());
  };
  EXPECT_EQ(error_with([](BootInfo& i) { i.magic = 0; }), BootInfoError::kWrongMagic);
  EXPECT_EQ(error_with([](BootInfo& i) { ++i.version; }), BootInfoError::kWrongVersion);
  EXPECT_EQ(error_with([](BootInfo& i) { i.size = 4097; }), BootInfoError::kWrongSize);
  EXPECT_EQ(error_with([](BootInfo& i) { i.size = 8; }), BootInfoError::kWrongSize);
  EXPECT_EQ(error_with([](BootInfo& i) { i.hart_record_size = 8; }), BootInfoError::kWrongSize);
  EXPECT_EQ(error_with([](BootInfo& i) { i.rng_seed_size = 65; }), BootInfoError::kWrongSize);
  EXPECT_EQ(error_with([](BootInfo& i) { i.region_list.count = 0xFFFFFFFF; }),
            BootInfoError::kListOutOfBounds);
  EXPECT_EQ(error_with([](BootInfo& i) { i.region_list.offset += 4; }),
            BootInfoError::kListOutOfBounds);
  EXPECT_EQ(error_with([](BootInfo& i) { i.bootargs_list.count = 4000; }),
            BootInfoError::kListOutOfBounds);
  EXPECT_EQ(error_with([](BootInfo& i) { i.stdout_path_list.offset = 0; }),
            BootInfoError::kListOutOfBounds);
  EXPECT_EQ(error_with([](BootInfo&) {}), std::nullopt);
}

TEST(BootInfo, KnowsWhenEveryHartHasLeft) {
  BootInfo info;
  info.hart_count = 2;
  EXPECT_FALSE(info.all_harts_left_loader());
  info.harts_left_loader = 2;
  EXPECT_TRUE(info.all_harts_left_loader());
}

TEST(Physmap, TranslatesByAConstantDistance) {
  const PhysmapInfo physmap{0xFFFFFFC000000000, 0x80000000, 0x40000000};
  EXPECT_EQ(physmap.to_virtual(0x80001000), 0xFFFFFFC000001000);
  EXPECT_EQ(physmap.virtual_range().end, 0xFFFFFFC040000000);
}

}  // namespace
}  // namespace quoll::handoff
