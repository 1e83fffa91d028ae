// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the loader prepared for one hart. The table is indexed by dense logical id.
#pragma once

#include <cstdint>
#include <type_traits>

#include <quoll/handoff/extent.hpp>

namespace quoll::handoff {

/// One hart: its hardware id, and the memory that is its own.
struct HartInfo {
  /// The id that SBI and the interrupt controller know it by; arbitrary and sparse.
  std::uint64_t hart_id = 0;
  /// Its stack, all of it mapped; unmapped guard pages stand on both sides.
  VirtualExtent stack;
  /// Its TLS block, initialised from the kernel's template; `tls.start` is the hart's `tp`.
  /// Empty, and `tp` zero, when the kernel has no TLS segment.
  VirtualExtent tls;
};
static_assert(sizeof(HartInfo) == 40 && std::is_trivially_copyable_v<HartInfo>);

}  // namespace quoll::handoff
