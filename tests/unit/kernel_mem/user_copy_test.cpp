// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <array>
#include <cstring>
#include <gtest/gtest.h>
#include <numeric>
#include <vector>

#include <quoll/kernel/mem/user_copy.hpp>

#include "test_kernel.hpp"

namespace quoll::vm {
namespace {

using mem::Permissions;
using test::AsHart;
using test::kPageSize;
using test::VirtualAddress;
using test::VirtualRange;

class UserCopyTest : public testing::TestWithParam<riscv::PagingMode> {
 protected:
  UserCopyTest() : kernel(GetParam()), space(std::move(*AddressSpace::create(*kernel.space))) {
    range = *space->map_anonymous(Placement::anywhere(), 4 * kPageSize, Permissions::read_write());
  }
  ~UserCopyTest() override {
    space.reset();
    for (unsigned hart = 0; hart < kernel.machine.hart_count(); ++hart) {
      const AsHart as(hart);
      kernel.space->activate();
    }
    EXPECT_EQ(kernel.in_use(), 0u);
  }
  test::TestKernel kernel;
  std::unique_ptr<AddressSpace> space;
  VirtualRange range;
};

TEST_P(UserCopyTest, CarriesBytesAcrossPagesThatAreNotThereYet) {
  std::vector<unsigned char> out(2 * kPageSize + 77);
  std::iota(out.begin(), out.end(), static_cast<unsigned char>(3));
  const VirtualAddress at = range.start() + 1000;
  ASSERT_TRUE(copy_to_user(*space, at, out.data(), out.size()));
  std::vector<unsigned char> in(out.size());
  {
    // Another hart, on which the space was never active.
    const AsHart as(2);
    ASSERT_TRUE(copy_from_user(*space, in.data(), at, in.size()));
  }
  EXPECT_EQ(in, out);
  EXPECT_EQ(space->usage().resident_pages, 3u);
}

TEST_P(UserCopyTest, RefusesWhatIsNotTheGuests) {
  std::array<char, 64> buffer{};
  const auto refused = [&](VirtualAddress at, std::size_t size) {
    const auto in = copy_from_user(*space, buffer.data(), at, size);
    const auto out = copy_to_user(*space, at, buffer.data(), size);
    return !in && in.error() == CopyError::kBadAddress && !out &&
           out.error() == CopyError::kBadAddress;
  };
  const VirtualRange half = kernel.format.user_half();
  EXPECT_TRUE(refused(VirtualAddress(0), 8));
  EXPECT_TRUE(refused(range.end() - 4, 8));
  EXPECT_TRUE(refused(half.end() - 4, 8));
  EXPECT_TRUE(refused(half.end(), 8));
  EXPECT_TRUE(refused(kernel.format.kernel_half().start(), 8));
  EXPECT_TRUE(refused(VirtualAddress(~std::uint64_t{0}), 8));
  EXPECT_TRUE(refused(range.start(), ~std::size_t{0}));
  EXPECT_TRUE(copy_from_user(*space, buffer.data(), VirtualAddress(0), 0));
  EXPECT_TRUE(copy_to_user(*space, kernel.format.kernel_half().start(), buffer.data(), 0));

  ASSERT_TRUE(space->protect(range, Permissions::read_only()));
  EXPECT_TRUE(copy_from_user(*space, buffer.data(), range.start(), 8));
  EXPECT_EQ(copy_to_user(*space, range.start(), buffer.data(), 8).error(), CopyError::kBadAddress);
  ASSERT_TRUE(space->protect(range, Permissions::none()));
  EXPECT_EQ(copy_from_user(*space, buffer.data(), range.start(), 8).error(),
            CopyError::kBadAddress);
}

TEST_P(UserCopyTest, NeverReadsKernelMemoryThatIsMapped) {
  // The raw routine could: only the check stands between a guest and the kernel.
  auto device = kernel.space->map_device(test::physical_pages(3, 1));
  ASSERT_TRUE(device);
  std::uint64_t word = 0;
  const VirtualAddress at = mem::address_of(const_cast<void*>(*device));
  space->activate();
  EXPECT_EQ(arch::UserMemory::copy_in(&word, at, sizeof word), sizeof word);
  EXPECT_EQ(copy_from_user(*space, &word, at, sizeof word).error(), CopyError::kBadAddress);
  kernel.allocated_before = kernel.frames.statistics().allocated - space->usage().page_tables -
                            space->usage().resident_pages;
}

TEST_P(UserCopyTest, SaysWhenThereIsNoFrame) {
  char byte = 0;
  const test::Scarcity scarcity(kernel.frames, 0);
  EXPECT_EQ(copy_to_user(*space, range.start(), &byte, 1).error(), CopyError::kOutOfMemory);
}

INSTANTIATE_TEST_SUITE_P(Modes, UserCopyTest, test::kAllModes, test::mode_name);

}  // namespace
}  // namespace quoll::vm
