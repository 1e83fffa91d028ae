// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "balance.hpp"

#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/mem/init.hpp>

namespace quoll::tests {

Balance Balance::now() noexcept {
  // Empty slabs and caches are the allocators' own business, and how many slabs the heap's objects
  // lie in depends on who allocated when.
  vm::heap().trim();
  const vm::MemoryStatistics memory = vm::statistics();
  return {memory.frames.allocated - memory.heap.frames, memory.heap.used_bytes, memory.heap.objects,
          exec::executor().task_count()};
}

}  // namespace quoll::tests
