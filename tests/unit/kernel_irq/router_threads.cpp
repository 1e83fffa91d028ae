// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Threads that play harts, while others move and detach what the harts serve.
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

#include "router_fixture.hpp"

namespace quoll::irq {
namespace {

/// Each hart serves whatever interrupts it.
class Harts {
 public:
  explicit Harts(Machine& machine) {
    for (unsigned hart = 0; hart < Machine::kHarts; ++hart) {
      threads_.emplace_back([this, &machine, hart] {
        while (!over_.load()) {
          if (!machine.interrupts(hart)) {
            std::this_thread::yield();
            continue;
          }
          machine.router.serve(hart, [](std::uint32_t) {}, [](std::uint32_t) {});
        }
      });
    }
  }
  Harts(const Harts&) = delete;
  Harts& operator=(const Harts&) = delete;
  ~Harts() {
    over_.store(true);
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  std::atomic<bool> over_{false};
  std::vector<std::thread> threads_;
};

// A completion that the controller ignores leaves the source dead: its driver waits for ever.
bool moved_all_the_time_it_is_served_each_time() {
  constexpr unsigned kRounds = 400;
  constexpr std::uint32_t kSource = 6;
  Machine machine;
  Driver driver;
  if (!machine.router.attach(kSource, driver, {})) return false;
  std::atomic<bool> over{false};
  const Harts harts(machine);
  std::thread mover([&] {
    for (unsigned i = 0; !over.load(); ++i) {
      (void)machine.router.set_affinity(kSource, sync::HartSet::of(i % Machine::kHarts))
          .has_value();
    }
  });
  for (unsigned round = 1; round <= kRounds; ++round) {
    machine.plic.set_level(kSource, true);
    while (driver.told.load() != round) std::this_thread::yield();
    machine.plic.set_level(kSource, false);
    machine.router.unmask(kSource);
  }
  over.store(true);
  mover.join();
  return driver.told.load() == kRounds && machine.router.info(kSource)->count == kRounds;
}

bool a_driver_is_not_told_once_its_source_is_detached() {
  constexpr unsigned kRounds = 400;
  constexpr std::uint32_t kSource = 6;
  Machine machine;
  const Harts harts(machine);
  for (unsigned round = 0; round < kRounds; ++round) {
    // Gone with the round: the sanitizers see who still touches it.
    const auto driver = std::make_unique<Driver>();
    if (!machine.router.attach(kSource, *driver, {})) return false;
    machine.plic.raise(kSource);
    if (round % 2 == 0) std::this_thread::yield();
    machine.router.detach(kSource);
    if (driver->told.load() > 1) return false;
  }
  return true;
}

bool all_is_well() {
  return moved_all_the_time_it_is_served_each_time() &&
         a_driver_is_not_told_once_its_source_is_detached();
}

}  // namespace
}  // namespace quoll::irq

int main() {
  const bool is_good = quoll::irq::all_is_well();
  std::puts(is_good ? "all is well" : "a source was lost, or told too often");
  return is_good ? 0 : 1;
}
