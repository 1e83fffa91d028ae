// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The harts' mailboxes: posting, and taking what was posted.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include <quoll/arch/interrupts.hpp>
#include <quoll/kernel/ipi/mailbox.hpp>
#include <quoll/sync/hart_set.hpp>

namespace quoll::ipi {

namespace detail {
/// What is kept of a hart. Others touch its mailbox, only it itself its counts.
struct alignas(64) Post {
  Mailbox mailbox;
  std::uint64_t hardware_id = 0;  ///< as the firmware knows it
  /// How often it was interrupted and found `kJustWoken`, something else, or nothing; and how often
  /// each reason was in something else.
  std::atomic<std::uint64_t> just_woken{0};
  std::atomic<std::uint64_t> for_more{0};
  std::atomic<std::uint64_t> for_nothing{0};
  std::array<std::atomic<std::uint64_t>, kReasonCount> in_more{};

  /// *Context*: the hart, with interrupts off.
  static void count(std::atomic<std::uint64_t>& what) noexcept {
    what.store(what.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
};
inline constinit std::array<Post, sync::kMaxHarts> posts{};
/// S3: has the firmware interrupt the hart, whose post this is.
void send(const Post& post, unsigned hart) noexcept;
}  // namespace detail

/// Learns the harts' ids. *Context*: boot hart, before anything is posted.
void start() noexcept;

/// The hart will be interrupted, and then find the reason. *Context*: any.
inline void post(unsigned hart, Reason reason) noexcept {
  detail::Post& post = detail::posts[hart];
  if (post.mailbox.post(reason)) detail::send(post, hart);
}
/// As above, for each of the harts.
void post(sync::HartSet harts, Reason reason) noexcept;
/// As above, and interrupts all of them whatever their mailboxes hold. *Context*: a machine that
/// stops.
void post_always(sync::HartSet harts, Reason reason) noexcept;

/// Makes up for interrupts that this hart has acknowledged before it looked at its mailbox.
/// *Context*: each hart, once, with interrupts off.
void start_hart() noexcept;

/// Acknowledges the interrupt that is pending and takes the reasons for it. Unless they are
/// `kJustWoken` the caller counts them (`count_more`): here the way is short.
/// *Context*: interrupts off, on the hart that was interrupted.
inline Reasons take() noexcept {
  arch::Interrupts::acknowledge_software();
  // O2. To a fence, writing a register is output.
  asm volatile("fence o, rw" : : : "memory");
  detail::Post& own = detail::posts[arch::Harts::id()];
  const Reasons reasons = own.mailbox.take();
  if (reasons == kJustWoken) [[likely]]
    detail::Post::count(own.just_woken);
  return reasons;
}
/// Counts what `take` has given. *Requires*: it is not `kJustWoken`. *Context*: as `take`.
void count_more(Reasons reasons) noexcept;

/// Interrupts between harts, since the start. They are sums over harts that do not stand still.
struct Counts {
  std::uint64_t taken = 0;
  std::uint64_t for_nothing = 0;  ///< of these, how many found no reason
  bool all_empty = true;          ///< no mailbox has anything
};
Counts counts() noexcept;
/// How often a hart was interrupted by others.
std::uint64_t interrupts_of(unsigned hart) noexcept;
/// How often it found this reason: one interrupt may have several.
std::uint64_t interrupts_of(unsigned hart, Reason reason) noexcept;

}  // namespace quoll::ipi
