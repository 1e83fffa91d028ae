// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Harts that interrupt each other. `BasicMailbox` is the kernel's own; the interrupt itself, a bit
// that the firmware sets and its owner acknowledges, is here. No reason is lost, each comes with
// what was written before it, and no interrupt finds nothing. A reason that is lost leaves its
// owner waiting for ever, which the explorer reports.
#include <array>
#include <atomic>
#include <cstdint>

#include <quoll/kernel/ipi/mailbox.hpp>

#include "explorer.hpp"

namespace quoll::races {
namespace {

enum Kind : unsigned { kWord, kInterrupt, kTakenFirst, kSentAlways, kNotAskedFirst };

struct ExploredMailbox {
  template <typename T>
  using Atomic = races::Atomic<T, kWord>;
};

using ipi::Reason;
using ipi::Reasons;
constexpr std::array kReasons{Reason::kWake, Reason::kKick, Reason::kTellWhere};
constexpr unsigned kHarts = 3;

/// A hart: its mailbox, its interrupt, and what reasons are about.
class Hart {
 public:
  void post(unsigned reason) {
    about_[reason].store(1);
    if (mailbox_.post(kReasons[reason]) || is_weakened(kSentAlways, Weakening::kCheck)) interrupt();
  }
  void halt() {
    (void)mailbox_.post(Reason::kHalt);
    interrupt();
  }

  /// Takes interrupts until each of these reasons has come, now or before.
  void serve(Reasons awaited) {
    while (!awaited.without(came_).is_empty()) {
      while (pending_.load(std::memory_order_acquire) == 0) relax();
      const Reasons taken = take();
      require(!taken.is_empty() || started_late_, "no interrupt comes for nothing");
      see(taken);
      came_ = came_ | taken;
    }
  }
  /// Takes interrupts until it halts.
  void serve_until_halt() {
    for (;;) {
      while (pending_.load(std::memory_order_acquire) == 0) relax();
      if (take().has(Reason::kHalt)) return;
    }
  }
  /// Acknowledges without a look, as harts do that wait for the kernel to be made.
  void sleep_before_the_start() { acknowledge(); }
  void start() {
    started_late_ = true;
    if (is_weakened(kNotAskedFirst, Weakening::kCheck)) return;
    if (!mailbox_.is_empty()) interrupt();
  }

 private:
  void interrupt() { pending_.store(1, std::memory_order_release); }
  // With the fence behind it: what its sender did before is seen.
  void acknowledge() { (void)pending_.exchange(0, std::memory_order_acq_rel); }
  Reasons take() {
    if (is_weakened(kTakenFirst, Weakening::kCheck)) {
      const Reasons taken = mailbox_.take();
      acknowledge();
      return taken;
    }
    acknowledge();
    return mailbox_.take();
  }
  void see(Reasons reasons) {
    for (unsigned i = 0; i < kReasons.size(); ++i) {
      if (reasons.has(kReasons[i])) require(about_[i].load() == 1, "what it is about is there");
    }
  }

  ipi::BasicMailbox<ExploredMailbox> mailbox_;
  Atomic<unsigned, kInterrupt> pending_{0};
  Reasons came_;  // the owner's
  bool started_late_ = false;
  std::array<Plain<unsigned>, kReasons.size()> about_{Plain<unsigned>(0), Plain<unsigned>(0),
                                                      Plain<unsigned>(0)};
};

/// Two harts have something for the third, one of them twice.
struct TwoSenders : rl::test_suite<TwoSenders, kHarts> {
  Hart hart;
  void thread(unsigned thread) {
    if (thread == 0) {
      hart.post(0);
      hart.post(1);
    } else if (thread == 1) {
      hart.post(2);
    } else {
      hart.serve(Reasons(kReasons[0]) | kReasons[1] | kReasons[2]);
    }
  }
};

/// Each hart has something for each other, and waits for what they have.
struct EachToEach : rl::test_suite<EachToEach, kHarts> {
  std::array<Hart, kHarts> harts;
  void thread(unsigned thread) {
    const unsigned next = (thread + 1) % kHarts;
    const unsigned last = (thread + 2) % kHarts;
    harts[next].post(0);
    harts[last].post(1);
    harts[thread].serve(Reasons(kReasons[0]) | kReasons[1]);
  }
};

/// The same again once the first has come: a mailbox that was emptied fills again.
struct Rounds : rl::test_suite<Rounds, 2> {
  std::array<Hart, 2> harts;
  void thread(unsigned thread) {
    for (unsigned round = 0; round < 3; ++round) {
      harts[1 - thread].post(round);
      harts[thread].serve(kReasons[round]);
    }
  }
};

/// One hart stops the machine while another has something for the third.
struct Halt : rl::test_suite<Halt, kHarts> {
  Hart hart;
  void thread(unsigned thread) {
    if (thread == 0) {
      hart.post(0);
      hart.post(1);
    } else if (thread == 1) {
      hart.halt();
    } else {
      hart.serve_until_halt();
    }
  }
};

/// Something comes for a hart before it takes interrupts.
struct Start : rl::test_suite<Start, kHarts> {
  Hart hart;
  void thread(unsigned thread) {
    if (thread < 2) return hart.post(thread);
    hart.sleep_before_the_start();
    hart.sleep_before_the_start();
    hart.start();
    hart.serve(Reasons(kReasons[0]) | kReasons[1]);
  }
};

constexpr std::array kControls{
    Control{"what is posted releases nothing", kWord, Weakening::kRelease},
    Control{"what is taken acquires nothing", kWord, Weakening::kAcquire},
    Control{"taken, then acknowledged", kTakenFirst, Weakening::kCheck},
    Control{"an interrupt for each reason", kSentAlways, Weakening::kCheck},
};
constexpr std::array kEachControls{
    Control{"what is posted releases nothing", kWord, Weakening::kRelease},
    Control{"what is taken acquires nothing", kWord, Weakening::kAcquire},
    Control{"taken, then acknowledged", kTakenFirst, Weakening::kCheck},
};
constexpr std::array kHaltControls{
    Control{"taken, then acknowledged", kTakenFirst, Weakening::kCheck},
};
constexpr std::array kStartControls{
    Control{"a hart that begins does not ask", kNotAskedFirst, Weakening::kCheck},
    Control{"no fence behind acknowledging", kInterrupt, Weakening::kAcquire},
};
constexpr std::array kModels{
    Model{"two-senders", &rl::simulate<TwoSenders>, 5, 7, 0, kControls},
    Model{"each-to-each", &rl::simulate<EachToEach>, 3, 4, 0, kEachControls},
    Model{"rounds", &rl::simulate<Rounds>, 4, 6, 0, kControls},
    Model{"halt", &rl::simulate<Halt>, 5, 7, 0, kHaltControls},
    Model{"start", &rl::simulate<Start>, 5, 7, 0, kStartControls},
};

}  // namespace
}  // namespace quoll::races

int main(int argc, char** argv) {
  return quoll::races::run(argc, argv, quoll::races::kModels);
}
