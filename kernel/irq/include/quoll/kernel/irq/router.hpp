// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Which interrupt source is whose, which hart it goes to, and how it is moved or given up.
//
// A source that is attached is routed to the context of one hart, its home. That hart's handler
// claims it and wakes its driver; `unmask` completes it, once the driver has served the device.
// Until then the controller's gateway holds back what the source raises. So a level that is still
// up does not interrupt again at once, nor once more when it has been down for long (a gateway that
// is told too early forwards the level that it sees then, and keeps to it), and a source never has
// more than one handler.
//
// Each context has a lock. A handler holds that of its own hart while it claims; whoever changes
// what is routed to a context holds it too. The hart is alone with its lock but for that.
//
// Moving loses nothing. Under the old home's lock the source is masked (priority 0, for all
// contexts) and taken off the context: its handler either has claimed it, so that the driver is
// woken and the completion to come, or cannot any more. Then it is routed to the new home and gets
// its priority back; what was forwarded is pending until somebody claims it. The completion goes to
// the home of that moment: the controller ignores completions by contexts to which a source is not
// routed, and the source would be dead for ever.
//
// Detaching: under the home's lock the handler is forgotten, so that when `detach` returns no hart
// wakes the driver any more, nor is about to; a completion that the driver owes is made up for
// while the source is still routed there.
//
// Device registers and locks: a handler's last access is a claim that finds nothing; a change ends
// with a read of the source's priority. The controller answers in order, and the window waits for
// what is read before anything that follows; so what one holder of a lock has written is in the
// controller before the next has the lock.
//
// `unmask` needs no home's lock. It follows the claim, with the driver in between; moves are held
// off by the lock that it takes; and the next claim comes after the completion.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <quoll/base/result.hpp>
#include <quoll/drivers/plic.hpp>
#include <quoll/kernel/irq/error.hpp>
#include <quoll/kernel/irq/wishes.hpp>
#include <quoll/sync/hart_set.hpp>
#include <quoll/sync/spin_lock.hpp>

namespace quoll::irq {

/// `Wakeable` has a `set()` that any context may call: `async::Signal`.
template <drivers::Mmio Window, sync::InterruptControl Interrupts, typename Wakeable>
class Router {
 public:
  using Plic = drivers::Plic<Window>;

  class Source {
    friend class Router;
    static constexpr unsigned kNowhere = ~0U;

    std::atomic<Wakeable*> driver_{nullptr};
    std::atomic<std::uint64_t> strays_{0};
    std::atomic<std::uint32_t> priority_{0};
    std::atomic<unsigned> home_{kNowhere};
    std::atomic<bool> is_masked_{true};
  };

  /// *Requires*: `sources` has one for each number from 0, and lives as long as this.
  Router(Plic plic, std::span<Source> sources) noexcept : plic_(plic), sources_(sources) {
    plic_.reset();
  }
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  bool is_source(std::uint32_t source) const noexcept {
    return plic_.is_source(source) && source < sources_.size();
  }
  std::uint32_t source_count() const noexcept { return plic_.sources(); }

  /// The hart's context, as the device tree says, and where it counts what it claims. *Requires*:
  /// `counts` has one for each source, likewise. *Context*: boot.
  void set_context(unsigned hart, std::uint32_t context,
                   std::span<std::atomic<std::uint64_t>> counts) noexcept {
    contexts_[hart].number = context;
    contexts_[hart].counts = counts;
  }
  /// The hart takes interrupts from now on. *Context*: that hart.
  void open(unsigned hart) noexcept {
    Context& context = contexts_[hart];
    if (context.number == kNoContext || open_.load().contains(hart)) return;
    plic_.reset_context(context.number);
    open_.add(hart);
  }

  /// From now on the source sets `driver`. *Context*: task, likewise below.
  base::Result<void, IrqError> attach(std::uint32_t source, Wakeable& driver,
                                      const Wishes& wishes) noexcept {
    if (!is_source(source)) return base::err(IrqError::kBadSource);
    if (!is_priority(wishes.priority)) return base::err(IrqError::kBadPriority);
    const sync::LockGuard guard(lock_);
    Source& s = sources_[source];
    if (s.driver_.load(std::memory_order_relaxed) != nullptr) return base::err(IrqError::kTaken);
    const auto home = choose(wishes.harts);
    if (!home) return base::err(IrqError::kNoHart);
    s.priority_.store(wishes.priority, std::memory_order_relaxed);
    s.driver_.store(&driver, std::memory_order_release);
    s.is_masked_.store(false, std::memory_order_relaxed);
    route(source, *home);
    plic_.set_priority(source, wishes.priority);
    return {};
  }

