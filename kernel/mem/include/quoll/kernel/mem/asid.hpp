// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Address-space ids: which tag a hart's cached translations of a space carry, out of as many as
// the machine has, none included. asid.cpp holds the protocol.
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

/// What a space remembers of its ASID: the number, and the generation in which it is valid.
class AsidTag {
 public:
  /// The number of the latest activation. *Requires*: the space is active somewhere under a tag;
  /// it keeps its number for that long.
  std::uint16_t asid() const noexcept { return static_cast<std::uint16_t>(value_.load()); }

 private:
  friend class AsidAllocator;
  std::atomic<std::uint64_t> value_{0};
};

/// Gives spaces their ASIDs when harts enter them.
/// *Locking*: its own, and none while there is an ASID. *Context*: task.
class AsidAllocator {
 public:
  /// *Requires*: no hart has cached anything under an ASID other than 0. More than 16 bits are 16.
  explicit AsidAllocator(unsigned bits) noexcept;
  AsidAllocator(const AsidAllocator&) = delete;
  AsidAllocator& operator=(const AsidAllocator&) = delete;

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
  /// How many generations have begun, the first one included.
  std::uint64_t generation() const noexcept { return generation_.load(); }

 private:
  using Lock = sync::SpinLock<sync::LockRank::kAsid>;
  struct alignas(64) Hart {
    std::atomic<std::uint64_t> held;  // a tag, kNone or kTaken
    std::uint64_t forgot;             // its own: the generation whose start it has dealt with
    std::uint64_t kept = 0;           // under the lock: the tag that the last rollover found
  };

  std::uint64_t allocate() noexcept QUOLL_REQUIRES(lock_);
  bool is_kept(std::uint32_t asid) const noexcept QUOLL_REQUIRES(lock_);
  bool renew_kept(std::uint64_t tag, std::uint64_t renewed) noexcept QUOLL_REQUIRES(lock_);
  bool would_gain() const noexcept QUOLL_REQUIRES(lock_);
  void roll_over() noexcept QUOLL_REQUIRES(lock_);

  const unsigned bits_;
  const std::uint32_t last_;
  Lock lock_;
  std::atomic<std::uint64_t> generation_{1};
  std::uint32_t next_ QUOLL_GUARDED_BY(lock_) = 1;
  std::array<Hart, sync::kMaxHarts> harts_;
};

}  // namespace quoll::vm
