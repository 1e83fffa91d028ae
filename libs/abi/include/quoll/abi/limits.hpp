// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Limits that both sides of the boundary rely on.
#pragma once

#include <cstdint>

namespace quoll::abi {

/// The version of the boundary: of StartBlock, TimePage and the calls together.
inline constexpr std::uint32_t kVersion = 3;

/// The unit of every mapping, in bytes.
inline constexpr std::uint64_t kPageSize = 4096;

/// The lowest address that may ever be mapped for a guest: null pointers fault.
inline constexpr std::uint64_t kLowestUserAddress = 0x10000;

/// Where the runtime's image is linked: the same in every guest, so that its pages are shared.
inline constexpr std::uint64_t kRuntimeBase = 0x200000;

/// The most bytes that one read, write or random call moves; more is cut to this.
inline constexpr std::uint64_t kMaxTransfer = std::uint64_t{64} * 1024;

/// The longest name of one directory entry, in bytes.
inline constexpr std::uint64_t kMaxName = 255;

/// The most items of one wait_many.
inline constexpr std::uint64_t kMaxWaitItems = 64;

/// The most handles that a guest can hold at once.
inline constexpr std::uint64_t kMaxHandles = 256;

/// The longest text of one log call; more is cut.
inline constexpr std::uint64_t kMaxLogText = 240;

/// What a guarded linear memory reserves: all that a 32-bit index and a 32-bit offset reach.
inline constexpr std::uint64_t kGuardedMemory = std::uint64_t{8} << 30;

/// The most bytes of arguments, environment and preopened names together.
inline constexpr std::uint64_t kMaxStartBlock = std::uint64_t{256} * 1024;

}  // namespace quoll::abi