  /// Nobody is woken for the source any more once this returns, and it is masked. It may be
  /// attached again. Nothing happens where it is not attached.
  void detach(std::uint32_t source) noexcept {
    if (!is_source(source)) return;
    const sync::LockGuard guard(lock_);
    Source& s = sources_[source];
    if (s.driver_.load(std::memory_order_relaxed) == nullptr) return;
    unroute(source, Owed::kIsMadeUpFor);
    s.home_.store(Source::kNowhere, std::memory_order_relaxed);
  }

  /// The device has been served.
  void unmask(std::uint32_t source) noexcept {
    const sync::LockGuard guard(lock_);
    Source& s = sources_[source];
    if (!s.is_masked_.load(std::memory_order_relaxed)) return;
    const unsigned home = s.home_.load(std::memory_order_relaxed);
    if (home == Source::kNowhere) return;
    s.is_masked_.store(false, std::memory_order_relaxed);
    plic_.complete(contexts_[home].number, source);
  }

  /// The source goes to one of these harts from now on: the next in turn, unless it does already.
  base::Result<void, IrqError> set_affinity(std::uint32_t source, sync::HartSet harts) noexcept {
    if (!is_source(source)) return base::err(IrqError::kBadSource);
    const sync::LockGuard guard(lock_);
    Source& s = sources_[source];
    if (s.driver_.load(std::memory_order_relaxed) == nullptr) {
      return base::err(IrqError::kBadSource);
    }
    if (harts.contains(s.home_.load(std::memory_order_relaxed))) return {};
    const auto home = choose(harts);
    if (!home) return base::err(IrqError::kNoHart);
    unroute(source, Owed::kStaysOwed);
    route(source, *home);
    plic_.set_priority(source, s.priority_.load(std::memory_order_relaxed));
    return {};
  }

  base::Result<void, IrqError> set_priority(std::uint32_t source, std::uint32_t priority) noexcept {
    if (!is_source(source)) return base::err(IrqError::kBadSource);
    if (!is_priority(priority)) return base::err(IrqError::kBadPriority);
    const sync::LockGuard guard(lock_);
    Source& s = sources_[source];
    if (s.driver_.load(std::memory_order_relaxed) == nullptr) {
      return base::err(IrqError::kBadSource);
    }
    s.priority_.store(priority, std::memory_order_relaxed);
    plic_.set_priority(source, priority);
    return {};
  }
  /// Sources of this priority and below do not interrupt the hart until it is lowered; 0: all do.
  base::Result<void, IrqError> set_threshold(unsigned hart, std::uint32_t threshold) noexcept {
    if (hart >= sync::kMaxHarts || !open_.load().contains(hart)) {
      return base::err(IrqError::kNoHart);
    }
    if (threshold > kMaxPriority) return base::err(IrqError::kBadPriority);
    plic_.set_threshold(contexts_[hart].number, threshold);
    return {};
  }

  /// Takes what is pending for this hart. `claimed(source)` is told of each, `stray(source)` of the
  /// first from one that nobody has attached to; that is masked. Ends: none comes twice. *Context*:
  /// interrupts off, on that hart.
  template <typename Claimed, typename Stray>
  void serve(unsigned hart, Claimed&& claimed, Stray&& stray) noexcept {
    Context& context = contexts_[hart];
    if (context.number == kNoContext) return;
    const sync::LockGuard guard(context.lock);
    while (const std::uint32_t source = plic_.claim(context.number)) {
      if (!is_source(source)) break;
      Source& s = sources_[source];
      s.is_masked_.store(true, std::memory_order_relaxed);
      count_up(context.counts[source]);
      claimed(source);
      if (Wakeable* const driver = s.driver_.load(std::memory_order_acquire)) {
        driver->set();
        continue;
      }
      plic_.mask(source);
      plic_.complete(context.number, source);
      if (count_up(s.strays_) == 1) stray(source);
    }
  }

