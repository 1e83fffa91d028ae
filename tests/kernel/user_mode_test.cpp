// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// User mode below the level of guests: registers kept across system calls, preemption and moves
// between harts; slices.
#include <array>
#include <atomic>
#include <cstring>

#include <quoll/arch/current.hpp>
#include <quoll/arch/user_entry.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/tests/test.hpp>

// In user mode: fills every floating-point register, fcsr, gp and tp from a0, calls the kernel a1
// times, and looks after each call whether they are as they were. a7 tells how it went.
asm(R"(
  .pushsection .rodata.quoll_user_code, "a", @progbits
  .option push
  .option arch, +f, +d
  .option norvc
  .option norelax
  .balign 16
quoll_user_code_start:
quoll_user_float:
  mv t0, a0
  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
  fmv.d.x f\n, t0
  addi t0, t0, 1
  .endr
  andi t0, a0, 3
  slli t0, t0, 5
  fscsr t0
  mv gp, a0
  mv tp, a0
1:
  li a7, 1
  ecall
  mv t0, a0
  .irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
  fmv.x.d t1, f\n
  bne t1, t0, 2f
  addi t0, t0, 1
  .endr
  andi t0, a0, 3
  slli t0, t0, 5
  frcsr t1
  bne t1, t0, 2f
  bne gp, a0, 2f
  bne tp, a0, 2f
  addi a1, a1, -1
  bnez a1, 1b
  li a7, 0
  ecall
2:
  ebreak
quoll_user_spin:
  j quoll_user_spin
quoll_user_read_float:
  fmv.x.d a0, f0
  frcsr a1
  ecall
quoll_user_code_end:
  .option pop
  .popsection
)");

extern "C" {
extern const std::byte quoll_user_code_start[];
extern const std::byte quoll_user_float[];
extern const std::byte quoll_user_spin[];
extern const std::byte quoll_user_read_float[];
extern const std::byte quoll_user_code_end[];
}

namespace quoll::exec {
namespace {

/// A user address space with the code above in it.
class UserCode {
 public:
  bool make() {
    const auto size = static_cast<std::size_t>(quoll_user_code_end - quoll_user_code_start);
    const auto permissions = mem::Permissions::read_execute().for_user();
    auto vmo = vm::Vmo::create(vm::frames(), size, permissions);
    auto space = vm::AddressSpace::create(vm::kernel_space());
    if (!vmo || !space) return false;
    std::memcpy((*vmo)->data(), quoll_user_code_start, size);
    arch::Mmu::fence_code();
    arch::Mmu::fence_code_remote(
        sync::HartSet::first(arch::Harts::count()).without(arch::Harts::id()));
    const std::uint64_t bytes = (*vmo)->size();
    const auto mapped =
        (*space)->map_shared(vm::Placement::anywhere(), std::move(*vmo), 0, bytes, permissions);
    if (!mapped) return false;
    base_ = mapped->start();
    space_ = std::move(*space);
    return true;
  }
  std::uint64_t address_of(const std::byte* label) const noexcept {
    return (base_ + static_cast<std::uint64_t>(label - quoll_user_code_start)).value();
  }
  vm::AddressSpace& space() noexcept { return *space_; }

