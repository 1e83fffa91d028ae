// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The record of the locks that each hart holds, one bit a rank, kept in checking builds.
#include <cstdint>

#include <quoll/base/assert.hpp>
#include <quoll/sync/lock_rank.hpp>

#ifdef QUOLL_CHECK_LOCK_RANKS
namespace quoll::sync::detail {
namespace {
constinit thread_local std::uint64_t held_ranks = 0;
constexpr std::uint64_t bit(LockRank rank) {
  return std::uint64_t{1} << static_cast<unsigned>(rank);
}
}  // namespace

void note_acquired(LockRank rank) noexcept {
  // Two locks of one rank cannot be ordered, so an equal rank is refused too.
  QUOLL_ASSERT(held_ranks < bit(rank));
  held_ranks |= bit(rank);
}

void note_released(LockRank rank) noexcept {
  QUOLL_ASSERT((held_ranks & bit(rank)) != 0);
  held_ranks &= ~bit(rank);
}

}  // namespace quoll::sync::detail
#endif
