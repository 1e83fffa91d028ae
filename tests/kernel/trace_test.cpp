// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What is recorded, against what the tests know to have happened; and what recording costs.
#include <algorithm>
#include <array>

#include <quoll/abi/syscall.hpp>
#include <quoll/arch/current.hpp>
#include <quoll/arch/record.hpp>
#include <quoll/arch/sbi.hpp>
#include <quoll/async/wait_queue.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/state/state.hpp>
#include <quoll/kernel/tests/test.hpp>
#include <quoll/kernel/tracing/console.hpp>
#include <quoll/kernel/tracing/trace.hpp>

#include "guest_support.hpp"
#include "looped_uart.hpp"

namespace quoll::tracing::tests {
namespace {

using guest::EndReason;
using guest::GuestEnd;
using guest::tests::run_probe_with;
using trace::Event;
using trace::Record;

/// Records some groups from its making to `end`, and finds what they hold.
class Recording {
 public:
  explicit Recording(trace::GroupMask groups = trace::kAllGroups) : before_(recorded_groups()) {
    EXPECT_FALSE(trace_locals().empty() || trace_locals()[0] == nullptr);
    for (std::size_t hart = 0; hart < trace_locals().size(); ++hart) {
      if (trace_locals()[hart] != nullptr) from_[hart] = trace_locals()[hart]->ring.written();
    }
    record_groups(groups);
  }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
  ~Recording() { record_groups(before_); }

  void end() { record_groups(trace::kNoGroups); }

  /// How many records of an event satisfy the condition. Nothing may have been lost meanwhile.
  template <typename Condition>
  unsigned count(Event event, Condition condition) const {
    unsigned found = 0;
    for (std::size_t hart = 0; hart < trace_locals().size(); ++hart) {
      if (trace_locals()[hart] == nullptr) continue;
      const trace::Ring& ring = trace_locals()[hart]->ring;
      if (ring.lost() > from_[hart]) {
        ::quoll::tests::report_failure(__FILE__, __LINE__, "no lost records");
        return 0;
      }
      for (std::uint64_t i = from_[hart]; i < ring.written(); ++i) {
        const auto record = ring.read(i);
        EXPECT_TRUE(record.has_value());
        if (record && record->event == event && condition(*record)) ++found;
      }
    }
    return found;
  }

