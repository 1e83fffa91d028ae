// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the assembler's frames tell an unwinder: trap entry, and the way into user mode.
#include <array>
#include <cstdint>
#include <libunwind.h>

#include <quoll/arch/trap_frame.hpp>
#include <quoll/kernel/tests/test.hpp>
#include <quoll/mem/address.hpp>

extern "C" {
void quoll_trap_entry() noexcept;
void quoll_enter_user() noexcept;
}

namespace quoll {
namespace {

constexpr std::size_t kSp = 2;
constexpr std::size_t kS0 = 8;
constexpr std::size_t kS1 = 9;
constexpr std::size_t kS2 = 18;
constexpr std::size_t kS11 = 27;

/// A register file as libunwind takes it from a program: pc first, then x1 to x31.
struct Registers {
  std::array<std::uint64_t, 32> value{};
};
static_assert(sizeof(Registers) <= sizeof(unw_context_t));

std::uint64_t inside(void (*function)(), std::uint64_t offset) {
  // SAFETY: a number, to be looked up and not called.
  return reinterpret_cast<std::uint64_t>(function) + offset;
}

bool start_at(unw_cursor_t& cursor, const Registers& registers) {
  unw_context_t context{};
  std::copy(registers.value.begin(), registers.value.end(), context.data);
  return unw_init_local(&cursor, &context) == UNW_ESUCCESS;
}

std::uint64_t read(unw_cursor_t& cursor, unw_regnum_t number) {
  unw_word_t value = 0;
  return unw_get_reg(&cursor, number, &value) == UNW_ESUCCESS ? value : ~std::uint64_t{0};
}

KTEST(Unwind, OutOfTrapEntryEveryRegisterIsTheInterruptedCodes) {
  arch::TrapFrame frame{};
  for (std::size_t i = 1; i < frame.x.size(); ++i) frame.x[i] = 0x1000 + i;
  // Where the interrupted code was: the first instruction of some function.
  frame.pc = inside(&quoll_enter_user, 0);
  Registers registers;
  registers.value[0] = inside(&quoll_trap_entry, 64);
  registers.value[kSp] = mem::address_of(&frame).value();
  unw_cursor_t cursor{};
  ASSERT_TRUE(start_at(cursor, registers));
  EXPECT_TRUE(unw_is_signal_frame(&cursor) == 0);
  ASSERT_TRUE(unw_step(&cursor) > 0);
  EXPECT_EQ(read(cursor, UNW_REG_IP), frame.pc);
  for (std::size_t i = 1; i < frame.x.size(); ++i) {
    EXPECT_EQ(read(cursor, static_cast<unw_regnum_t>(i)), frame.x[i]);
  }
  // Not one instruction before it: that would be another function.
  unw_proc_info_t function{};
  ASSERT_TRUE(unw_get_proc_info(&cursor, &function) == UNW_ESUCCESS);
  EXPECT_EQ(function.start_ip, inside(&quoll_enter_user, 0));
}

KTEST(Unwind, OutOfUserEntryTheCallersRegistersComeBack) {
  // As quoll_enter_user saves them: ra, s0, s1, s2 to s11.
  alignas(16) std::array<std::uint64_t, 14> saved{};
  for (std::size_t i = 0; i < saved.size(); ++i) saved[i] = 0x2000 + i;
  saved[0] = inside(&quoll_trap_entry, 64);
  Registers registers;
  // Behind the last store and before user mode: where the context's pc is read.
  registers.value[0] = inside(&quoll_enter_user, 40);
  registers.value[kSp] = mem::address_of(saved.data()).value();
  unw_cursor_t cursor{};
  ASSERT_TRUE(start_at(cursor, registers));
  ASSERT_TRUE(unw_step(&cursor) > 0);
  EXPECT_EQ(read(cursor, UNW_REG_IP), saved[0]);
  EXPECT_EQ(read(cursor, kSp), mem::address_of(saved.data()).value() + sizeof saved);
  EXPECT_EQ(read(cursor, kS0), saved[1]);
  EXPECT_EQ(read(cursor, kS1), saved[2]);
  for (std::size_t i = kS2; i <= kS11; ++i) {
    EXPECT_EQ(read(cursor, static_cast<unw_regnum_t>(i)), saved[3 + i - kS2]);
  }
}

}  // namespace
}  // namespace quoll
