// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <gtest/gtest.h>

#include <quoll/kernel/cpu/isa.hpp>

namespace quoll::cpu {
namespace {

constexpr std::string_view kQemu = "rv64imafdch_zicsr_zifencei_zihintpause_zba_zbb_zbc_zbs_sstc";

TEST(Isa, FindsWholeExtensions) {
  EXPECT_TRUE(isa_has(kQemu, "sstc"));
  EXPECT_TRUE(isa_has(kQemu, "zba"));
  EXPECT_TRUE(isa_has(kQemu, "zicsr"));
}

TEST(Isa, PartsOfNamesAreNoNames) {
  EXPECT_FALSE(isa_has(kQemu, "zb"));
  EXPECT_FALSE(isa_has(kQemu, "stc"));
  EXPECT_FALSE(isa_has(kQemu, "sstcx"));
  EXPECT_FALSE(isa_has("rv64gc_sstcx", "sstc"));
  EXPECT_FALSE(isa_has("rv64gc", "sstc"));
}

TEST(Isa, OddStringsHoldNothing) {
  EXPECT_FALSE(isa_has("", "sstc"));
  EXPECT_FALSE(isa_has("_", "sstc"));
  EXPECT_FALSE(isa_has("____", "sstc"));
  EXPECT_TRUE(isa_has("__sstc_", "sstc"));
}

}  // namespace
}  // namespace quoll::cpu
