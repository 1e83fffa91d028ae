// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Reclamation of read-mostly data by quiescent states: readers take no lock, count nothing and
// fence nothing. They load a pointer (acquire), use what it points to, and forget it before their
// hart next comes through a quiescent state: a point at which it has no such pointer in hand.
// A writer puts a new version in place and retires the old one, which is reclaimed when each hart
// has been through such a point, or away, since. That is a grace period.
//
//     reader                              writer
//     p = current            (acquire)    old = current; current = p   (release)
//     ... *p ...                          retire(old)
//     pass(hart)                          (goes on at once)
//
// A hart has a word: it is here, it is here and asked, or it is away. What the words promise:
//
//  1. Asked: a grace period begins by asking each hart that is here, behind a fence. The hart
//     answers at its next quiescent state (acquire) and counts itself out (acquire and release).
//     Its reads before come before that, all counts come before the last one, and who counts last
//     reclaims. Its reads behind the answer find the new version, which was put in place before the
//     question.
//  2. Away: it left with a release behind its reads, which whoever finds it away acquires.
//  3. Coming back: the hart stores that it is here, fences (seq_cst), and reads; the grace period
//     fences (seq_cst) behind the new version's store, and reads the word. One fence is the first:
//     either the hart is asked, or it reads the new version. The same holds for one that joins.
//
// One grace period is under way at a time. What is retired meanwhile waits, in a list without a
// lock, for the next one, which begins where the last one ends; so at most what two of them take is
// there unreclaimed. Nobody waits and nobody is interrupted for any of it: a writer who wants to
// know when it is over, or not to go ahead of the readers, retires a node of its own that wakes it
// (`async::GracePeriod`). The links are in what is retired, so it needs no memory to give memory
// back.
#pragma once

#include <atomic>
#include <cstdint>

namespace quoll::sync {

/// What is to be reclaimed, as its base or its member.
struct Retired {
  Retired* next = nullptr;
  /// Gives back what holds this. *Context*: a quiescent state of some hart; it may retire more.
  void (*reclaim)(Retired&) noexcept = nullptr;
};

/// The words as they are on a machine. (A test that explores interleavings brings others.)
struct QuiescenceWords {
  template <typename T>
  using Atomic = std::atomic<T>;
  /// What is handed on by the atomic words.
  template <typename T>
  using Guarded = T;
  static void fence() noexcept { std::atomic_thread_fence(std::memory_order_seq_cst); }
};

template <typename Words>
class BasicQuiescence;

/// A hart's side. It lives as long as the `Quiescence` that it joins.
template <typename Words>
class BasicQuiescentHart {
 public:
  constexpr BasicQuiescentHart() = default;
  BasicQuiescentHart(const BasicQuiescentHart&) = delete;
  BasicQuiescentHart& operator=(const BasicQuiescentHart&) = delete;

  /// Whether a grace period waits for this hart: two instructions. *Requires*: it is here.
  /// *Context*: the hart itself, as for all that follows.
  bool is_asked() const noexcept { return state_.load(std::memory_order_relaxed) != kHere; }

 private:
  friend class BasicQuiescence<Words>;
  static constexpr std::uint8_t kHere = 0;
  static constexpr std::uint8_t kAsked = 1;
  static constexpr std::uint8_t kAway = 2;

  typename Words::template Atomic<std::uint8_t> state_{kAway};
  typename Words::template Guarded<BasicQuiescentHart*> next_{nullptr};
};

/// The harts that read, and what is retired.
template <typename Words>
class BasicQuiescence {
 public:
  using Hart = BasicQuiescentHart<Words>;

  constexpr BasicQuiescence() = default;
  BasicQuiescence(const BasicQuiescence&) = delete;
  BasicQuiescence& operator=(const BasicQuiescence&) = delete;

  /// From here on this hart reads. *Context*: once for each hart, before its first read.
  void join(Hart& hart) noexcept {
    hart.state_.store(Hart::kHere, std::memory_order_relaxed);
    Hart* first = harts_.load(std::memory_order_relaxed);
    do {
      hart.next_ = first;
    } while (!harts_.compare_exchange_weak(first, &hart, std::memory_order_acq_rel));
    Words::fence();
  }

