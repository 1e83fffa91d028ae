// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A sample ELF is loaded into memory of the test.
#include "kernel.hpp"

#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <memory>

#include "elf/sample.hpp"
#include "harts.hpp"
#include "memory_map.hpp"

namespace quoll::loader {
namespace {

using test::SampleElf;

constexpr std::uint64_t kPage = 4096;
constexpr handoff::VirtualExtent kArea{0xFFFFFFFFC0000000, 0xFFFFFFFFFFFFF000};

struct Free {
  void operator()(std::byte* memory) const { std::free(memory); }
};
using Memory = std::unique_ptr<std::byte, Free>;

Memory pages(std::size_t count) {
  return Memory(static_cast<std::byte*>(std::aligned_alloc(kPage, count * kPage)));
}

class KernelTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto at = reinterpret_cast<std::uint64_t>(pool_.get());
    std::memset(pool_.get(), 0xEE, 64 * kPage);
    ASSERT_TRUE(map_.add_ram({at, at + 64 * kPage}).has_value());
    root_ = *frames_.allocate_zeroed(1, handoff::RegionKind::kPageTables);
  }
  elf::Image open(const SampleElf& sample) {
    const auto bytes = sample.bytes();
    size_ = bytes.size();
    std::memcpy(file_.get(), bytes.data(), bytes.size());
    const auto image = elf::Image::open({file_.get(), size_});
    EXPECT_TRUE(image.has_value());
    return *image;
  }
  // Entry and physical address behind a virtual one.
  std::pair<std::uint64_t, std::uint64_t> look_up(std::uint64_t address) {
    std::uint64_t at = root_;
    for (int level = 2; level >= 0; --level) {
      const std::uint64_t entry =
          reinterpret_cast<const std::uint64_t*>(at)[address >> (12 + 9 * level) & 511];
      if ((entry & 1) == 0) return {};
      at = (entry >> 10 & ((1ULL << 44) - 1)) << 12;
      if (level == 0) return {entry, at | (address & 0xFFF)};
    }
    return {};
  }

  Memory pool_ = pages(64);
  Memory file_ = pages(16);
  std::size_t size_ = 0;
  MemoryMap map_;
  FrameAllocator frames_{map_};
  std::uint64_t root_ = 0;
};

TEST_F(KernelTest, MapsEachSegmentWithItsPermissions) {
  const elf::Image image = open(SampleElf());
  PageTableBuilder tables(riscv::kSv39, root_, frames_);
  const auto kernel = load_kernel(image, kArea, frames_, tables);
  ASSERT_TRUE(kernel.has_value());
  EXPECT_EQ(kernel->pages.start, kArea.start);
  EXPECT_EQ(kernel->pages.size(), 5 * kPage);
  const std::uint64_t bias = kernel->load_bias;
  EXPECT_EQ(kernel->entry, bias + SampleElf::kCode + 4);
  // Constants and code in place.
  EXPECT_EQ(look_up(bias + SampleElf::kConstants).first & 0xF, 0x3U);
  EXPECT_EQ(look_up(bias + SampleElf::kConstants).second,
            reinterpret_cast<std::uint64_t>(file_.get()) + SampleElf::kConstants);
  EXPECT_EQ(look_up(bias + SampleElf::kCode).first & 0xF, 0xBU);
  // RELRO's page, then the rest.
  EXPECT_EQ(look_up(bias + SampleElf::kData).first & 0xF, 0x3U);
  EXPECT_EQ(look_up(bias + SampleElf::kData + 0x1000).first & 0xF, 0x7U);
  EXPECT_EQ(look_up(bias + SampleElf::kData + 0x2000).first & 0xF, 0x7U);
  EXPECT_EQ(look_up(bias + SampleElf::kData + 0x3000).first, 0U);
}

TEST_F(KernelTest, RelocatesAndClearsDataAndKeepsTheFile) {
  const elf::Image image = open(SampleElf());
  const auto before = SampleElf().bytes();
  PageTableBuilder tables(riscv::kSv39, root_, frames_);
  const auto kernel = load_kernel(image, kArea, frames_, tables);
  ASSERT_TRUE(kernel.has_value());
  const std::uint64_t bias = kernel->load_bias;
  const auto* data = reinterpret_cast<const std::byte*>(look_up(bias + SampleElf::kData).second);
  std::uint64_t word = 0;
  std::memcpy(&word, data + 0x10, sizeof word);
  EXPECT_EQ(word, bias + 0x2004);
  for (std::uint64_t at = SampleElf::kDataFileSize + 0x10; at < 3 * kPage; ++at) {
    ASSERT_EQ(data[at], std::byte{0}) << at;
  }
  EXPECT_EQ(std::memcmp(file_.get(), before.data(), before.size()), 0);
}