 private:
  std::unique_ptr<vm::AddressSpace> space_;
  mem::VirtualAddress base_;
};

struct FloatRun {
  bool kept = false;
  std::uint64_t harts = 0;
};

async::Task<FloatRun> run_float(UserCode& code, std::uint64_t seed, std::uint64_t rounds) {
  arch::UserContext context;
  context.pc = code.address_of(quoll_user_float);
  context.x[arch::kRegA0] = seed;
  context.x[arch::kRegA1] = rounds;
  FloatRun run;
  for (;;) {
    code.space().activate();
    const arch::UserExit exit = exec::enter_user(context);
    run.harts |= std::uint64_t{1} << arch::Harts::id();
    if (exit.kind == arch::UserExitKind::kInterrupt) {
      if (should_yield()) co_await yield_now();
      continue;
    }
    if (exit.kind != arch::UserExitKind::kSyscall) break;
    context.pc += 4;
    if (context.x[arch::kRegA7] == 0) {
      run.kept = true;
      break;
    }
    // Some calls stay on the hart, with the registers in it.
    if (context.x[arch::kRegA1] % 3 == 0) continue;
    if (context.x[arch::kRegA1] % 7 == 0) {
      (void)(co_await sleep_until(now() + ticks_per_second() / 20'000)).has_value();
    } else {
      co_await yield_now();
    }
  }
  forget_user(context);
  vm::kernel_space().activate();
  co_return run;
}

KTEST_TASK(UserMode, FloatingPointIsKeptBetweenThreadsAndAcrossHarts) {
  UserCode code;
  CO_ASSERT_TRUE(code.make());
  constexpr unsigned kThreads = 9;
  std::array<async::JoinHandle<FloatRun>, kThreads> threads;
  for (unsigned i = 0; i < kThreads; ++i) {
    auto spawned = spawn(run_float(code, 1000 * i + i, 400));
    CO_ASSERT_TRUE(spawned.has_value());
    threads[i] = std::move(*spawned);
  }
  unsigned moved = 0;
  for (auto& thread : threads) {
    const auto run = co_await thread.join();
    CO_ASSERT_TRUE(run.has_value());
    EXPECT_TRUE(run->kept);
    if ((run->harts & (run->harts - 1)) != 0) ++moved;
  }
  if (arch::Harts::count() > 1) EXPECT_GT(moved, 0u);
}

KTEST_TASK(UserMode, AFreshThreadSeesNothingOfAnothersRegisters) {
  UserCode code;
  CO_ASSERT_TRUE(code.make());
  auto first = spawn(run_float(code, 77, 3));
  CO_ASSERT_TRUE(first.has_value());
  CO_ASSERT_TRUE((co_await first->join()).has_value());
  arch::UserContext fresh;
  fresh.pc = code.address_of(quoll_user_read_float);
  fresh.x[arch::kRegA1] = 9;
  code.space().activate();
  arch::UserExit exit = exec::enter_user(fresh);
  while (exit.kind == arch::UserExitKind::kInterrupt) exit = exec::enter_user(fresh);
  forget_user(fresh);
  vm::kernel_space().activate();
  EXPECT_TRUE(exit.kind == arch::UserExitKind::kSyscall);
  EXPECT_EQ(fresh.x[arch::kRegA0], 0u);
  EXPECT_EQ(fresh.x[arch::kRegA1], 0u);
}

KTEST_TASK(UserMode, ALoopIsInterruptedWhenItsSliceIsOver) {
  UserCode code;
  CO_ASSERT_TRUE(code.make());
  arch::UserContext context;
  context.pc = code.address_of(quoll_user_spin);
  code.space().activate();
  const Ticks start = now();
  do {
    const arch::UserExit exit = exec::enter_user(context);
    CO_ASSERT_TRUE(exit.kind == arch::UserExitKind::kInterrupt);
  } while (now() - start < ticks_per_second() / 200);
  EXPECT_LT(now() - start, ticks_per_second() * 5);
  forget_user(context);
  vm::kernel_space().activate();
}

struct Sleeper {
  static constexpr unsigned kNowhere = ~0U;
  std::atomic<unsigned> hart{kNowhere};
  std::atomic<bool> woken{false};
};
async::Task<void> sleep_and_tell(Ticks deadline, Sleeper& sleeper) {
  sleeper.hart.store(arch::Harts::id());
  (void)(co_await sleep_until(deadline)).has_value();
  sleeper.woken.store(true);
}

// A sleeper that became due just before its hart entered user mode waited for the whole slice,
// although other harts had nothing to do.
KTEST_TASK(UserMode, WhatIsDueAtEntryGoesToAnIdleHart) {
  if (arch::Harts::count() == 1) co_return;
  UserCode code;
  CO_ASSERT_TRUE(code.make());
  arch::UserContext context;
  context.pc = code.address_of(quoll_user_spin);
  unsigned tried = 0;
  unsigned served_meanwhile = 0;
  // Whether the other hart gets to run within one slice is the host's business: one of many does.
  for (unsigned round = 0; round < 100 && tried < 20; ++round) {
    Sleeper sleeper;
    const Ticks deadline = now() + ticks_per_second() / 500;
    auto handle = spawn(sleep_and_tell(deadline, sleeper));
    CO_ASSERT_TRUE(handle.has_value());
    while (sleeper.hart.load() == Sleeper::kNowhere) co_await yield_now();
    while (now() < deadline) arch::Interrupts::relax();
    // A thief may have had one of us; then this round says nothing.
    if (sleeper.hart.load() == arch::Harts::id() && !sleeper.woken.load()) {
      code.space().activate();
      (void)exec::enter_user(context);
      ++tried;
      if (sleeper.woken.load()) ++served_meanwhile;
      forget_user(context);
      vm::kernel_space().activate();
    }
    CO_ASSERT_TRUE((co_await handle->join()).has_value());
  }
  EXPECT_GT(tried, 5u);
  EXPECT_GT(served_meanwhile, 0u);
}

}  // namespace
}  // namespace quoll::exec
