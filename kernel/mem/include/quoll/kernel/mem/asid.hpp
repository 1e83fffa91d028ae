// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Address-space ids: which tag a hart's cached translations of a space carry, out of as many as
// the machine has, none included.
//
// ASIDs of one generation are given out once each, in order. When there are none left a new
// generation begins: all tags become invalid at once, but for those under which a hart is running
// at that moment. These are kept, and their spaces find them again when they are next entered. A
// hart that enters anything in a generation that it has not met forgets all it has cached first:
// so what it then has under an ASID was cached for the space that owns the ASID now.
//
// Entering costs no lock while tag, hart and generation fit. `held` is what makes that safe:
//
//   the hart                               who rolls over (under the lock)
//   H1  h = held                           R1  generation + 1
//   H2  tag's generation == generation?    R2  for every hart: k = exchange(held, kTaken);
//   H3  compare-exchange held: h -> tag        unless k was kTaken: keep k's ASID
//                                          R3  give ASIDs out
//
// H3 and R2 are read-modify-writes of one word, so one is first. If it is H3, R2 finds the tag and
// keeps it, though the hart looked at the old generation. If it is R2, the word is kTaken and H3
// fails, for only the hart itself ever writes anything else there; the hart then takes the lock.
// A hart that `leave`s may write kNone over kTaken. H1 then reads what was written over R2, so R2,
// and R1 before it, comes before H1 and H2 in the order of the sequentially consistent accesses,
// which these four are: H2 sees R1. The write itself needs no order; a rollover that does not see
// it yet keeps the tag for nothing.
//
// Between H3 and the write to satp a hart still fills its cache under the ASID that it had before,
// which nobody may be keeping any more. If a rollover in that window gave it to another space, then
// the hart has not met that generation yet, and forgets everything before it runs under the ASID
// again.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include <quoll/sync/hart_set.hpp>
#include <quoll/sync/spin_lock.hpp>

namespace quoll::vm {

/// The ASID of untagged spaces and of the kernel's own root. Whoever leaves or enters it with a
/// space forgets everything.
inline constexpr std::uint16_t kUntagged = 0;
inline constexpr unsigned kMaxAsidBits = 16;

/// Where ASIDs keep their words, and what orders harts that must wait for one another: those of
/// this machine.
struct MachineAsids {
  template <typename T>
  using Atomic = std::atomic<T>;
  using Lock = sync::SpinLock<sync::LockRank::kAsid>;
  static constexpr unsigned kHarts = sync::kMaxHarts;
};

template <typename Memory>
class BasicAsidAllocator;

/// What a space remembers of its ASID: the number, and the generation in which it is valid.
template <typename Memory>
class BasicAsidTag {
 public:
  /// The number of the latest activation. *Requires*: the space is active somewhere under a tag;
  /// it keeps its number for that long, and whoever found the space active sees it.
  std::uint16_t asid() const noexcept {
    return static_cast<std::uint16_t>(value_.load(std::memory_order_relaxed));
  }

 private:
  friend class BasicAsidAllocator<Memory>;
  typename Memory::template Atomic<std::uint64_t> value_{0};
};

/// Gives spaces their ASIDs when harts enter them.
/// *Locking*: its own, and none while there is an ASID. *Context*: task.
template <typename Memory>
class BasicAsidAllocator {
 public:
  using AsidTag = BasicAsidTag<Memory>;

  /// *Requires*: no hart has cached anything under an ASID other than 0. More than 16 bits are 16.
  explicit BasicAsidAllocator(unsigned bits) noexcept;
  BasicAsidAllocator(const BasicAsidAllocator&) = delete;
  BasicAsidAllocator& operator=(const BasicAsidAllocator&) = delete;

  struct Entered {
    std::uint16_t asid;  ///< `kUntagged`: there is none to be had
    bool must_forget;    ///< everything that this hart has cached, before it runs under the ASID
  };
  /// The hart is about to run under the tag, and holds it until it enters another or leaves.
  /// *Requires*: called by that hart.
  Entered enter(AsidTag& tag, unsigned hart) noexcept;
  /// The hart is about to run under no tag.
  void leave(unsigned hart) noexcept;

  unsigned bits() const noexcept { return bits_; }
  /// How many ASIDs there are for spaces.
  std::uint32_t capacity() const noexcept { return last_; }
  /// How many generations have begun, the first one included. For reports.
  std::uint64_t generation() const noexcept { return generation_.load(std::memory_order_relaxed); }

 private:
  template <typename T>
  using Atomic = typename Memory::template Atomic<T>;
  using Lock = typename Memory::Lock;

  /// A tag is a generation, from 1 on, over 16 bits of ASID. These two are none.
  static constexpr std::uint64_t kTaken = 0;
  static constexpr std::uint64_t kNone = 1;
  static constexpr std::uint64_t tag_of(std::uint64_t generation, std::uint32_t asid) noexcept {
    return (generation << kMaxAsidBits) | asid;
  }
  static constexpr std::uint64_t generation_of(std::uint64_t tag) noexcept {
    return tag >> kMaxAsidBits;
  }
  static constexpr std::uint16_t asid_of(std::uint64_t tag) noexcept {
    return static_cast<std::uint16_t>(tag);
  }

  struct alignas(64) Hart {
    Atomic<std::uint64_t> held;  // a tag, kNone or kTaken
    std::uint64_t forgot;        // its own: the generation whose start it has dealt with
    std::uint64_t kept = 0;      // under the lock: the tag that the last rollover found
  };

  std::uint64_t allocate() noexcept QUOLL_REQUIRES(lock_);
  bool is_kept(std::uint32_t asid) const noexcept QUOLL_REQUIRES(lock_);
  bool renew_kept(std::uint64_t tag, std::uint64_t renewed) noexcept QUOLL_REQUIRES(lock_);
  bool would_gain() const noexcept QUOLL_REQUIRES(lock_);
  void roll_over() noexcept QUOLL_REQUIRES(lock_);

  const unsigned bits_;
  const std::uint32_t last_;
  Lock lock_;
  Atomic<std::uint64_t> generation_{1};
  std::uint32_t next_ QUOLL_GUARDED_BY(lock_) = 1;
  std::array<Hart, Memory::kHarts> harts_;
};

using AsidTag = BasicAsidTag<MachineAsids>;
using AsidAllocator = BasicAsidAllocator<MachineAsids>;
extern template class BasicAsidAllocator<MachineAsids>;  // asid.cpp

}  // namespace quoll::vm
