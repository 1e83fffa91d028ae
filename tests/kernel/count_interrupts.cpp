// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What interrupts cost, in instructions: our share of an interrupt between harts, and the way from
// a device to the task that serves it.
#include <quoll/arch/sbi.hpp>
#include <quoll/async/signal.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/ipi/ipi.hpp>
#include <quoll/kernel/irq/irq.hpp>
#include <quoll/kernel/tests/test.hpp>

#include "alarm_clock.hpp"
#include "count_support.hpp"

namespace quoll::irq {
namespace {

using vm::counts::can_count;
using vm::counts::count;

constexpr unsigned kTimes = 50;

void tell(std::string_view name, std::uint64_t count) noexcept {
  vm::counts::tell_of("interrupts", name, count);
}

/// What the firmware takes of it: from the call to the instruction behind.
std::uint64_t firmware_takes(std::uint64_t hardware_id) {
  register std::uint64_t a0 asm("a0") = 1;
  register std::uint64_t a1 asm("a1") = hardware_id;
  register std::uint64_t a6 asm("a6") = 0;
  register auto a7 asm("a7") = static_cast<std::uint64_t>(riscv::sbi::Extension::kIpi);
  std::uint64_t begun = 0;
  std::uint64_t ended = 0;
  asm volatile("rdinstret %0\n\tecall\n\trdinstret %1"
               : "=&r"(begun), "=&r"(ended), "+r"(a0), "+r"(a1)
               : "r"(a6), "r"(a7)
               : "memory");
  // Reading the counter is one of them.
  return ended - begun - 1;
}

/// Sends to this hart until the least is known; what was sent is taken each time.
template <typename Count>
std::uint64_t least_of_sending(Count count_it) {
  std::uint64_t least = ~std::uint64_t{0};
  for (unsigned i = 0; i < kTimes; ++i) {
    const sync::InterruptGuard<arch::Interrupts> guard;
    least = std::min(least, count_it());
    while (arch::Interrupts::pending() == 0) arch::Interrupts::relax();
    (void)ipi::take();
  }
  return least;
}

KTEST(Counts, Ipi) {
  if (!can_count()) return;
  const unsigned self = arch::Harts::id();
  const std::uint64_t id = arch::Harts::hardware_id(self);
  const std::uint64_t sent =
      least_of_sending([self] { return count([self] { ipi::post(self, ipi::Reason::kWake); }); });
  const std::uint64_t firmware = least_of_sending([id] { return firmware_takes(id); });
  std::uint64_t taken = ~std::uint64_t{0};
  for (unsigned i = 0; i < kTimes; ++i) {
    const sync::InterruptGuard<arch::Interrupts> guard;
    EXPECT_TRUE(ipi::detail::posts[self].mailbox.post(ipi::Reason::kWake));
    arch::Interrupts::raise_software();
    taken = std::min(taken, count(&handle_pending));
  }
  tell("ipi_firmware", firmware);
  tell("ipi_sent", sent - firmware);
  tell("ipi_taken", taken);
  tell("ipi", sent - firmware + taken);
}

struct Arrival {
  std::uint64_t begun = 0;
  std::uint64_t least = ~std::uint64_t{0};
};
async::Task<void> drive(device::AlarmClock& clock, async::Signal& signal, Arrival& arrival,
                        unsigned rounds) {
  for (unsigned i = 0; i < rounds; ++i) {
    if (!co_await signal.wait()) co_return;
    arrival.least = std::min(arrival.least, arch::read_instructions() - arrival.begun);
    clock.hush();
    unmask(clock.source());
  }
}

// The task that is in the way gives way at once: nothing else is between.
KTEST_TASK(Counts, DeviceToTask) {
  if (!can_count()) co_return;
  device::AlarmClock clock;
  async::Signal signal;
  Arrival trapped;
  Arrival asleep;
  std::uint64_t handled = ~std::uint64_t{0};
  CO_ASSERT_TRUE(clock.find());
  CO_ASSERT_TRUE(attach(clock.source(), signal).has_value());
  // What ringing takes by itself, while nobody hears it.
  std::uint64_t ringing = 0;
  {
    const sync::InterruptGuard<arch::Interrupts> guard;
    ringing = count([&clock] { clock.ring(); });
    clock.hush();
  }
  (void)(co_await exec::sleep_until(exec::now() + exec::ticks_per_second() / 1000)).has_value();
  auto driver = exec::spawn(drive(clock, signal, trapped, kTimes));
  CO_ASSERT_TRUE(driver.has_value());
  for (unsigned i = 0; i < kTimes; ++i) {
    co_await exec::yield_now();
    trapped.begun = arch::read_instructions();
    clock.ring();
    co_await exec::yield_now();
  }
  CO_ASSERT_TRUE((co_await driver->join()).has_value());
  driver = exec::spawn(drive(clock, signal, asleep, kTimes));
  CO_ASSERT_TRUE(driver.has_value());
  for (unsigned i = 0; i < kTimes; ++i) {
    co_await exec::yield_now();
    {
      // As a hart that has slept finds it.
      const sync::InterruptGuard<arch::Interrupts> guard;
      clock.ring();
      asleep.begun = arch::read_instructions();
      handle_pending();
      handled = std::min(handled, arch::read_instructions() - asleep.begun);
    }
    co_await exec::yield_now();
  }
  CO_ASSERT_TRUE((co_await driver->join()).has_value());
  tell("device_to_task", trapped.least - ringing);
  tell("device_to_task_asleep", asleep.least);
  // Until the driver's task is ready; the rest is the executor's.
  tell("device_handled", handled);
  detach(clock.source());
}

}  // namespace
}  // namespace quoll::irq
