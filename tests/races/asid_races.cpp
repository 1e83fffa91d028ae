// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Harts that enter spaces which outnumber the ASIDs. `BasicAsidAllocator` is the kernel's own, its
// lock aside; what each hart has cached under which ASID is here. A hart that runs under an ASID
// finds translations of its own space only, and harts under one ASID run in one space.
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <quoll/kernel/mem/asid_allocator.hpp>

#include "explorer.hpp"

namespace quoll::races {
namespace {

enum Kind : unsigned { kTags, kLock };
constexpr unsigned kHarts = 3;

struct ExploredAsids {
  template <typename T>
  using Atomic = races::Atomic<T, kTags>;
  class QUOLL_CAPABILITY("lock") Lock {
   public:
    void lock() QUOLL_ACQUIRE() {
      while (held_.exchange(1, std::memory_order_acquire) != 0) relax();
    }
    void unlock() QUOLL_RELEASE() { held_.store(0, std::memory_order_release); }

   private:
    races::Atomic<unsigned, kLock> held_{0};
  };
  static constexpr unsigned kHarts = races::kHarts;
};
using Asids = vm::BasicAsidAllocator<ExploredAsids>;

constexpr std::size_t kSpaces = 3;

class Spaces {
 public:
  explicit Spaces(unsigned bits) : asids_(bits) {}

  void enter(std::size_t space) {
    const unsigned hart = self();
    Hart& here = harts_[hart];
    stay();
    is_entering_[hart] = true;
    const auto entered = asids_.enter(tags_[space], hart);
    const Uninterrupted guard;
    if (entered.must_forget) here.cached = {};
    // Until satp is written the hart's walks go on in the space that it leaves.
    if (here.asid != vm::kUntagged) here.cached[here.asid] = here.space;
    here.space = space;
    here.asid = entered.asid;
    is_entering_[hart] = false;
    if (entered.asid == vm::kUntagged) {
      here.cached = {};
      return;
    }
    auto& cached = here.cached[entered.asid];
    require(!cached || *cached == space, "a hart finds its own space's translations only");
    cached = space;
    require_one_space_each(hart);
  }
  void leave() {
    const unsigned hart = self();
    stay();
    is_entering_[hart] = true;
    asids_.leave(hart);
    const Uninterrupted guard;
    Hart& here = harts_[hart];
    if (here.asid != vm::kUntagged) here.cached[here.asid] = here.space;
    here.asid = vm::kUntagged;
    is_entering_[hart] = false;
  }

 private:
  struct Hart {
    std::array<std::optional<std::size_t>, 4> cached{};
    std::size_t space = 0;
    std::uint16_t asid = vm::kUntagged;
  };

  /// Others may come before what this hart does next.
  void stay() { (void)pause_.load(std::memory_order_relaxed); }
  /// A shootdown names one ASID for all harts.
  void require_one_space_each(unsigned hart) {
    for (unsigned other = 0; other < kHarts; ++other) {
      if (other == hart || is_entering_[other] || harts_[other].asid == vm::kUntagged) continue;
      require(
          (harts_[other].asid == harts_[hart].asid) == (harts_[other].space == harts_[hart].space),
          "one ASID is one space, on all harts");
    }
  }

  Asids asids_;
  Atomic<unsigned, 99> pause_{0};
  std::array<Asids::AsidTag, kSpaces> tags_;
  std::array<Hart, kHarts> harts_{};
  std::array<bool, kHarts> is_entering_{};
};

/// Three harts, each in one space after the other.
template <unsigned kBits>
struct Rounds : rl::test_suite<Rounds<kBits>, 3> {
  Spaces spaces{kBits};
  void thread(unsigned thread) {
    spaces.enter(thread);
    spaces.enter((thread + 1) % kSpaces);
  }
};

/// One hart stays in a space and comes back to it, while another uses up all ASIDs.
template <unsigned kBits>
struct Exhaustion : rl::test_suite<Exhaustion<kBits>, 2> {
  Spaces spaces{kBits};
  void thread(unsigned thread) {
    if (thread == 0) {
      spaces.enter(0);
      spaces.enter(1);
      spaces.enter(0);
      spaces.leave();
    } else {
      spaces.enter(1);
      spaces.enter(2);
      spaces.leave();
      spaces.enter(0);
    }
  }
};

/// A hart comes back to a space quickly, while another begins a new generation.
struct Return : rl::test_suite<Return, 3> {
  Spaces spaces{1};
  void thread(unsigned thread) {
    if (thread == 0) {
      spaces.enter(0);
      spaces.leave();
      spaces.enter(0);
      spaces.leave();
    } else {
      spaces.enter(thread);
      spaces.leave();
    }
  }
};

constexpr std::array kControls{
    Control{"the quick way takes over what a rollover took", kTags, Weakening::kCheck},
};
constexpr std::array kModels{
    Model{"rounds-1", &rl::simulate<Rounds<1>>, 2, 3, 0, {}},
    Model{"rounds-2", &rl::simulate<Rounds<2>>, 2, 3, 0, {}},
    Model{"exhaustion-1", &rl::simulate<Exhaustion<1>>, 3, 4, 0, {}},
    Model{"exhaustion-2", &rl::simulate<Exhaustion<2>>, 3, 4, 0, {}},
    Model{"return", &rl::simulate<Return>, 3, 4, 0, kControls},
};

}  // namespace
}  // namespace quoll::races

int main(int argc, char** argv) {
  return quoll::races::run(argc, argv, quoll::races::kModels);
}
