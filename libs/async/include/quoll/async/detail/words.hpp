// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The words that harts share. A program that explores interleavings names a header with its own in
// QUOLL_ASYNC_WORDS: what it explores then is this very code.
#pragma once

#ifdef QUOLL_ASYNC_WORDS
#include QUOLL_ASYNC_WORDS
#else

#include <atomic>
#include <cstdint>

namespace quoll::async::detail {

/// A word that harts access at once.
template <typename T>
using Atomic = std::atomic<T>;
/// 1 while somebody holds a lock. As wide as what RISC-V can exchange in one instruction (Zaamo).
using LockWord = std::atomic<std::uint32_t>;

/// A word that belongs to a lock, or is handed from one task to another by a wake.
template <typename T>
using Guarded = T;

/// Everything before it is seen everywhere before anything after it.
inline void fence_all() noexcept {
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

/// Between two looks at a lock that somebody holds.
inline void pause() noexcept {}

}  // namespace quoll::async::detail

#endif
