// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <span>

#include <quoll/arch/record.hpp>
#include <quoll/arch/sbi.hpp>
#include <quoll/base/assert.hpp>
#include <quoll/kernel/ipi/ipi.hpp>

namespace quoll::ipi {

namespace {
/// Out of the way, so that `send` calls nobody and needs no frame.
[[gnu::noinline, gnu::cold]] void refuse() noexcept {
  constexpr bool kFirmwareInterrupts = false;
  QUOLL_ASSERT(kFirmwareInterrupts);
}

std::uint64_t taken_of(const detail::Post& post) noexcept {
  return post.just_woken.load(std::memory_order_relaxed) +
         post.for_more.load(std::memory_order_relaxed) +
         post.for_nothing.load(std::memory_order_relaxed);
}
}  // namespace

void detail::send(const Post& post, unsigned hart) noexcept {
  trace::record<trace::Event::kIpi>(std::uint64_t{1} << hart);
  if (!arch::sbi::send_ipi_to(post.hardware_id)) [[unlikely]]
    refuse();
}

void start() noexcept {
  for (unsigned hart = 0; hart < arch::Harts::count(); ++hart) {
    detail::posts[hart].hardware_id = arch::Harts::hardware_id(hart);
  }
}

void post(sync::HartSet harts, Reason reason) noexcept {
  harts.for_each([reason](unsigned hart) { post(hart, reason); });
}

void post_always(sync::HartSet harts, Reason reason) noexcept {
  harts.for_each([reason](unsigned hart) { (void)detail::posts[hart].mailbox.post(reason); });
  (void)arch::sbi::send_ipi(harts).has_value();
}

void start_hart() noexcept {
  // As in `take`: what was acknowledged comes before the look.
  asm volatile("fence o, rw" : : : "memory");
  if (!detail::posts[arch::Harts::id()].mailbox.is_empty()) arch::Interrupts::raise_software();
}

Counts counts() noexcept {
  Counts all;
  for (const detail::Post& post : std::span(detail::posts).first(arch::Harts::count())) {
    all.taken += taken_of(post);
    all.for_nothing += post.for_nothing.load(std::memory_order_relaxed);
    all.all_empty = all.all_empty && post.mailbox.is_empty();
  }
  return all;
}

void count_more(Reasons reasons) noexcept {
  detail::Post& own = detail::posts[arch::Harts::id()];
  detail::Post::count(reasons.is_empty() ? own.for_nothing : own.for_more);
  for (unsigned reason = 0; reason < kReasonCount; ++reason) {
    if (reasons.has(static_cast<Reason>(reason))) detail::Post::count(own.in_more[reason]);
  }
}

std::uint64_t interrupts_of(unsigned hart) noexcept {
  return taken_of(detail::posts[hart]);
}

std::uint64_t interrupts_of(unsigned hart, Reason reason) noexcept {
  const detail::Post& post = detail::posts[hart];
  std::uint64_t times = post.in_more[static_cast<unsigned>(reason)].load(std::memory_order_relaxed);
  if (kJustWoken.has(reason)) times += post.just_woken.load(std::memory_order_relaxed);
  return times;
}

}  // namespace quoll::ipi
