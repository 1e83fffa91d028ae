// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Stacks that end, and registers that are not what they were: "Stacks and registers" of
// docs/panic.md.
#include <array>

#include <quoll/arch/current.hpp>
#include <quoll/arch/hart_local.hpp>
#include <quoll/kernel/panic/panic.hpp>
#include <quoll/kernel/state/state.hpp>
#include <quoll/kernel/tests/test.hpp>
#include <quoll/sync/spin_lock.hpp>

#include "failures_support.hpp"

namespace quoll::failures {
namespace {

using Lock = sync::SpinLock<sync::LockRank::kDevice>;
constinit Lock lock;

QUOLL_NAMED std::uint64_t recurse(std::uint64_t depth) {
  std::array<std::uint64_t, 16> room{};
  room[depth % 16] = depth;
  asm volatile("" : : "r"(room.data()) : "memory");
  if (depth == ~std::uint64_t{0}) return 0;
  return recurse(depth + 1) + room[depth % 16];
}
KTEST_DEATH(Failures, StackOverflow, says("stack overflow: store page fault …"),
            names("recurse", "recurse")) {
  recurse(0);
}

KTEST_DEATH(Failures, StackOverflowOnEveryHart, says("stack overflow: store page fault …"),
            names("recurse", "recurse"), harts("1", "2", "3", "4")) {
  on_hart(arch::Harts::count() - 1, [] { recurse(0); });
}

QUOLL_NAMED void recurse_locked() {
  sync::LockGuard guard(lock);
  recurse(0);
}
KTEST_DEATH(Failures, StackOverflowWithLockHeld, says("stack overflow: store page fault …"),
            names("recurse"), prints("locks held: …device")) {
  recurse_locked();
}

QUOLL_NAMED void take_large_frame() {
  // Longer than the stack and its guard page together.
  volatile std::uint8_t room[std::size_t{16} * 4096];
  for (std::size_t i = 0; i < sizeof room; i += 64) room[i] = 1;
}
KTEST_DEATH(Failures, LargeFrame, says("stack overflow: …"), names("take_large_frame")) {
  take_large_frame();
}

QUOLL_NAMED void write_guard() {
  *somewhere(arch::hart_local().stack_low - 8) = 0;
}
KTEST_DEATH(Failures, StackGuard, says("stack guard: store page fault …"), names("write_guard")) {
  write_guard();
}

QUOLL_NAMED void corrupt_sp() {
  asm volatile(
      "li sp, 0x1234560\n"
      "sd zero, 0(sp)");
}
KTEST_DEATH(Failures, CorruptedStackPointer, says("corrupted stack pointer: store page fault …"),
            names("corrupt_sp")) {
  corrupt_sp();
}

QUOLL_NAMED void misalign_sp() {
  asm volatile(
      "addi sp, sp, 4\n"
      "unimp");
}
KTEST_DEATH(Failures, MisalignedStackPointer, says("corrupted stack pointer: …"),
            names("misalign_sp")) {
  misalign_sp();
}

QUOLL_NAMED void borrow_stack(std::uint64_t top) {
  asm volatile(
      "mv sp, %0\n"
      "unimp"
      :
      : "r"(top));
}
KTEST_DEATH(Failures, StackPointerOfAnotherHart, says("corrupted stack pointer: …"),
            names("borrow_stack"), harts("2")) {
  const unsigned other = arch::Harts::id() == 0 ? 1 : 0;
  borrow_stack(kernel::state().boot_info->harts()[other].stack.end - 1024);
}

QUOLL_NAMED void corrupt_tp() {
  asm volatile(
      "li tp, 0x1234560\n"
      "unimp");
}
KTEST_DEATH(Failures, CorruptedThreadPointer, says("corrupted thread pointer: …"),
            names("corrupt_tp")) {
  corrupt_tp();
}

QUOLL_NAMED void corrupt_return_address() {
  auto* const frame = static_cast<volatile std::uint64_t*>(__builtin_frame_address(0));
  frame[-1] = ~std::uint64_t{0xfff};
  asm volatile("" : : : "ra", "memory");
}
KTEST_DEATH(Failures, CorruptedReturnAddress, says("wild jump: …")) {
  corrupt_return_address();
}

QUOLL_NAMED void corrupt_fp() {
  asm volatile("li s0, 0x1234560");
  arch::Interrupts::disable();
  panic_plainly("corrupted frame pointer");
}
KTEST_DEATH(Failures, CorruptedFramePointer, says("corrupted frame pointer"),
            names("panic_plainly", "corrupt_fp")) {
  corrupt_fp();
}

QUOLL_NAMED void fault_twice() {
  // As if the first fault had been noticed on the way in, and the second were the handler's.
  asm volatile(
      "mv sp, %0\n"
      "ld zero, 0(zero)"
      :
      : "r"(arch::hart_local().emergency_high - 2048));
}
KTEST_DEATH(Failures, DoubleFault, says("double fault: …"), names("fault_twice")) {
  fault_twice();
}

}  // namespace
}  // namespace quoll::failures