 private:
  trace::GroupMask before_;
  std::array<std::uint64_t, sync::kMaxHarts> from_{};
};

std::uint64_t value(const Record& record, std::string_view field) {
  return record.value(field);
}

std::uint64_t code(auto enumerator) {
  return static_cast<std::uint64_t>(enumerator);
}

struct PingPong {
  async::WaitQueue there;
  async::WaitQueue back;
  std::atomic<unsigned> sent{0};
  std::atomic<unsigned> answered{0};
  std::atomic<std::uint64_t> task{0};
};

async::Task<void> answer(PingPong& state, unsigned rounds) {
  state.task.store((co_await async::current_task()).id());
  for (unsigned i = 1; i <= rounds; ++i) {
    (void)co_await state.there.wait_unless([&state, i] { return state.sent.load() >= i; });
    state.answered.store(i);
    state.back.wake_all();
  }
}

KTEST_TASK(Trace, EveryWakeIsRecordedOnceWithBothTasks) {
  constexpr unsigned kRounds = 20;
  const std::uint64_t self = (co_await async::current_task()).id();
  PingPong state;
  const Recording recording;
  auto other = exec::spawn(answer(state, kRounds), "trace-answer");
  CO_ASSERT_TRUE(other.has_value());
  unsigned waits = 0;
  for (unsigned i = 1; i <= kRounds; ++i) {
    // It waits before it is woken: the wake is one that leads somewhere.
    // Asleep, for a hart that gives way all the while fills its ring with that.
    while (state.answered.load() + 1 != i || state.task.load() == 0) {
      (void)(co_await exec::sleep_until(exec::now() + exec::ticks_per_second() / 10'000))
          .has_value();
    }
    co_await exec::yield_now();
    state.sent.store(i);
    state.there.wake_all();
    const auto answered =
        co_await state.back.wait_unless([&state, i] { return state.answered.load() >= i; });
    CO_ASSERT_TRUE(answered.has_value());
    ++waits;
  }
  CO_ASSERT_TRUE((co_await other->join()).has_value());
  const std::uint64_t task = state.task.load();
  const auto wakes_of = [&recording](std::uint64_t woken) {
    return recording.count(Event::kWake, [=](const Record& r) {
      return value(r, "task") == woken && value(r, "by") != 0 && value(r, "by") != woken;
    });
  };
  // On one hart each side waits each time; with more, one may come before the other waits. But
  // whoever waited was woken once, whatever the order.
  const auto waits_of = [&recording](std::uint64_t waiting) {
    return recording.count(Event::kSlice, [=](const Record& r) {
      return value(r, "task") == waiting && value(r, "why") == code(trace::SliceEnd::kSuspended);
    });
  };
  // The hart on which it waited last may still be about to write that slice down.
  const exec::Ticks limit = exec::now() + exec::ticks_per_second();
  while (wakes_of(task) != waits_of(task) && exec::now() < limit) {
    (void)(co_await exec::sleep_until(exec::now() + exec::ticks_per_second() / 10'000)).has_value();
  }
  EXPECT_EQ(wakes_of(task), waits_of(task));
  EXPECT_LE(wakes_of(task), kRounds);
  if (arch::Harts::count() == 1) {
    EXPECT_EQ(wakes_of(task), kRounds);
    EXPECT_EQ(wakes_of(self), kRounds);
  }
  EXPECT_EQ(waits, kRounds);
  const auto spawns = recording.count(Event::kSpawn, [=](const Record& r) {
    return value(r, "task") == task && value(r, "by") == self;
  });
  EXPECT_EQ(spawns, 1U);
}

async::Task<void> give_way(unsigned times) {
  for (unsigned i = 0; i < times; ++i) co_await exec::yield_now();
}

KTEST_TASK(Trace, ATaskHasASliceForEachTimeThatItRanAndOneEnd) {
  constexpr unsigned kTasks = 6;
  constexpr unsigned kYields = 4;
  const std::uint64_t self = (co_await async::current_task()).id();
  Recording recording;
  for (unsigned i = 0; i < kTasks; ++i) {
    auto task = exec::spawn(give_way(kYields), "trace-yields");
    CO_ASSERT_TRUE(task.has_value());
    CO_ASSERT_TRUE((co_await task->join()).has_value());
  }
  // The last slice ends after its task has told us.
  const exec::Ticks limit = exec::now() + exec::ticks_per_second() / 10;
  const std::uint64_t name = trace::text_key("trace-yields");
  const auto slices = [&](trace::SliceEnd end) {
    return recording.count(Event::kSlice, [=](const Record& r) {
      return value(r, "name") == name && value(r, "why") == code(end);
    });
  };
  while (slices(trace::SliceEnd::kEnded) != kTasks && exec::now() < limit) {
    co_await exec::yield_now();
  }
  recording.end();
  EXPECT_EQ(slices(trace::SliceEnd::kEnded), kTasks);
  EXPECT_EQ(slices(trace::SliceEnd::kYielded), kTasks * kYields);
  EXPECT_EQ(slices(trace::SliceEnd::kSuspended), 0U);
  const auto spawns = recording.count(Event::kSpawn, [=](const Record& r) {
    return value(r, "name") == name && value(r, "by") == self;
  });
  EXPECT_EQ(spawns, kTasks);
  EXPECT_EQ(trace_words().name_of(trace::Kind::kText, name), "trace-yields");
}

KTEST(Trace, EveryFenceIsRecordedWithItsRangeAndHarts) {
  constexpr unsigned kFences = 12;
  const mem::VirtualRange range(mem::VirtualAddress(0x1234'5000), 3 * mem::kPageSize);
  const sync::HartSet others =
      sync::HartSet::first(arch::Harts::count()).without(arch::Harts::id());
  Recording recording;
  for (unsigned i = 0; i < kFences; ++i) {
    arch::Mmu::fence(range);
    arch::Mmu::fence_remote(others, range);
  }
  recording.end();
  const auto fences = [&](trace::FenceOf of, sync::HartSet harts) {
    return recording.count(Event::kFence, [=](const Record& r) {
      return value(r, "of") == code(of) && value(r, "address") == 0x1234'5000 &&
             value(r, "pages") == 3 && value(r, "harts") == harts.bits();
    });
  };
  EXPECT_EQ(fences(trace::FenceOf::kPages, {}), kFences);
  EXPECT_EQ(fences(trace::FenceOf::kRemote, others), others.is_empty() ? 0 : kFences);
}

KTEST(Trace, InterruptsAndIpisAreAsManyAsTheHartCounted) {
  constexpr unsigned kIpis = 10;
  const unsigned hart = arch::Harts::id();
  Recording recording;
  const bool before = arch::Interrupts::save_and_disable();
  const std::uint64_t counted = arch::hart_local().interrupts;
  const std::uint64_t written = trace_locals()[hart]->ring.written();
  arch::Interrupts::restore(before);
  for (unsigned i = 0; i < kIpis; ++i) {
    const std::uint64_t seen = arch::hart_local().interrupts;
    EXPECT_TRUE(arch::sbi::send_ipi(sync::HartSet::of(hart)).has_value());
    while (arch::hart_local().interrupts == seen) arch::Interrupts::relax();
  }
  (void)arch::Interrupts::save_and_disable();
  const std::uint64_t more = arch::hart_local().interrupts - counted;
  const trace::Ring& ring = trace_locals()[hart]->ring;
  std::uint64_t interrupts = 0;
  std::uint64_t ipis = 0;
  for (std::uint64_t i = written; i < ring.written(); ++i) {
    const auto record = ring.read(i);
    if (!record) continue;
    if (record->event == Event::kInterrupt) ++interrupts;
    if (record->event == Event::kIpi && record->value("to") == sync::HartSet::of(hart).bits()) {
      ++ipis;
    }
  }
  arch::Interrupts::restore(before);
  recording.end();
  EXPECT_EQ(interrupts, more);
  EXPECT_GE(interrupts, kIpis);
  EXPECT_EQ(ipis, kIpis);
}

KTEST_TASK(Trace, InterruptsOfDevicesAreAsManyAsTheControllerGave) {
  constexpr unsigned kBytes = 10;
  const exec::Ticks pause = exec::ticks_per_second() / 1000;
  device::LoopedUart uart;
  CO_ASSERT_TRUE(uart.find());
  CO_ASSERT_NE(uart.source(), 0U);
  // Nothing may be on its way when counting begins and ends.
  CO_ASSERT_TRUE((co_await exec::sleep_until(exec::now() + pause)).has_value());
  const std::uint64_t before = irq::claimed();
  // Without the slices: waiting makes many of them.
  Recording recording(trace::bit(trace::Group::kIrq));
  for (unsigned i = 1; i <= kBytes; ++i) {
    const std::uint64_t seen = irq::claimed();
    uart.hear('x');
    // Two bytes that come together interrupt once. A machine on a busy host takes its time.
    const exec::Ticks limit = exec::now() + exec::ticks_per_second();
    do {
      CO_ASSERT_TRUE((co_await exec::sleep_until(exec::now() + pause)).has_value());
    } while (irq::claimed() == seen && exec::now() < limit);
  }
  const std::uint64_t claimed = irq::claimed() - before;
  recording.end();
  EXPECT_EQ(recording.count(Event::kDevice, [](const Record&) { return true; }), claimed);
  const auto ours = [&uart](const Record& r) { return value(r, "source") == uart.source(); };
  EXPECT_GE(recording.count(Event::kDevice, ours), kBytes);
  const auto external = recording.count(Event::kInterrupt, [](const Record& r) {
    return value(r, "cause") == code(riscv::Interrupt::kExternal);
  });
  EXPECT_GE(external, kBytes);
}

KTEST_TASK(Trace, AHartThatHasNothingToDoSleepsOnceForEachTimer) {
  constexpr unsigned kSleeps = 10;
  // Others would take the timer's task, or leave it: only a lone hart's sleeps are known.
  if (arch::Harts::count() != 1) co_return;
  // A device may have something to say meanwhile; hardly each time.
  for (unsigned attempt = 0; attempt < 5; ++attempt) {
    Recording recording;
    for (unsigned i = 0; i < kSleeps; ++i) {
      CO_ASSERT_TRUE(
          (co_await exec::sleep_until(exec::now() + exec::ticks_per_second() / 500)).has_value());
    }
    recording.end();
    const auto interrupts = recording.count(Event::kInterrupt, [](const Record&) { return true; });
    if (interrupts != kSleeps) continue;
    EXPECT_EQ(
        recording.count(Event::kPark, [](const Record& r) { return value(r, "begin") < r.time; }),
        kSleeps);
    EXPECT_EQ(recording.count(Event::kWake,
                              [](const Record& r) {
                                return value(r, "from") == code(trace::WakeSource::kTimer);
                              }),
              kSleeps);
    co_return;
  }
  EXPECT_TRUE(false && "undisturbed sleeps");
}

KTEST_TASK(Trace, AGuestsCallsFaultsAndLifeAreCounted) {
  constexpr std::uint64_t kCount = 8;
  constexpr unsigned kGuests = 1;
  Recording recording;
  const GuestEnd end = RUN_PROBE_WITH("be-traced", kCount);
  recording.end();
  CO_ASSERT_TRUE(end.reason == EndReason::kExited);
  CO_ASSERT_EQ(end.exit_status, 7U);

  std::uint64_t guest = 0;
  const auto starts = recording.count(Event::kGuestStart, [&guest](const Record& r) {
    guest = value(r, "guest");
    return true;
  });
  EXPECT_EQ(starts, kGuests);
  const auto ends = recording.count(Event::kGuestEnd, [=](const Record& r) {
    return value(r, "guest") == guest && value(r, "why") == code(EndReason::kExited) &&
           value(r, "status") == 7;
  });
  EXPECT_EQ(ends, kGuests);

  std::uint64_t memory = 0;
  const auto calls = [&](abi::Syscall call, abi::Error error) {
    return recording.count(Event::kSyscall, [=, &memory](const Record& r) {
      const bool is_it = value(r, "call") == code(call) && value(r, "error") == code(error);
      if (is_it && call == abi::Syscall::kMemoryReserve) memory = value(r, "value");
      return is_it && value(r, "begin") <= r.time;
    });
  };
  EXPECT_EQ(calls(abi::Syscall::kYield, abi::Error::kOk), kCount);
  EXPECT_EQ(calls(abi::Syscall::kHandleClose, abi::Error::kBadHandle), kCount);
  EXPECT_EQ(calls(abi::Syscall::kRandom, abi::Error::kOk), kCount);
  EXPECT_EQ(calls(abi::Syscall::kMemoryReserve, abi::Error::kOk), 1U);
  EXPECT_EQ(calls(abi::Syscall::kMemoryCommit, abi::Error::kOk), 1U);
  EXPECT_EQ(calls(abi::Syscall::kExit, abi::Error::kOk), 1U);
  // A number that is none stands as the largest.
  EXPECT_EQ(calls(abi::Syscall{0xff}, abi::Error::kBadCall), 1U);
  const auto all = recording.count(Event::kSyscall, [](const Record&) { return true; });
  EXPECT_EQ(all, 3 * kCount + 4);

  const auto faults = [&](trace::FaultOrigin origin, std::uint64_t first) {
    return recording.count(Event::kFault, [=](const Record& r) {
      const std::uint64_t page = (value(r, "address") - memory) / mem::kPageSize;
      return value(r, "in") == code(origin) && page >= first && page < first + kCount &&
             value(r, "access") == code(mem::Access::kWrite) &&
             value(r, "outcome") == code(vm::FaultOutcome::kResolved);
    });
  };
  CO_ASSERT_NE(memory, 0U);
  EXPECT_EQ(faults(trace::FaultOrigin::kGuest, 0), kCount);
  EXPECT_EQ(faults(trace::FaultOrigin::kKernel, 0), 0U);
  EXPECT_EQ(faults(trace::FaultOrigin::kKernel, kCount), kCount);
  EXPECT_EQ(faults(trace::FaultOrigin::kGuest, kCount), 0U);
}

KTEST(Trace, WhatIsSwitchedOffIsNotRecorded) {
  Recording recording;
  record_groups(trace::kAllGroups & ~trace::bit(trace::Group::kFence));
  for (unsigned i = 0; i < 5; ++i) {
    arch::Mmu::fence(mem::VirtualRange(mem::VirtualAddress(0x4321'0000), mem::kPageSize));
  }
  recording.end();
  EXPECT_EQ(recording.count(Event::kFence,
                            [](const Record& r) { return value(r, "address") == 0x4321'0000; }),
            0U);
}

constinit std::size_t lines_put = 0;
constinit std::size_t longest_line = 0;

KTEST(Trace, TheLastRecordsOfAnyHartComeAsLines) {
  for (unsigned i = 0; i < 20; ++i) {
    trace::record<Event::kGuestStart>(1'000'000 + i, std::uint64_t{0});
  }
  lines_put = 0;
  const auto put = [](std::string_view line) {
    ++lines_put;
    longest_line = std::max(longest_line, line.size());
    EXPECT_TRUE(line.starts_with("trace: hart ") && line.ends_with('\n'));
  };
  print_last(arch::Harts::id(), 10, put);
  EXPECT_LE(lines_put, 11U);
  EXPECT_GE(lines_put, 10U);
  EXPECT_LT(longest_line, trace::kMaxTextLine);
  lines_put = 0;
  print_last(sync::kMaxHarts, 10, put);
  EXPECT_EQ(lines_put, 0U);
}

// What it costs. Only a machine that counts instructions can tell.

void tell(std::string_view name, std::uint64_t count) {
  std::array<char, 64> line;
  write({line.data(), log::format_to(std::span<char>(line), "bench: {} {}\n", name, count)});
}

template <typename Action>
std::uint64_t least_count(Action action) {
  std::uint64_t least = ~std::uint64_t{0};
  for (unsigned i = 0; i < 50; ++i) {
    const std::uint64_t before = arch::read_instructions();
    action(std::uint64_t{i});
    least = std::min(least, arch::read_instructions() - before);
  }
  return least;
}

KTEST(Trace, Costs) {
  if (kernel::state().arguments.bench.empty()) return;
  const Recording recording;
  const std::uint64_t nothing = least_count([](std::uint64_t) { asm volatile("" ::: "memory"); });
  const auto cost = [nothing](auto action) {
    return least_count([action](std::uint64_t i) {
             asm volatile("" ::: "memory");
             action(i);
             asm volatile("" ::: "memory");
           }) -
           nothing;
  };
  const auto wake = [](std::uint64_t i) { trace::record<Event::kWake>(i & 1, i, i + 1); };
  const auto fence = [](std::uint64_t i) { trace::record<Event::kFence>(i & 3, i, i << 12, i); };
  const auto call = [](std::uint64_t i) {
    const std::uint64_t begun = trace::begin(trace::Group::kSyscall);
    trace::record_since<Event::kSyscall>(begun, i & 7, i & 1, i);
  };
  tell("trace.record", cost(wake));
  tell("trace.record_fence", cost(fence));
  tell("trace.record_call", cost(call));
  record_groups(trace::kNoGroups);
  // Without arguments to be made ready, which is not the record's doing.
  tell("trace.disabled", cost([](std::uint64_t i) { trace::record<Event::kDevice>(i); }));
}

}  // namespace
}  // namespace quoll::tracing::tests
