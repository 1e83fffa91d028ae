// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Harts that enter and leave a space while others take pages out of it. `BasicActivation` is the
// kernel's own; fences, the harts' translation caches and the walks that fill them are here as
// hardware has them. A frame that a hart reaches after it was given back is a broken law.
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include <quoll/kernel/mem/activation.hpp>

#include "explorer.hpp"

namespace quoll::races {
namespace {

using vm::Forget;

enum Kind : unsigned { kProtocol };
constexpr unsigned kHarts = 3;
constexpr std::size_t kPages = 2;

struct ExploredActivation {
  template <typename T>
  using Atomic = races::Atomic<T, kProtocol>;
  static constexpr unsigned kHarts = races::kHarts;
};

class Space {
 public:
  explicit Space(bool is_untagged = false) : is_untagged_(is_untagged) {}

  void activate() {
    const unsigned hart = self();
    // As the kernel does it: what a hart had cached under no ASID goes when satp changes.
    const Forget forget = activation_.join(hart, is_untagged_);
    if (forget == Forget::kAll || (forget == Forget::kAsid && !is_untagged_)) fence_all(hart);
    runs_[hart] = true;
    if (is_untagged_) fence_all(hart);
  }
  void leave() {
    const unsigned hart = self();
    runs_[hart] = false;
    if (is_untagged_) fence_all(hart);
    activation_.leave(hart);
  }
  /// An access from user mode, at any time while the hart runs in the space.
  void touch(std::size_t page) {
    const Uninterrupted guard;
    const unsigned hart = self();
    require(runs_[hart], "the model runs in the space");
    // A remote fence orders what its sender wrote before what this hart's walks read after it.
    (void)fences_[hart].fetch_add(0, std::memory_order_acq_rel);
    bool& cached = cached_[hart][page];
    if (!cached) cached = entries_[page].load(std::memory_order_relaxed) != 0;
    require(!cached || !is_given_back_[page], "no hart reaches a frame that was given back");
    // What it stores there is in memory when it answers a fence.
    if (cached) content_[page][hart] = 1;
    (void)fences_[hart].fetch_add(0, std::memory_order_acq_rel);
  }
  /// Takes a page out; its frame goes when all harts have forgotten it.
  void shoot(std::size_t page) {
    entries_[page].store(0, std::memory_order_relaxed);
    const auto change = activation_.begin_change();
    change.harts.for_each([this, page](unsigned hart) { fence(hart, page); });
    activation_.end_change(change);
    is_given_back_[page] = true;
    // Its next owner writes to it: no store from user mode may come after that.
    for (auto& word : content_[page]) word = 2;
  }

 private:
  void fence(unsigned hart, std::size_t page) {
    const Uninterrupted guard;
    (void)fences_[hart].fetch_add(1, std::memory_order_acq_rel);
    cached_[hart][page] = false;
  }
  void fence_all(unsigned hart) {
    const Uninterrupted guard;
    cached_[hart] = {};
  }

  const bool is_untagged_;
  vm::BasicActivation<ExploredActivation> activation_;
  std::array<Atomic<unsigned, 99>, kHarts> fences_;
  std::array<Atomic<unsigned, 99>, kPages> entries_{Atomic<unsigned, 99>(1),
                                                    Atomic<unsigned, 99>(1)};
  /// The pages' frames: a word for each hart, for programs have races of their own.
  std::array<std::array<Plain<unsigned>, kHarts>, kPages> content_;
  // What hardware knows, in the order in which it happens.
  std::array<std::array<bool, kPages>, kHarts> cached_{};
  std::array<bool, kHarts> runs_{};
  std::array<bool, kPages> is_given_back_{};
};

/// A hart comes twice; between or beside that, pages go.
struct Visitor : rl::test_suite<Visitor, 2> {
  Space space;
  void thread(unsigned thread) {
    if (thread == 0) {
      for (unsigned visit = 0; visit < 3; ++visit) {
        space.activate();
        space.touch(0);
        space.touch(1);
        space.leave();
      }
    } else {
      space.shoot(0);
      space.shoot(1);
    }
  }
};

/// Two harts take pages out at once, one of them while it runs in the space itself.
struct Shooters : rl::test_suite<Shooters, 3> {
  Space space;
  void thread(unsigned thread) {
    if (thread == 0) {
      for (unsigned visit = 0; visit < 2; ++visit) {
        space.activate();
        space.touch(0);
        space.touch(1);
        space.leave();
      }
    } else if (thread == 1) {
      space.activate();
      space.touch(1);
      space.shoot(0);
      space.leave();
    } else {
      space.shoot(1);
    }
  }
};

/// Two harts visit while a third takes a page out.
struct Crowd : rl::test_suite<Crowd, 3> {
  Space space;
  void thread(unsigned thread) {
    if (thread == 2) return space.shoot(0);
    for (unsigned visit = 0; visit < 2; ++visit) {
      space.activate();
      space.touch(0);
      space.leave();
    }
  }
};

/// The same where there are no ASIDs.
struct Untagged : rl::test_suite<Untagged, 3> {
  Space space{true};
  void thread(unsigned thread) {
    if (thread == 2) return space.shoot(0);
    for (unsigned visit = 0; visit < 2; ++visit) {
      space.activate();
      space.touch(0);
      space.leave();
    }
  }
};

constexpr std::array kControls{
    Control{"nothing is sequentially consistent", kProtocol, Weakening::kSequence},
    Control{"all is relaxed", kProtocol, Weakening::kOrders},
};
constexpr std::array kClaimControls{
    Control{"nothing is sequentially consistent", kProtocol, Weakening::kSequence},
    Control{"a claim of what others are still doing", kProtocol, Weakening::kCheck},
};
constexpr std::array kModels{
    Model{"visitor", &rl::simulate<Visitor>, 5, 7, 0, kControls},
    Model{"shooters", &rl::simulate<Shooters>, 3, 5, 0, kClaimControls},
    Model{"crowd", &rl::simulate<Crowd>, 3, 5, 0, kControls},
    Model{"untagged", &rl::simulate<Untagged>, 3, 5, 0, kControls},
};

}  // namespace
}  // namespace quoll::races

int main(int argc, char** argv) {
  return quoll::races::run(argc, argv, quoll::races::kModels);
}