TEST_F(KernelTest, EveryHartGetsItsOwnRelocatedTlsBlock) {
  const elf::Image image = open(SampleElf());
  PageTableBuilder tables(riscv::kSv39, root_, frames_);
  const auto kernel = load_kernel(image, kArea, frames_, tables);
  ASSERT_TRUE(kernel.has_value());
  EXPECT_EQ(kernel->tls_size, 0x40U);
  const handoff::LoaderConfig config{.kernel_stack_pages = 3, .guard_pages = 1};
  PageAllocator window({0xFFFFFFD000000000, 0xFFFFFFD100000000}, config.guard_pages);
  std::array<handoff::HartInfo, 4> harts{};
  ASSERT_TRUE(
      make_hart_memory(harts, hart_memory_size(config, *kernel), *kernel, frames_, window, tables)
          .has_value());
  for (const handoff::HartInfo& hart : harts) {
    EXPECT_EQ(hart.stack.size(), 3 * kPage);
    EXPECT_EQ(look_up(hart.stack.start - 1).first, 0U);
    EXPECT_EQ(look_up(hart.stack.end).first, 0U);
    EXPECT_NE(look_up(hart.stack.end - 1).first, 0U);
    EXPECT_EQ(hart.tls.size(), 0x40U);
    const auto* tls = reinterpret_cast<const std::byte*>(look_up(hart.tls.start).second);
    std::uint64_t word = 0;
    std::memcpy(&word, tls + 8, sizeof word);
    EXPECT_EQ(word, kernel->load_bias + 0x1400);
    for (std::size_t at = 0x18; at < kPage; ++at) ASSERT_EQ(tls[at], std::byte{0});
  }
}

TEST_F(KernelTest, RefusesZeroFilledConstants) {
  SampleElf sample;
  sample.segments[SampleElf::kFirstLoad].memory_size = 0x900;
  const elf::Image image = open(sample);
  PageTableBuilder tables(riscv::kSv39, root_, frames_);
  const auto kernel = load_kernel(image, kArea, frames_, tables);
  ASSERT_FALSE(kernel.has_value());
  EXPECT_EQ(kernel.error(), LoadError::kZeroFilledConstants);
}

TEST_F(KernelTest, RefusesWhatDoesNotFit) {
  SampleElf sample;
  sample.header.type = elf::kTypeExecutable;
  const elf::Image fixed = open(sample);
  PageTableBuilder tables(riscv::kSv39, root_, frames_);
  EXPECT_EQ(load_kernel(fixed, kArea, frames_, tables).error(), LoadError::kDoesNotFit);
  EXPECT_EQ(
      load_kernel(open(SampleElf()), {kArea.start, kArea.start + kPage}, frames_, tables).error(),
      LoadError::kDoesNotFit);
  SampleElf large;
  large.segments[SampleElf::kDataLoad].memory_size = 0x10000000;
  EXPECT_EQ(load_kernel(open(large), kArea, frames_, tables).error(), LoadError::kOutOfMemory);
}

TEST(KernelSeal, AcceptsOnlyTheSealedBytes) {
  auto bytes = SampleElf().bytes();
  // XXH3-64 of nothing but these bytes: the seal is learnt by trying, as the build tool does.
  handoff::ImageSeal seal{.elf_size = bytes.size()};
  EXPECT_EQ(check_seal(bytes, {.elf_size = 0}).error(), SealError::kNotSealed);
  EXPECT_EQ(check_seal(bytes, {.magic = 1, .elf_size = bytes.size()}).error(),
            SealError::kNotSealed);
  EXPECT_EQ(check_seal(bytes, {.elf_size = 5}).error(), SealError::kWrongSize);
  EXPECT_EQ(check_seal(bytes, seal).error(), SealError::kWrongHash);
}

// The published value of XXH3-64 with seed 0 for the empty input is checked by its authors; this
// one fixes that we hash all bytes, without a seed.
TEST(KernelSeal, IsXxh3OfTheWholeFile) {
  const std::array<std::byte, 1> one{std::byte{'a'}};
  EXPECT_TRUE(check_seal(one, {.elf_size = 1, .elf_xxh3 = 0xE6C632B61E964E1F}).has_value());
}

}  // namespace
}  // namespace quoll::loader
