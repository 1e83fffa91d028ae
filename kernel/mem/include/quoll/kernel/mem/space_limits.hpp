// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What one address space may use, and what it does.
#pragma once

#include <cstdint>

namespace quoll::vm {

/// What a space may use.
struct SpaceLimits {
  /// Pages of memory of its own, counted when they are promised, not when they are touched.
  std::uint64_t committed_pages = UINT64_MAX;
  /// Page tables, the root aside.
  std::uint64_t page_tables = UINT64_MAX;
  std::uint64_t regions = 65536;
  /// Addresses, with memory behind them or without.
  std::uint64_t reserved_bytes = UINT64_MAX;
};

/// What a space uses.
struct SpaceUsage {
  std::uint64_t reserved_bytes = 0;   ///< in all regions
  std::uint64_t committed_pages = 0;  ///< promised
  std::uint64_t shared_pages = 0;     ///< mapped from VMOs to be shared, whoever else has them
  std::uint64_t resident_pages = 0;   ///< frames of its own that are there
  std::uint64_t page_tables = 0;      ///< root included
  std::uint64_t regions = 0;
};

}  // namespace quoll::vm
