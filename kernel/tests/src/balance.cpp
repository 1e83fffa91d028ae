// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <optional>

#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/tests/balance.hpp>

namespace quoll::tests {
namespace {

constexpr std::uint64_t kSampleNanoseconds = 1'000'000;
/// Samples in a row that must be equal for a machine at rest.
constexpr unsigned kQuietSamples = 10;

auto next_sample() {
  return exec::sleep_until(exec::now() + exec::ticks_from_nanoseconds(kSampleNanoseconds));
}

/// One coroutine for both measures: its own frame counts in both alike.
async::Task<Balance> measure(std::optional<Balance> before) {
  const exec::Ticks limit = exec::now() + exec::ticks_per_second();
  Balance last = Balance::now();
  for (unsigned quiet = 0; exec::now() < limit;) {
    if (before ? last.within(*before) : quiet == kQuietSamples) break;
    if (!co_await next_sample()) break;
    const Balance present = Balance::now();
    quiet = present == last ? quiet + 1 : 0;
    last = present;
  }
  co_return last;
}

}  // namespace

Balance Balance::now() noexcept {
  // Empty slabs and caches are the allocators' own business, and how many slabs the heap's objects
  // lie in depends on who allocated when.
  vm::heap().trim();
  const vm::MemoryStatistics memory = vm::statistics();
  return {memory.frames.allocated - memory.heap.frames, memory.heap.used_bytes, memory.heap.objects,
          exec::executor().task_count()};
}

bool Balance::within(const Balance& other) const noexcept {
  return frames <= other.frames && heap_bytes <= other.heap_bytes &&
         heap_objects <= other.heap_objects && tasks <= other.tasks;
}

async::Task<Balance> balance_at_rest() {
  return measure(std::nullopt);
}

async::Task<Balance> balance_again(Balance before) {
  return measure(before);
}

}  // namespace quoll::tests
