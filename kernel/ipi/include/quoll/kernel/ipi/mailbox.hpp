// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The mailbox of a hart: one word, a bit for each reason to interrupt it.
//
//   sender                                 owner, interrupted
//   S1  what the reason is about           O1  the interrupt is acknowledged (sip.SSIP)
//   S2  word |= reason                     O2  a fence between O1 and O3
//   S3  the word was 0: the interrupt      O3  word exchanged for 0
//       is sent                            O4  each reason of the old word is served
//
// No reason is lost. All changes of the word are in one order. A reason joins a word at S2, and the
// word goes from 0 to something by the S2 of some sender, the first since the last O3; that sender
// sends the interrupt after it. The owner cannot have acknowledged that interrupt before that
// change: it is sent later. And it cannot acknowledge it for an earlier one: the O1 of that came
// before its O3 (by O2), that O3 before the sender's S2, which saw its 0, and that S2 before S3. So
// the interrupt is pending or its handler is between O1 and O3, and an O3 comes that sees the
// reason.
//
// No interrupt comes for nothing. Between two O3 that find something there is exactly one S2 that
// finds 0, thus one interrupt; whoever takes the word has been interrupted for it.
//
// S2 releases and O3 acquires: the owner sees S1 of every sender whose bit it takes, since each S2
// is one atomic change of the word and continues what the others before it released. O3 releases
// and S2 acquires, so that the argument about O1 holds for devices too.
//
// Before a hart takes interrupts it may acknowledge some without looking here (it sleeps until the
// kernel is made). When it begins it asks once whether the mailbox `is_empty`, and interrupts
// itself if not: a sender that came earlier has found 0 and will not send again, nor will others.
// If that sender is still before its S3, the hart is interrupted for nothing, once.
#pragma once

#include <atomic>
#include <cstdint>

#include <quoll/kernel/ipi/reason.hpp>

namespace quoll::ipi {

/// Where a mailbox keeps its word: in this machine's memory.
struct MachineMailbox {
  template <typename T>
  using Atomic = std::atomic<T>;
};

template <typename Memory>
class BasicMailbox {
 public:
  constexpr BasicMailbox() = default;
  BasicMailbox(const BasicMailbox&) = delete;
  BasicMailbox& operator=(const BasicMailbox&) = delete;

  /// S2; whether the caller must send the interrupt. *Context*: any hart.
  [[nodiscard]] bool post(Reason reason) noexcept {
    return word_.fetch_or(Reasons(reason).bits(), std::memory_order_acq_rel) == 0;
  }
  /// O3. *Requires*: the interrupt was acknowledged. *Context*: the owner.
  Reasons take() noexcept { return Reasons(word_.exchange(0, std::memory_order_acq_rel)); }

  bool is_empty() const noexcept { return word_.load(std::memory_order_acquire) == 0; }

 private:
  typename Memory::template Atomic<std::uint32_t> word_{0};
};

using Mailbox = BasicMailbox<MachineMailbox>;

}  // namespace quoll::ipi
