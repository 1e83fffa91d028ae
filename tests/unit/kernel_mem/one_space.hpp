// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What tests of one address space share: the space, in each paging mode, and what must be so when
// it has ended.
#pragma once

#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <utility>

#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/riscv/sv.hpp>

#include "test_kernel.hpp"

namespace quoll::test {

class OneSpaceTest : public testing::TestWithParam<riscv::PagingMode> {
 protected:
  OneSpaceTest() : kernel(GetParam()) {}
  ~OneSpaceTest() override {
    space.reset();
    for (unsigned hart = 0; hart < kernel.machine.hart_count(); ++hart) {
      const AsHart as(hart);
      kernel.space->activate();
    }
    EXPECT_EQ(kernel.in_use(), 0u);
    EXPECT_EQ(kernel.machine.stale_translations(), 0u);
  }
  vm::AddressSpace& create(const vm::SpaceLimits& limits = {},
                           const std::optional<vm::PlacementSeed>& seed = std::nullopt) {
    space = std::move(*vm::AddressSpace::create(*kernel.space, limits, seed));
    space->activate();
    return *space;
  }

  TestKernel kernel;
  std::unique_ptr<vm::AddressSpace> space;
};

}  // namespace quoll::test
