// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// ASIDs with generations.
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
// A hart that `leave`s replaces kTaken by kNone; its exchange has read what R2 wrote, so H2 sees
// R1 from then on. All accesses are sequentially consistent: the argument needs acquire and
// release only, and this is no path where the difference could be measured.
//
// Between H3 and the write to satp a hart still fills its cache under the ASID that it had before,
// which nobody may be keeping any more. If a rollover in that window gave it to another space, then
// the hart has not met that generation yet, and forgets everything before it runs under the ASID
// again.
#include <algorithm>

#include <quoll/base/assert.hpp>
#include <quoll/kernel/mem/asid.hpp>

namespace quoll::vm {
namespace {

/// A tag is a generation, from 1 on, over 16 bits of ASID. These two are none.
constexpr std::uint64_t kTaken = 0;
constexpr std::uint64_t kNone = 1;

constexpr std::uint64_t tag_of(std::uint64_t generation, std::uint32_t asid) noexcept {
  return (generation << kMaxAsidBits) | asid;
}
constexpr std::uint64_t generation_of(std::uint64_t tag) noexcept {
  return tag >> kMaxAsidBits;
}
constexpr std::uint16_t asid_of(std::uint64_t tag) noexcept {
  return static_cast<std::uint16_t>(tag);
}

}  // namespace

AsidAllocator::AsidAllocator(unsigned bits) noexcept
    : bits_(std::min(bits, kMaxAsidBits)), last_((1U << bits_) - 1) {
  for (Hart& hart : harts_) {
    hart.held.store(kNone);
    hart.forgot = 1;
  }
}

AsidAllocator::Entered AsidAllocator::enter(AsidTag& tag, unsigned hart) noexcept {
  QUOLL_ASSERT(hart < sync::kMaxHarts);
  if (last_ == 0) return {kUntagged, false};
  Hart& self = harts_[hart];
  std::uint64_t held = self.held.load();
  const std::uint64_t wanted = tag.value_.load();
  if (held != kTaken && generation_of(wanted) == generation_.load() &&
      self.forgot == generation_of(wanted) && self.held.compare_exchange_strong(held, wanted)) {
    return {asid_of(wanted), false};
  }

  sync::LockGuard guard(lock_);
  std::uint64_t now = tag.value_.load();
  if (generation_of(now) != generation_.load()) {
    const std::uint64_t renewed = tag_of(generation_.load(), asid_of(now));
    now = now != 0 && renew_kept(now, renewed) ? renewed : allocate();
    // A tag that is lost stays as it is: it can be told from every later one.
    if (now != 0) tag.value_.store(now);
  }
  const std::uint64_t generation = generation_.load();
  const bool must_forget = self.forgot != generation;
  self.forgot = generation;
  self.held.store(now == 0 ? kNone : now);
  return {now == 0 ? kUntagged : asid_of(now), must_forget};
}

void AsidAllocator::leave(unsigned hart) noexcept {
  QUOLL_ASSERT(hart < sync::kMaxHarts);
  (void)harts_[hart].held.exchange(kNone);
}

/// The next tag that nobody has, of a new generation if need be; 0 when harts hold all there are.
std::uint64_t AsidAllocator::allocate() noexcept {
  for (bool rolled = false;; rolled = true) {
    while (next_ <= last_) {
      const std::uint32_t asid = next_++;
      if (!is_kept(asid)) return tag_of(generation_.load(), asid);
    }
    if (rolled || !would_gain()) return 0;
    roll_over();
  }
}

bool AsidAllocator::is_kept(std::uint32_t asid) const noexcept {
  return std::ranges::any_of(
      harts_, [asid](const Hart& hart) { return hart.kept != 0 && asid_of(hart.kept) == asid; });
}

/// Whether some hart has kept the tag; it is of this generation then.
bool AsidAllocator::renew_kept(std::uint64_t tag, std::uint64_t renewed) noexcept {
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
bool AsidAllocator::would_gain() const noexcept {
  if (last_ >= sync::kMaxHarts) return true;
  std::uint64_t kept = 0;  // a bit for each ASID
  for (const Hart& hart : harts_) {
    const std::uint64_t held = hart.held.load();
    const std::uint64_t tag = held == kTaken ? hart.kept : held == kNone ? 0 : held;
    if (tag != 0) kept |= std::uint64_t{1} << asid_of(tag);
  }
  const std::uint64_t all = ((std::uint64_t{2} << last_) - 1) & ~std::uint64_t{1};
  return kept != all;
}

void AsidAllocator::roll_over() noexcept {
  generation_.fetch_add(1);
  for (Hart& hart : harts_) {
    const std::uint64_t held = hart.held.exchange(kTaken);
    if (held != kTaken) hart.kept = held == kNone ? 0 : held;
  }
  next_ = 1;
}

}  // namespace quoll::vm
