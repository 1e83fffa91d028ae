// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Harts that take from, give to, steal from and drain caches of frames. `BasicFrameCache` is the
// kernel's own, over words of the explorer; what the allocator does around it (records, batches,
// the buddy lists' lock) is here in the same order and with the same orders of memory.
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include <quoll/kernel/mem/frame_alloc/cache.hpp>

#include "explorer.hpp"

namespace quoll::races {
namespace {

enum Kind : unsigned { kGate, kLock };

struct ExploredMemory {
  template <typename T>
  using Atomic = races::Atomic<T, kGate>;
  using Slot = Plain<std::uint64_t>;
  static constexpr std::size_t kSlots = 3;  // two frames, and the zero below them
  static constexpr std::size_t kAlignment = 64;
};
using Cache = vm::BasicFrameCache<ExploredMemory>;

constexpr std::size_t kFrames = 3;
constexpr std::size_t kBatch = 2;
constexpr auto kRelax = [] { relax(); };

/// Two harts' caches, the lists behind them, and three frames, numbered from 1.
class Allocator {
 public:
  Allocator() {
    for (Cache& cache : caches_) cache.open(cache.gate());
    for (auto& bytes : bytes_) bytes = 0U;
  }

  // As FrameAllocator: an address of 0 is no frame.
  std::uint64_t take(unsigned hart) {
    std::uint64_t frame = caches_[hart].try_pop();
    if (frame == 0) frame = pop_from(hart);
    if (frame == 0) frame = refill(hart);
    if (frame == 0) frame = steal();
    return frame;
  }
  void give(unsigned hart, std::uint64_t frame) {
    if (auto* const top = caches_[hart].try_claim_with_room()) {
      *top = frame;
      Cache::give_back(caches_[hart].gate(), top + 1);
      return;
    }
    for (;;) {
      auto* const top = Cache::claim(caches_[hart].gate(), kRelax);
      if (!caches_[hart].is_full(top)) {
        *top = frame;
        Cache::give_back(caches_[hart].gate(), top + 1);
        return;
      }
      Cache::give_back(caches_[hart].gate(), top);
      (void)flush_from(hart);
    }
  }
  /// Into any hart's cache. The allocator's harts put frames into their own only; what a claim
  /// orders does not depend on that.
  void donate(unsigned hart, std::uint64_t frame) {
    auto* const top = Cache::claim(caches_[hart].gate(), kRelax);
    *top = frame;
    Cache::give_back(caches_[hart].gate(), top + 1);
  }
  /// From the cache alone, at the first attempt.
  std::uint64_t try_take(unsigned hart) { return caches_[hart].try_pop(); }
  std::uint64_t steal() {
    for (unsigned hart = 0; hart < caches_.size(); ++hart) {
      if (const std::uint64_t frame = pop_from(hart)) return frame;
    }
    return 0;
  }
  void drain() {
    for (unsigned hart = 0; hart < caches_.size(); ++hart) {
      while (flush_from(hart) != 0) {
      }
    }
  }
  /// To the lists, when the model begins.
  void add(std::uint64_t frame) { listed_[count_++] = frame; }

  /// What an owner does with a frame: nobody else may at the same time.
  void use(std::uint64_t frame) {
    auto& bytes = bytes_[frame - 1];
    bytes = bytes + 1;
  }
  /// All frames, when nobody is at them any more.
  void check() {
    drain();
    require(count_ == kFrames, "every frame is somewhere");
    unsigned seen = 0;
    for (std::size_t i = 0; i < kFrames; ++i) seen |= 1U << static_cast<unsigned>(listed_[i]);
    require(seen == 0b1110, "no frame is there twice");
  }

 private:
  class Lists {
   public:
    explicit Lists(Allocator& owner) : owner_(owner) {
      while (owner_.lock_.exchange(1, std::memory_order_acquire) != 0) relax();
    }
    Lists(const Lists&) = delete;
    Lists& operator=(const Lists&) = delete;
    ~Lists() { owner_.lock_.store(0, std::memory_order_release); }

   private:
    Allocator& owner_;
  };

