// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What a call and a fault cost. Only a machine that counts instructions (`bench=`, and QEMU's
// -icount) can tell; others only find that both work.
#include <algorithm>

#include <quoll/arch/current.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/state/state.hpp>
#include <quoll/kernel/tests/test.hpp>
#include <quoll/kernel/tracing/console.hpp>

#include "guest_support.hpp"

namespace quoll::guest::tests {
namespace {

void tell(std::string_view name, std::uint64_t count) {
  std::array<char, 64> line;
  const std::size_t size = log::format_to(std::span<char>(line), "bench: {} {}\n", name, count);
  tracing::write(std::string_view(line.data(), size));
}

// Harts let user mode count only when `bench=` was given.
bool can_count() {
  return !kernel::state().arguments.bench.empty();
}

// What `action` takes, without what taking the counter twice takes.
template <typename Action>
std::uint64_t least_count(Action action) {
  std::uint64_t least = ~std::uint64_t{0};
  for (int i = 0; i < 50; ++i) {
    const std::uint64_t before = arch::read_instructions();
    action();
    least = std::min(least, arch::read_instructions() - before);
  }
  return least;
}

KTEST_TASK(Counts, Call) {
  if (!can_count()) co_return;
  const GuestEnd end = RUN_PROBE("count-call");
  CO_ASSERT_TRUE(end.reason == EndReason::kExited);
  tell("syscall.empty", end.exit_status);
}

KTEST_TASK(Counts, MinorFault) {
  if (!can_count()) co_return;
  const GuestEnd end = RUN_PROBE("count-fault", "0");
  const GuestEnd run = RUN_PROBE("count-fault", "1");
  CO_ASSERT_TRUE(end.reason == EndReason::kExited && run.reason == EndReason::kExited);
  const std::uint64_t plain = least_count([] { EXPECT_TRUE(vm::frames().allocate().has_value()); });
  const std::uint64_t zeroed =
      least_count([] { EXPECT_TRUE(vm::frames().allocate_zeroed().has_value()); });
  tell("fault.zeroing", zeroed - plain);
  tell("fault.minor", end.exit_status - (zeroed - plain));
  tell("fault.sequential", run.exit_status - (zeroed - plain));
}

// One page of WebAssembly's, of sixteen of the machine's: what the kernel does at once, and all
// that comes of it, zeroing included.
KTEST_TASK(Counts, MemoryGrow) {
  if (!can_count()) co_return;
  const GuestEnd grown = RUN_PROBE("count-grow", "0");
  const GuestEnd touched = RUN_PROBE("count-grow", "1");
  CO_ASSERT_TRUE(grown.reason == EndReason::kExited && touched.reason == EndReason::kExited);
  tell("memory.grow", grown.exit_status);
  tell("memory.grow_touched", touched.exit_status);
}

}  // namespace
}  // namespace quoll::guest::tests
