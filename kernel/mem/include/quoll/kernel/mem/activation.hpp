// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Activation against shootdown: which harts have a space active, and what those that come back to
// it must forget. vm_space.cpp puts it to use.
//
// Translations stay in a hart's cache when it leaves a space, under the space's ASID, and nobody
// fences a hart where the space is not active. Instead the space counts its changes, and a hart
// that comes back compares. For each hart, `forgot_` is a number of a change such that nothing
// older than that change is in its cache under the space's present ASID.
//
//   shootdown                              activation
//   S1  entries change                     A1  the ASID is made sure of (asid.hpp)
//   S2  n = changes_ + 1, stored           A2  the hart joins active_
//   S3  harts = active_, then the ASID     A3  now = changes_
//   S4  fences on all of harts             A4  if forgot_[hart] != now: it becomes now, and
//   S5  forgot_[h]: n-1 -> n for those         the hart forgets the ASID
//                                          A5  satp is written
//
// S2, S3, A2 and A3 are sequentially consistent. If S3 does not see A2 then A3 comes after S2 and
// sees n, hence by release and acquire the changed entries too; A4 forgets what was. If S3 sees A2,
// S4 reaches the hart, before A5 or after. Then A1's ASID is visible at S3 as well, and the number
// does not change while a hart runs under it. Walks with the new root begin after A5, a write that
// no hart does ahead of the branch in A4, which needs the answer of A3, which comes after A2.
//
// S5 claims what S4 has done. A hart that had forgotten all up to n-1, and was fenced for n, has
// forgotten all up to n; where another shootdown is under way the exchange fails, the claim stays
// too small, and the hart forgets once more than it must when it comes back. A4's store can make
// it too small likewise; no store makes it too large. A4 reads and writes without order: an older
// number is a smaller one, and nothing is reached through it.
//
// Leaving: satp is written first, then the hart leaves the set; fences until then do no harm. It
// leaves with a release: what user mode has stored is in memory before a shootdown finds the hart
// gone and gives the frame to somebody else. What a hart under no ASID had cached nobody can tell
// from what comes next, so it forgets all of it between the two. A shootdown that finds such a hart
// in the set fences without an ASID; one that finds it in the set, but among those without an ASID
// no more, needs no order for that: the hart has forgotten already.
//
// The first activation on a hart forgets everything (forgot_ is 0, changes_ begins at 1): the
// root's kernel half was written by stores that no fence has ordered before this hart's walks, and
// a fence of an ASID says nothing about global translations.
//
// Translations that were added count as no change: a hart that remembers that there was nothing
// faults, looks again, and fences itself.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include <quoll/sync/hart_set.hpp>

namespace quoll::vm {

/// What a hart must forget before it runs in a space.
enum class Forget : std::uint8_t { kNothing, kAsid, kAll };

/// Where an activation keeps its words: in this machine's memory.
struct MachineActivation {
  template <typename T>
  using Atomic = std::atomic<T>;
  static constexpr unsigned kHarts = sync::kMaxHarts;
};

template <typename Memory>
class BasicActivation {
 public:
  /// One change that others must hear of.
  struct Change {
    std::uint64_t before;  ///< the number of the change before it
    sync::HartSet harts;   ///< those that must be fenced
  };

  BasicActivation() = default;
  BasicActivation(const BasicActivation&) = delete;
  BasicActivation& operator=(const BasicActivation&) = delete;

  /// A2 to A4; the caller does the forgetting. `is_untagged`: the hart will run under no ASID.
  Forget join(unsigned hart, bool is_untagged) noexcept {
    if (is_untagged) untagged_.fetch_or(bit(hart));
    active_.fetch_or(bit(hart));
    const std::uint64_t now = changes_.load();
    const std::uint64_t forgot = forgot_[hart].load(std::memory_order_relaxed);
    if (forgot == now) return Forget::kNothing;
    forgot_[hart].store(now, std::memory_order_relaxed);
    return forgot == 0 ? Forget::kAll : Forget::kAsid;
  }
  void leave(unsigned hart) noexcept {
    active_.fetch_and(~bit(hart), std::memory_order_release);
    if (is_untagged(hart)) untagged_.fetch_and(~bit(hart), std::memory_order_relaxed);
  }

  sync::HartSet active() const noexcept { return sync::HartSet(active_.load()); }
  bool is_untagged(unsigned hart) const noexcept { return (untagged_.load() & bit(hart)) != 0; }
  /// Whether one of the harts runs under no ASID.
  bool has_untagged(sync::HartSet harts) const noexcept {
    return (harts.bits() & untagged_.load()) != 0;
  }

  /// S2 and S3, when entries have changed.
  Change begin_change() noexcept {
    const std::uint64_t before = changes_.fetch_add(1);
    return {before, active()};
  }
  /// S5, when the harts have been fenced.
  void end_change(const Change& change) noexcept {
    change.harts.for_each([&](unsigned hart) {
      std::uint64_t expected = change.before;
      (void)forgot_[hart].compare_exchange_strong(expected, change.before + 1);
    });
  }

 private:
  template <typename T>
  using Atomic = typename Memory::template Atomic<T>;

  static std::uint64_t bit(unsigned hart) noexcept { return sync::HartSet::of(hart).bits(); }

  Atomic<std::uint64_t> active_{0};
  Atomic<std::uint64_t> untagged_{0};  // those that run in it without an ASID
  Atomic<std::uint64_t> changes_{1};
  std::array<Atomic<std::uint64_t>, Memory::kHarts> forgot_{};
};

using Activation = BasicActivation<MachineActivation>;

}  // namespace quoll::vm