  std::uint64_t pop_from(unsigned hart) {
    auto* const top = Cache::claim(caches_[hart].gate(), kRelax);
    const std::uint64_t frame = top[-1];
    Cache::give_back(caches_[hart].gate(), frame == 0 ? top : top - 1);
    return frame;
  }
  std::uint64_t refill(unsigned hart) {
    std::array<std::uint64_t, kBatch> batch{};
    std::size_t count = 0;
    {
      const Lists guard(*this);
      while (count < kBatch && count_ > 0) batch[count++] = listed_[--count_];
    }
    if (count < 2) return batch[0];
    auto* const top = Cache::claim(caches_[hart].gate(), kRelax);
    *top = batch[1];
    Cache::give_back(caches_[hart].gate(), top + 1);
    return batch[0];
  }
  std::size_t flush_from(unsigned hart) {
    std::array<std::uint64_t, kBatch> batch{};
    auto* const top = Cache::claim(caches_[hart].gate(), kRelax);
    const std::size_t count = caches_[hart].count(top) < kBatch ? caches_[hart].count(top) : kBatch;
    for (std::size_t i = 0; i < count; ++i) batch[i] = (top - count)[i];
    Cache::give_back(caches_[hart].gate(), top - count);
    const Lists guard(*this);
    for (std::size_t i = 0; i < count; ++i) {
      use(batch[i]);  // the lists write to records
      listed_[count_++] = batch[i];
    }
    return count;
  }

  std::array<Cache, 2> caches_;
  Atomic<unsigned, kLock> lock_{0};
  std::array<std::uint64_t, kFrames> listed_{};  // under the lock
  std::size_t count_ = 0;
  std::array<Plain<unsigned>, kFrames> bytes_;
};

struct Suite {
  Allocator frames;
  /// Two frames in the first hart's cache, which is full then.
  void fill() {
    for (std::uint64_t frame = 1; frame < kFrames; ++frame) frames.give(0, frame);
  }
  void take_and_give(unsigned hart) {
    const std::uint64_t frame = frames.take(hart);
    if (frame == 0) return;
    frames.use(frame);
    frames.give(hart, frame);
  }
  void steal_for(unsigned hart) {
    const std::uint64_t frame = frames.steal();
    if (frame == 0) return;
    frames.use(frame);
    frames.give(hart, frame);
  }
};

/// A hart at its own cache, one that steals from it, one that drains.
struct Thieves : rl::test_suite<Thieves, 3>, Suite {
  void before() {
    fill();
    frames.add(kFrames);
  }
  void thread(unsigned thread) {
    if (thread == 0) {
      take_and_give(0);
      take_and_give(0);
    }
    if (thread == 1) {
      steal_for(1);
      take_and_give(1);
    }
    if (thread == 2) frames.drain();
  }
  void after() { frames.check(); }
};

/// A cache that is full when its hart gives, while another hart steals and takes.
struct Givers : rl::test_suite<Givers, 2>, Suite {
  void before() { fill(); }
  void thread(unsigned thread) {
    if (thread == 0) {
      frames.use(kFrames);
      frames.give(0, kFrames);
      take_and_give(0);
    } else {
      steal_for(1);
      take_and_give(1);
    }
  }
  void after() { frames.check(); }
};

/// A hart that puts a frame into the other's cache, which pops it.
struct Donors : rl::test_suite<Donors, 2>, Suite {
  void before() {
    frames.add(1);
    frames.add(2);
  }
  void thread(unsigned thread) {
    if (thread == 0) {
      frames.use(kFrames);
      frames.donate(1, kFrames);
    } else if (const std::uint64_t frame = frames.try_take(1)) {
      frames.use(frame);
      frames.give(1, frame);
    }
  }
  void after() { frames.check(); }
};

constexpr std::array kControls{
    Control{"claiming does not acquire", kGate, Weakening::kAcquire},
    Control{"returning does not release", kGate, Weakening::kRelease},
    Control{"the lists' lock orders nothing", kLock, Weakening::kOrders},
};
constexpr std::array kModels{
    Model{"thieves", &rl::simulate<Thieves>, 3, 4, 0, kControls},
    Model{"givers", &rl::simulate<Givers>, 4, 6, 0, kControls},
    Model{"donors", &rl::simulate<Donors>, 3, 4, 0, std::span(kControls).first(2)},
};

}  // namespace
}  // namespace quoll::races

int main(int argc, char** argv) {
  return quoll::races::run(argc, argv, quoll::races::kModels);
}
