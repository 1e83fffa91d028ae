// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The bodies of the allocator of ASIDs, for whoever instantiates it. asid.hpp holds the protocol.
#pragma once

#include <algorithm>

#include <quoll/base/assert.hpp>
#include <quoll/kernel/mem/asid.hpp>

namespace quoll::vm {
template <typename Memory>
BasicAsidAllocator<Memory>::BasicAsidAllocator(unsigned bits) noexcept
    : bits_(std::min(bits, kMaxAsidBits)), last_((1U << bits_) - 1) {
  for (Hart& hart : harts_) {
    hart.held.store(kNone, std::memory_order_relaxed);  // nobody else is here yet
    hart.forgot = 1;
  }
}

template <typename Memory>
auto BasicAsidAllocator<Memory>::enter(AsidTag& tag, unsigned hart) noexcept -> Entered {
  QUOLL_ASSERT(hart < Memory::kHarts);
  if (last_ == 0) return {kUntagged, false};
  Hart& self = harts_[hart];
  std::uint64_t held = self.held.load();
  const std::uint64_t wanted = tag.value_.load();
  if (held != kTaken && generation_of(wanted) == generation_.load() &&
      self.forgot == generation_of(wanted) && self.held.compare_exchange_strong(held, wanted)) {
    return {asid_of(wanted), false};
  }

  // Tags and the generation are written under the lock alone. Beside it a tag counts only with its
  // generation, which `held` confirms.
  sync::LockGuard guard(lock_);
  std::uint64_t now = tag.value_.load(std::memory_order_relaxed);
  if (const std::uint64_t current = generation_.load(std::memory_order_relaxed);
      generation_of(now) != current) {
    const std::uint64_t renewed = tag_of(current, asid_of(now));
    now = now != 0 && renew_kept(now, renewed) ? renewed : allocate();
    // A tag that is lost stays as it is: it can be told from every later one.
    if (now != 0) tag.value_.store(now, std::memory_order_relaxed);
  }
  const std::uint64_t generation = generation_.load(std::memory_order_relaxed);
  const bool must_forget = self.forgot != generation;
  self.forgot = generation;
  self.held.store(now == 0 ? kNone : now);
  return {now == 0 ? kUntagged : asid_of(now), must_forget};
}

template <typename Memory>
void BasicAsidAllocator<Memory>::leave(unsigned hart) noexcept {
  QUOLL_ASSERT(hart < Memory::kHarts);
  harts_[hart].held.store(kNone, std::memory_order_relaxed);
}

/// The next tag that nobody has, of a new generation if need be; 0 when harts hold all there are.
template <typename Memory>
std::uint64_t BasicAsidAllocator<Memory>::allocate() noexcept {
  for (bool rolled = false;; rolled = true) {
    while (next_ <= last_) {
      const std::uint32_t asid = next_++;
      if (!is_kept(asid)) return tag_of(generation_.load(std::memory_order_relaxed), asid);
    }
    if (rolled || !would_gain()) return 0;
    roll_over();
  }
}

template <typename Memory>
bool BasicAsidAllocator<Memory>::is_kept(std::uint32_t asid) const noexcept {
  return std::ranges::any_of(
      harts_, [asid](const Hart& hart) { return hart.kept != 0 && asid_of(hart.kept) == asid; });
}

/// Whether some hart has kept the tag; it is of this generation then.
template <typename Memory>
bool BasicAsidAllocator<Memory>::renew_kept(std::uint64_t tag, std::uint64_t renewed) noexcept {
  bool found = false;
  for (Hart& hart : harts_) {
    if (hart.kept != tag) continue;
    hart.kept = renewed;
    found = true;
  }
  return found;
}

/// Whether a new generation would have an ASID that no hart keeps. Without this, harts that
/// outnumber the ASIDs would make each other forget everything all the time.
template <typename Memory>
bool BasicAsidAllocator<Memory>::would_gain() const noexcept {
  static_assert(Memory::kHarts <= 64);
  if (bits_ > 6) return true;  // there are more ASIDs than harts, and than bits in a word
  std::uint64_t kept = 0;      // a bit for each ASID
  for (const Hart& hart : harts_) {
    const std::uint64_t held = hart.held.load();
    const std::uint64_t tag = held == kTaken ? hart.kept : held == kNone ? 0 : held;
    if (tag != 0) kept |= std::uint64_t{1} << asid_of(tag);
  }
  const std::uint64_t all = ((std::uint64_t{2} << last_) - 1) & ~std::uint64_t{1};
  return kept != all;
}

template <typename Memory>
void BasicAsidAllocator<Memory>::roll_over() noexcept {
  generation_.fetch_add(1);
  for (Hart& hart : harts_) {
    const std::uint64_t held = hart.held.exchange(kTaken);
    if (held != kTaken) hart.kept = held == kNone ? 0 : held;
  }
  next_ = 1;
}

}  // namespace quoll::vm