  /// A quiescent state: answers if it was asked, and reclaims if it was the last to be.
  void pass(Hart& hart) noexcept {
    if (hart.is_asked()) [[unlikely]]
      answer(hart);
  }

  /// Nothing is read until `come_back`; false, and it is still here, when it has been asked
  /// meanwhile: it is to `pass` first, which may wake tasks.
  bool try_leave(Hart& hart) noexcept {
    std::uint8_t seen = Hart::kHere;
    return hart.state_.compare_exchange_strong(seen, Hart::kAway, std::memory_order_release);
  }
  /// *Requires*: it left.
  void come_back(Hart& hart) noexcept {
    hart.state_.store(Hart::kHere, std::memory_order_relaxed);
    Words::fence();
  }

  /// Reclaims it after a grace period, on whichever hart ends that. *Requires*: nobody who begins
  /// to read now can reach it. *Context*: a hart that is here; no interrupt handler.
  void retire(Retired& object) noexcept {
    Retired* first = retired_.load(std::memory_order_relaxed);
    do {
      object.next = first != nullptr ? first : &under_way_;
    } while (!retired_.compare_exchange_weak(first, &object, std::memory_order_acq_rel));
    if (first == nullptr) advance();
  }

 private:
  static constexpr std::uint64_t kUnknown = std::uint64_t{1} << 32;

  [[gnu::noinline]] void answer(Hart& hart) noexcept {
    if (hart.state_.exchange(Hart::kHere, std::memory_order_acquire) != Hart::kAsked) return;
    if (waited_for_.fetch_sub(1, std::memory_order_acq_rel) == 1) advance();
  }

  /// A grace period is over, or none has been yet: reclaims, and begins the next if there is what
  /// waits for one. Who is here alone has all that the guarded words hold.
  void advance() noexcept {
    do {
      Retired* const over = current_;
      current_ = nullptr;
      reclaim(over);
      Retired* seen = &under_way_;
      if (retired_.compare_exchange_strong(seen, nullptr, std::memory_order_acq_rel)) return;
      current_ = retired_.exchange(&under_way_, std::memory_order_acquire);
    } while (ask_all());
  }

  void reclaim(Retired* first) noexcept {
    while (first != nullptr && first != &under_way_) {
      Retired& object = *first;
      first = object.next;
      object.reclaim(object);
    }
  }

  /// True when there is nobody to wait for. Otherwise the last to answer may be done with it all
  /// by now.
  bool ask_all() noexcept {
    // Nobody is the last before it is known how many are asked.
    waited_for_.store(kUnknown, std::memory_order_relaxed);
    Words::fence();
    std::uint64_t asked = 0;
    for (Hart* hart = harts_.load(std::memory_order_acquire); hart != nullptr; hart = hart->next_) {
      std::uint8_t seen = Hart::kHere;
      // Acquires what was read by one that is away; the fence releases to one that is here.
      if (hart->state_.compare_exchange_strong(seen, Hart::kAsked, std::memory_order_acquire)) {
        ++asked;
      }
    }
    return waited_for_.fetch_sub(kUnknown - asked, std::memory_order_acq_rel) == kUnknown - asked;
  }

  /// What waits for the next grace period, the youngest first, up to `under_way_`: that alone when
  /// nothing does, and null when none is under way.
  typename Words::template Atomic<Retired*> retired_{nullptr};
  typename Words::template Atomic<std::uint64_t> waited_for_{0};
  typename Words::template Atomic<Hart*> harts_{nullptr};
  typename Words::template Guarded<Retired*> current_{nullptr};  ///< what this one is for
  Retired under_way_;
};

using QuiescentHart = BasicQuiescentHart<QuiescenceWords>;
using Quiescence = BasicQuiescence<QuiescenceWords>;

}  // namespace quoll::sync
