// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// How owners of a frame are counted.
//
// The word is 0 when nobody owns the frame and 1 when it has one owner and never had another.
// The first `share` sets the top bit, which stays until the last owner is gone: an owner who reads
// exactly 1 knows that nobody else ever held the frame since it was allocated, and needs no order
// with other harts' accesses to it. (Every owner reads its own word right: a handle made by
// `share` reaches another hart only by something that orders the hart that shared before it, and
// whoever shared has written the bit itself.)
//
//     share   compare-exchange, relaxed: it needs a handle, so the count is above zero and the
//             frame stays; a count of zero is refused and never rises again.
//     drop    acquire-release: what every owner did with the frame comes before what the last one
//             does next (give it to somebody else). An owner that reads a count of one, with
//             acquire, is the last: nobody can share what only it holds. The value it reads was
//             written by the releases of all those who dropped before.
//     unique  acquire, for the same reason: the only owner may then write in place.
#pragma once

#include <atomic>
#include <cstdint>

namespace quoll::vm {

/// What a dropped reference leaves behind.
enum class Dropped : std::uint8_t {
  kOthersRemain,
  kLast,    ///< nobody owns the frame any more; the caller disposes of it
  kBroken,  ///< there was no owner; nothing changed
};

/// The counting protocol over a word: anything with the operations of `std::atomic_ref`.
template <typename Word>
class ReferenceCount {
 public:
  static constexpr std::uint32_t kShared = std::uint32_t{1} << 31;
  static constexpr std::uint32_t kMaxCount = kShared - 1;

  explicit ReferenceCount(Word word) noexcept : word_(word) {}

  /// One more owner. False, and nothing changed, when there is none, or one too many.
  [[nodiscard]] bool share() noexcept {
    std::uint32_t before = word_.load(std::memory_order_relaxed);
    for (;;) {
      const std::uint32_t count = before & kMaxCount;
      if (count == 0 || count == kMaxCount) return false;
      if (word_.compare_exchange_weak(before, (before + 1) | kShared, std::memory_order_relaxed)) {
        return true;
      }
    }
  }
  /// One owner less. The word of the last one is left as it is.
  [[nodiscard]] Dropped drop() noexcept {
    std::uint32_t before = word_.load(std::memory_order_acquire);
    for (;;) {
      const std::uint32_t count = before & kMaxCount;
      if (count == 0) return Dropped::kBroken;
      if (count == 1) return Dropped::kLast;
      if (word_.compare_exchange_weak(before, before - 1, std::memory_order_acq_rel)) {
        return Dropped::kOthersRemain;
      }
    }
  }
  bool is_unique() const noexcept {
    return (word_.load(std::memory_order_acquire) & kMaxCount) == 1;
  }
  std::uint32_t count() const noexcept { return word_.load(std::memory_order_relaxed) & kMaxCount; }

 private:
  Word word_;
};

}  // namespace quoll::vm
