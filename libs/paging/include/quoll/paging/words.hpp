// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// How the words are read and written that harts share: entries, records, walk sections. Tests put
// words of their own in the place of this machine's, to try every order in which harts may see
// them.
#pragma once

#include <atomic>

namespace quoll::paging {

/// Words of this machine's memory.
struct MachineWords {
  /// Atomic access to a word that lies anywhere.
  template <typename T>
  using Ref = std::atomic_ref<T>;
  static void fence(std::memory_order order) noexcept { std::atomic_thread_fence(order); }
};

}  // namespace quoll::paging