  /// How often the source has interrupted this hart.
  std::uint64_t count(std::uint32_t source, unsigned hart) const noexcept {
    if (hart >= sync::kMaxHarts || source >= contexts_[hart].counts.size()) return 0;
    return contexts_[hart].counts[source].load(std::memory_order_relaxed);
  }
  std::optional<SourceInfo> info(std::uint32_t source) const noexcept {
    if (!is_source(source)) return std::nullopt;
    const Source& s = sources_[source];
    SourceInfo info;
    info.source = source;
    if (const unsigned home = s.home_.load(std::memory_order_relaxed); home != Source::kNowhere) {
      info.hart = home;
    }
    info.priority = s.priority_.load(std::memory_order_relaxed);
    for (unsigned hart = 0; hart < sync::kMaxHarts; ++hart) info.count += count(source, hart);
    info.strays = s.strays_.load(std::memory_order_relaxed);
    info.is_masked = s.is_masked_.load(std::memory_order_relaxed);
    return info;
  }

 private:
  static constexpr std::uint32_t kNoContext = ~std::uint32_t{0};

  struct alignas(64) Context {
    sync::IrqSpinLock<Interrupts, sync::LockRank::kInterrupt> lock;
    std::uint32_t number = kNoContext;
    std::span<std::atomic<std::uint64_t>> counts;  ///< by source; only the hart writes them
  };

  static bool is_priority(std::uint32_t priority) noexcept {
    return priority != 0 && priority <= kMaxPriority;
  }
  /// Of what one hart at a time writes.
  static std::uint64_t count_up(std::atomic<std::uint64_t>& count) noexcept {
    const std::uint64_t now = count.load(std::memory_order_relaxed) + 1;
    count.store(now, std::memory_order_relaxed);
    return now;
  }

  /// One of the harts that take interrupts, each in turn: an interrupt wakes one hart, not all.
  std::optional<unsigned> choose(sync::HartSet harts) noexcept QUOLL_REQUIRES(lock_) {
    const std::uint64_t able = harts.bits() & open_.load().bits();
    if (able == 0) return std::nullopt;
    while (((able >> next_) & 1) == 0) next_ = (next_ + 1) % sync::kMaxHarts;
    const unsigned chosen = next_;
    next_ = (next_ + 1) % sync::kMaxHarts;
    return chosen;
  }

  void route(std::uint32_t source, unsigned hart) noexcept QUOLL_REQUIRES(lock_) {
    Context& context = contexts_[hart];
    const sync::LockGuard guard(context.lock);
    plic_.route(source, context.number);
    (void)plic_.priority(source);
    sources_[source].home_.store(hart, std::memory_order_relaxed);
  }
  /// What becomes of a completion that the driver owes.
  enum class Owed : bool { kStaysOwed, kIsMadeUpFor };
  /// Masks the source and takes it off its home.
  void unroute(std::uint32_t source, Owed owed) noexcept QUOLL_REQUIRES(lock_) {
    Source& s = sources_[source];
    Context& context = contexts_[s.home_.load(std::memory_order_relaxed)];
    const sync::LockGuard guard(context.lock);
    plic_.mask(source);
    if (owed == Owed::kIsMadeUpFor) {
      s.driver_.store(nullptr, std::memory_order_relaxed);
      if (s.is_masked_.exchange(true, std::memory_order_relaxed)) {
        plic_.complete(context.number, source);
      }
    }
    plic_.unroute(source, context.number);
    (void)plic_.priority(source);
  }

  Plic plic_;
  const std::span<Source> sources_;
  /// By logical hart.
  std::array<Context, sync::kMaxHarts> contexts_{};
  /// Harts whose context is set up. The firmware closes a context when it starts the hart, and it
  /// does so whenever it gets round to it: each hart opens its own once it is in the kernel.
  sync::AtomicHartSet open_;
  /// What drivers ask for comes one after the other.
  sync::SpinLock<sync::LockRank::kInterruptSource> lock_;
  unsigned next_ QUOLL_GUARDED_BY(lock_) = 0;
};

}  // namespace quoll::irq
