// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Activation against shootdown, on threads that play harts.
#include <atomic>
#include <cstdint>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include <quoll/kernel/mem/address_space.hpp>

#include "test_kernel.hpp"

namespace quoll::vm {
namespace {

using mem::Access;
using mem::Permissions;
using test::AsHart;
using test::kPageSize;
using test::VirtualAddress;
using test::VirtualRange;

class VmSpaceRaceTest : public testing::TestWithParam<unsigned> {};

TEST_P(VmSpaceRaceTest, NoHartKeepsWhatAShootdownTookAway) {
  constexpr unsigned kHarts = 4;
  constexpr unsigned kCommits = 300;
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  test::TestKernel kernel(riscv::PagingMode::kSv39, kHarts, GetParam());
  std::vector<std::unique_ptr<AddressSpace>> spaces;
  for (unsigned i = 0; i < 5; ++i) {
    spaces.push_back(std::move(*AddressSpace::create(*kernel.space)));
  }
  const VirtualAddress at(0x10'0000);
  std::atomic<std::uint64_t> commits{0};  // odd: one is under way
  std::atomic<bool> is_over{false};
  std::atomic<std::uint64_t> stale{0};
  std::atomic<std::uint64_t> looks{0};

  std::vector<std::thread> harts;
  for (unsigned hart = 1; hart < kHarts; ++hart) {
    harts.emplace_back([&, hart] {
      const AsHart as(hart);
      std::mt19937 random(seed + hart);
      while (!is_over.load()) {
        spaces[random() % spaces.size()]->activate();
        (void)kernel.machine.translate(hart, at, Access::kRead);
        const std::uint64_t before = commits.load();
        const std::size_t found = kernel.machine.stale_translations(hart);
        if (before % 2 == 0 && commits.load() == before) {
          stale.fetch_add(found);
          looks.fetch_add(1);
        }
        if (random() % 4 == 0) kernel.space->activate();
      }
      kernel.space->activate();
    });
  }
  {
    const AsHart as(0);
    std::mt19937 random(seed);
    for (unsigned i = 0; i < kCommits || (looks.load() < 100 && i < 100 * kCommits); ++i) {
      AddressSpace& space = *spaces[random() % spaces.size()];
      ASSERT_TRUE(space.map_anonymous(Placement::at(at), kPageSize, Permissions::read_write()));
      ASSERT_EQ(space.handle_fault(at, Access::kWrite), FaultOutcome::kResolved);
      if (random() % 2 == 0) space.activate();
      commits.fetch_add(1);
      ASSERT_TRUE(space.unmap(VirtualRange(at, kPageSize)));
      commits.fetch_add(1);
    }
    is_over.store(true);
    for (std::thread& thread : harts) thread.join();
    EXPECT_EQ(stale.load(), 0u);
    EXPECT_GT(looks.load(), 0u);
    spaces.clear();
    kernel.space->activate();
  }
  EXPECT_EQ(kernel.in_use(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Bits, VmSpaceRaceTest, testing::Values(0U, 1U, 2U, 16U));

}  // namespace
}  // namespace quoll::vm
