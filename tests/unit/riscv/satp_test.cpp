// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <cstdint>
#include <gtest/gtest.h>

#include <quoll/riscv/csr.hpp>
#include <quoll/riscv/satp.hpp>
#include <quoll/riscv/sbi.hpp>
#include <quoll/riscv/trap_cause.hpp>

namespace quoll::riscv {
namespace {

TEST(Satp, DecodesWhatItEncodes) {
  for (const PagingMode mode :
       {PagingMode::kBare, PagingMode::kSv39, PagingMode::kSv48, PagingMode::kSv57}) {
    const Satp satp{mode, 0xabcd, mem::PhysicalAddress(0xff'ffff'ffff'f000)};
    EXPECT_EQ(Satp::decode(satp.encode()), satp);
  }
  EXPECT_EQ((Satp{PagingMode::kSv39, 1, mem::PhysicalAddress(0x8020'0000)}.encode()),
            0x8000'1000'0008'0200u);
}

TEST(Satp, RefusesModesThatItDoesNotKnow) {
  for (std::uint64_t mode = 0; mode < 16; ++mode) {
    const bool known = mode == 0 || (mode >= 8 && mode <= 10);
    EXPECT_EQ(Satp::decode(mode << 60).has_value(), known) << mode;
  }
}

TEST(TrapCause, TellsInterruptsFromExceptions) {
  EXPECT_TRUE(TrapCause(Interrupt::kTimer).is_interrupt());
  EXPECT_EQ(TrapCause(Interrupt::kTimer).value(), 0x8000'0000'0000'0005u);
  EXPECT_FALSE(TrapCause(Exception::kStorePageFault).is_interrupt());
  EXPECT_EQ(TrapCause(Exception::kStorePageFault).page_fault_access(), mem::Access::kWrite);
  EXPECT_EQ(TrapCause(Exception::kInstructionPageFault).page_fault_access(), mem::Access::kExecute);
  EXPECT_FALSE(TrapCause(Interrupt::kExternal).page_fault_access().has_value());
  EXPECT_EQ(TrapCause(std::uint64_t{0x8000'0000'0000'ffff}).name(), "unknown interrupt");
  EXPECT_EQ(TrapCause(std::uint64_t{10}).name(), "unknown exception");
  EXPECT_EQ(TrapCause(std::uint64_t{1000}).name(), "unknown exception");
}

TEST(Sstatus, KeepsFloatStateApart) {
  for (const auto state :
       {UnitState::kOff, UnitState::kInitial, UnitState::kClean, UnitState::kDirty}) {
    const std::uint64_t status = with_float_state(~std::uint64_t{0}, state);
    EXPECT_EQ(float_state(status), state);
    EXPECT_EQ(status | sstatus::kFsMask, ~std::uint64_t{0});
  }
}

TEST(Sbi, SpellsItsExtensions) {
  const auto spelled = [](const char* text) {
    std::uint64_t id = 0;
    for (; *text != 0; ++text) id = (id << 8) | static_cast<unsigned char>(*text);
    return static_cast<sbi::Extension>(id);
  };
  EXPECT_EQ(spelled("TIME"), sbi::Extension::kTimer);
  EXPECT_EQ(spelled("sPI"), sbi::Extension::kIpi);
  EXPECT_EQ(spelled("RFNC"), sbi::Extension::kRemoteFence);
  EXPECT_EQ(spelled("HSM"), sbi::Extension::kHartState);
  EXPECT_EQ(spelled("SRST"), sbi::Extension::kSystemReset);
  EXPECT_EQ(spelled("DBCN"), sbi::Extension::kDebugConsole);
}

}  // namespace
}  // namespace quoll::riscv
