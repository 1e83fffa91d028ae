// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>
#include <bit>
#include <utility>

#include <quoll/async/timer_wheel.hpp>

namespace quoll::async {

TimerWheel::Place TimerWheel::place_of(Ticks deadline) const noexcept {
  // The highest digit that differs, found without counting bits, for which a machine may have no
  // instruction.
  Ticks differing = deadline ^ reached_;
  Ticks rest = deadline;
  std::uint8_t level = 0;
  for (; differing >= kSlots; differing >>= kDigitBits, rest >>= kDigitBits) {
    if (++level == kLevels) return {kLevels, 0};
  }
  return {level, static_cast<std::uint8_t>(rest % kSlots)};
}

Timer*& TimerWheel::head_of(Place place) noexcept {
  if (place.level >= kLevels) [[unlikely]]
    return place.level == kDue ? due_ : far_;
  return slots_[place.level][place.slot];
}

void TimerWheel::put(Timer& timer) noexcept {
  // What is overdue fires with what is due now.
  put_at(place_of(std::max(timer.deadline, reached_)), timer);
}

void TimerWheel::put_at(Place place, Timer& timer) noexcept {
  timer.level = place.level;
  timer.slot = place.slot;
  Timer*& head = head_of(place);
  if (head == nullptr) {
    timer.next = timer.previous = &timer;
    head = &timer;
    levels_[place.level].used |= 1U << place.slot;
    return;
  }
  timer.next = head;
  timer.previous = head->previous;
  timer.previous->next = &timer;
  head->previous = &timer;
  if (place.level == 0 || timer.deadline >= head->deadline) return;
  // Earlier than a head that is not the earliest, it might go before others of its own tick.
  if ((levels_[place.level].beheaded >> place.slot & 1) == 0) head = &timer;
}

void TimerWheel::insert_locked(Timer& timer) noexcept {
  timer.queued = true;
  put(timer);
  if (timer.deadline < next_.load(std::memory_order_relaxed)) {
    next_.store(timer.deadline, std::memory_order_relaxed);
  }
}

void TimerWheel::remove_locked(Timer& timer) noexcept {
  timer.queued = false;
  const Place place{timer.level, timer.slot};
  Timer*& head = head_of(place);
  Level& level = levels_[place.level];
  if (timer.next == &timer) {
    head = nullptr;
    level.used &= ~(1U << place.slot);
    level.beheaded &= ~(1U << place.slot);
    return;
  }
  timer.next->previous = timer.previous;
  timer.previous->next = timer.next;
  if (head != &timer) return;
  head = timer.next;
  if (place.level != 0) level.beheaded |= 1U << place.slot;
}

bool TimerWheel::find_first(First& first) noexcept {
  for (unsigned level = 0; level < kLevels; ++level) {
    const std::uint32_t used = levels_[level].used;
    if (used == 0) continue;
    const auto slot = static_cast<unsigned>(std::countr_zero(used));
    const unsigned shift = level * kDigitBits;
    const Ticks above = reached_ >> (shift + kDigitBits) << (shift + kDigitBits);
    first.place = {static_cast<std::uint8_t>(level), static_cast<std::uint8_t>(slot)};
    first.start = above | Ticks{slot} << shift;
    return true;
  }
  if (far_ == nullptr) return false;
  first.place = {kLevels, 0};
  const bool is_earliest_known = levels_[kLevels].beheaded == 0;
  const Ticks block = is_earliest_known ? far_->deadline >> kFarShift : (reached_ >> kFarShift) + 1;
  first.start = block << kFarShift;
  return true;
}

/// The ring of a slot, which is empty then, cut open behind its last.
Timer* TimerWheel::take(Place place) noexcept {
  Timer* const first = std::exchange(head_of(place), nullptr);
  first->previous->next = nullptr;
  Level& level = levels_[place.level];
  level.used &= ~(1U << place.slot);
  level.beheaded &= ~(1U << place.slot);
  return first;
}

void TimerWheel::empty_slot(const First& first, Ticks now) noexcept {
  const bool is_alone = head_of(first.place)->next == head_of(first.place);
  for (Timer* timer = take(first.place); timer != nullptr;) {
    // Who is told may destroy the timer at once.
    Timer& due = *timer;
    timer = due.next;
    if (first.place.level == 0 || (is_alone && due.deadline <= now)) {
      if (due.fires_unlocked) {
        put_at({kDue, 0}, due);
        continue;
      }
      due.queued = false;
      due.fire(due);
    } else {
      put(due);
    }
  }
}

void TimerWheel::expire(Ticks now) noexcept {
  detail::LockGuard guard(lock_);
  First first{};
  bool any = false;
  while ((any = find_first(first)) && first.start <= now) {
    reached_ = std::max(reached_, first.start);
    empty_slot(first, now);
  }
  // No slot begins before that, so all places stay what they are.
  reached_ = std::max(reached_, now);
  Ticks next = kNever;
  if (any) {
    const bool is_beheaded = (levels_[first.place.level].beheaded >> first.place.slot & 1) != 0;
    next = is_beheaded ? first.start : head_of(first.place)->deadline;
  }
  next_.store(next, std::memory_order_relaxed);
  fire_due_locked();
}

void TimerWheel::fire_due_locked() noexcept {
  while (due_ != nullptr) {
    Timer& timer = *due_;
    remove_locked(timer);
    firing_ = &timer;
    lock_.unlock();
    timer.fire(timer);
    lock_.lock();
    firing_ = nullptr;
  }
}

void TimerWheel::settle_locked(Timer& timer) noexcept {
  if (timer.queued) return remove_locked(timer);
  while (firing_ == &timer) {
    lock_.unlock();
    detail::pause();
    lock_.lock();
  }
}

}  // namespace quoll::async
