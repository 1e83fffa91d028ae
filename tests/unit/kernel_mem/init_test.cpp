// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <array>
#include <cstddef>
#include <gtest/gtest.h>

#include <quoll/handoff/boot_info_builder.hpp>
#include <quoll/kernel/mem/init.hpp>

#include "test_kernel.hpp"

namespace quoll::vm {
namespace {

using test::kPageSize;
using test::kRam;

TEST(Init, TakesOverWhatTheLoaderDescribes) {
  test::Machine machine({test::physical_pages(0, 1024)}, 1);
  using handoff::RegionKind;
  const auto region = [](std::uint64_t first, std::uint64_t end, RegionKind kind) {
    return handoff::MemoryRegion{{kRam + first * kPageSize, kRam + end * kPageSize}, kind, 0};
  };
  const std::array regions{
      region(0, 16, RegionKind::kReserved), region(16, 80, RegionKind::kLoader),
      region(80, 200, RegionKind::kPageTables), region(200, 1024, RegionKind::kFree)};
  handoff::BootInfo info;
  info.paging_levels = 4;
  info.root_table = kRam + 80 * kPageSize;
  info.physmap = {machine.phys_map().virtual_range().start().value(), kRam, 1024 * kPageSize};
  info.kernel_window_free = {0xffff'a000'0000'0000, 0xffff'a000'0010'0000};
  alignas(8) std::array<std::byte, handoff::kBootInfoPageSize> page{};
  auto laid_out = handoff::lay_out_boot_info(page, info, {regions, "", ""});
  ASSERT_TRUE(laid_out);
  const handoff::BootInfo& boot = **laid_out;
  ASSERT_TRUE(init(boot));
  EXPECT_EQ(kernel_space().format(), riscv::kSv48);
  const FrameStatistics before = statistics().frames;
  EXPECT_EQ(before.managed + before.metadata, 824u + 64u);
  EXPECT_EQ(before.allocated, 64u);
  void* memory = heap().allocate(100);
  EXPECT_NE(memory, nullptr);
  EXPECT_EQ(statistics().heap.objects, 1u);
  heap().deallocate(memory);
  EXPECT_EQ(release_loader_memory(boot), 64 * kPageSize);
  heap().trim();
  EXPECT_EQ(statistics().frames.allocated, 0u);
}

}  // namespace
}  // namespace quoll::vm
