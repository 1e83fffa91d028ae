// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Readers that take no lock, a writer that retires what they read, and harts that go away and come
// back, over the kernel's own `BasicQuiescence`.
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include <quoll/sync/quiescence.hpp>

#include "explorer.hpp"

namespace quoll::races {
namespace {

enum Kind : unsigned { kState, kCount, kList, kCurrent };

template <typename T>
inline constexpr unsigned kKindOf = kList;
template <>
inline constexpr unsigned kKindOf<std::uint8_t> = kState;
template <>
inline constexpr unsigned kKindOf<std::uint64_t> = kCount;

struct Words {
  template <typename T>
  using Atomic = races::Atomic<T, kKindOf<T>>;
  template <typename T>
  using Guarded = Plain<T>;
  static void fence(Where where = Where::current()) {
    if (!is_weakened(kState, Weakening::kFence))
      rl::atomic_thread_fence(rl::mo_seq_cst, info_of(where));
  }
};
using Quiescence = sync::BasicQuiescence<Words>;
using Hart = sync::BasicQuiescentHart<Words>;

/// What readers read. Its end is a store: who still reads it has a race, or reads that.
struct Version : sync::Retired {
  static constexpr unsigned kGone = 99;
  Plain<unsigned> value{0};
  Plain<unsigned> ends{0};

  Version() {
    reclaim = [](sync::Retired& retired) noexcept {
      auto& version = static_cast<Version&>(retired);
      version.value = kGone;
      version.ends = version.ends + 1;
    };
  }
};

/// Three harts over one pointer and some versions of it.
struct World {
  std::array<Version, 4> versions;
  Atomic<Version*, kCurrent> current{nullptr};
  Quiescence quiescence;
  std::array<Hart, 3> harts;
  unsigned retired = 0;

  void begin(bool joins) {
    for (unsigned i = 0; i < versions.size(); ++i) versions[i].value = i;
    current.store(&versions[0], std::memory_order_relaxed);
    if (!joins) return;
    for (Hart& hart : harts) quiescence.join(hart);
  }
  void read() {
    const Version* const version = current.load(std::memory_order_acquire);
    const unsigned seen = version->value;
    require(seen < versions.size(), "what is read has not been reclaimed");
  }
  void pass() { quiescence.pass(harts[self()]); }
  void replace(Version& version) {
    Version* const old = current.exchange(&version, std::memory_order_acq_rel);
    quiescence.retire(*old);
  }
  bool leave() { return quiescence.try_leave(harts[self()]); }
  void come_back() { quiescence.come_back(harts[self()]); }

  /// Everybody passes until all is over.
  void finish(unsigned joined, unsigned replaced) {
    for (unsigned round = 0; round < 3; ++round) {
      for (unsigned i = 0; i < joined; ++i) quiescence.pass(harts[i]);
    }
    unsigned ends = 0;
    for (Version& version : versions) {
      require(version.ends <= 1, "nothing is reclaimed twice");
      ends += version.ends;
    }
    require(ends == replaced, "all that was retired is reclaimed");
  }
};

/// A hart replaces what two read.
struct Readers : rl::test_suite<Readers, 3> {
  World world;
  void before() { world.begin(true); }
  void thread(unsigned thread) {
    if (thread == 0) {
      world.replace(world.versions[1]);
      world.pass();
      return;
    }
    world.read();
    world.pass();
    world.read();
  }
  void after() { world.finish(3, 1); }
};

/// Two harts replace at once: one of the two has to wait for the next grace period.
struct Writers : rl::test_suite<Writers, 3> {
  World world;
  void before() { world.begin(true); }
  void thread(unsigned thread) {
    if (thread == 2) {
      world.pass();
      world.read();
      return;
    }
    // With this the first grace period may be over before the second replaces.
    if (thread == 1) world.pass();
    world.replace(world.versions[1 + thread]);
    world.pass();
  }
  void after() { world.finish(3, 2); }
};

/// Two harts are away at times, as when they sleep.
struct Sleepers : rl::test_suite<Sleepers, 3> {
  World world;
  void before() { world.begin(true); }
  void thread(unsigned thread) {
    if (thread == 0) {
      world.replace(world.versions[1]);
      world.pass();
      return;
    }
    world.read();
    const bool left = world.leave();
    if (left) {
      world.come_back();
    } else {
      world.pass();
    }
    world.read();
  }
  void after() { world.finish(3, 1); }
};

/// Two harts join while a version is replaced.
struct Joiners : rl::test_suite<Joiners, 3> {
  World world;
  void before() {
    world.begin(false);
    world.quiescence.join(world.harts[0]);
  }
  void thread(unsigned thread) {
    if (thread == 0) {
      world.replace(world.versions[1]);
      world.pass();
      return;
    }
    world.quiescence.join(world.harts[thread]);
    world.read();
  }
  void after() { world.finish(3, 1); }
};

constexpr std::array kReaderControls{
    Control{"an answer does not acquire", kState, Weakening::kAcquire},
    Control{"the count does not acquire", kCount, Weakening::kAcquire},
    Control{"the count does not release", kCount, Weakening::kRelease},
};
constexpr std::array kWriterControls{
    Control{"the list does not acquire", kList, Weakening::kAcquire},
    Control{"the list does not release", kList, Weakening::kRelease},
};
constexpr std::array kSleeperControls{
    Control{"no fence", kState, Weakening::kFence},
    Control{"who was asked leaves", kState, Weakening::kCheck},
    Control{"leaving does not release", kState, Weakening::kRelease},
    Control{"who is away is not acquired", kState, Weakening::kAcquire},
};
constexpr std::array kJoinerControls{
    Control{"no fence", kState, Weakening::kFence},
    Control{"the list does not release", kList, Weakening::kRelease},
};
constexpr std::array kModels{
    Model{"readers", &rl::simulate<Readers>, 3, 4, 0, kReaderControls},
    Model{"writers", &rl::simulate<Writers>, 3, 4, 0, kWriterControls},
    Model{"sleepers", &rl::simulate<Sleepers>, 3, 4, 0, kSleeperControls},
    Model{"joiners", &rl::simulate<Joiners>, 3, 4, 0, kJoinerControls},
};

}  // namespace
}  // namespace quoll::races

int main(int argc, char** argv) {
  return quoll::races::run(argc, argv, quoll::races::kModels);
}
