// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Linear memories: reserved once with room to grow, committed as they grow.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <quoll/abi/types.hpp>
#include <quoll/wasm/memory_provider.hpp>

namespace quoll::runtime {

/// The linear memories of this guest. *Context*: one thread.
class Memories {
 public:
  /// With the plan that the kernel has chosen for the guest.
  explicit Memories(abi::MemoryPlan plan) : plan_(plan) {}

  /// The engine's view; this object outlives all stores.
  wasm::MemoryProvider provider();

  /// Whether an address lies in a memory's reservation.
  bool contains(std::uint64_t address) const;

 private:
  struct Reservation {
    std::uint64_t base = 0;
    std::uint64_t bytes = 0;
  };

  std::uint8_t* reserve(std::uint64_t bytes);
  std::uint64_t reserve_guarded(std::uint64_t bytes);
  void release(std::uint8_t* base);

  abi::MemoryPlan plan_;
  // A module has one memory. What is beyond this table works, but faults there are not its traps.
  std::array<Reservation, 16> reservations_{};
};

}  // namespace quoll::runtime
