// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "failures_support.hpp"

#include <quoll/arch/current.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/guest/start.hpp>
#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/panic/panic.hpp>

namespace quoll::failures {
namespace {

async::Task<void> act_when_all_are_here(Gathering& gathering, void (*act)(unsigned)) {
  while (!gathering.claim()) co_await exec::yield_now();
  gathering.wait_for_all();
  act(arch::Harts::id());
}

constinit unsigned chosen_hart = 0;
constinit void (*chosen_act)() = nullptr;

}  // namespace

QUOLL_NAMED void panic_plainly(const char* message) {
  panic::panic("{}", message);
}

std::uint64_t address_of_user_page(bool executable) {
  auto space = vm::AddressSpace::create(vm::kernel_space());
  if (!space) panic::panic("no memory for the test");
  const auto permissions =
      executable ? mem::Permissions::read_execute() : mem::Permissions::read_write();
  const auto page =
      (*space)->map_anonymous(vm::Placement::anywhere(), mem::kPageSize, permissions.for_user());
  if (!page ||
      (*space)->handle_fault(page->start(), mem::Access::kRead) != vm::FaultOutcome::kResolved) {
    panic::panic("no memory for the test");
  }
  (*space)->activate();
  opaque(space->release());
  return page->start().value();
}

bool Gathering::claim() noexcept {
  const std::uint64_t bit = sync::HartSet::of(arch::Harts::id()).bits();
  return (held_.fetch_or(bit) & bit) == 0;
}

void Gathering::wait_for_all() noexcept {
  const std::uint64_t all = sync::HartSet::first(arch::Harts::count()).bits();
  while (held_.load() != all) {
    exec::executor().offer_work();
    arch::Interrupts::relax();
  }
}

async::Task<void> hold_a_hart(Gathering& gathering) {
  while (!gathering.claim()) co_await exec::yield_now();
  gathering.wait_for_all();
}

void on_every_hart(void (*act)(unsigned hart)) {
  static constinit Gathering gathering;
  (void)gathering.claim();
  for (unsigned i = 1; i < arch::Harts::count(); ++i) {
    if (!exec::spawn(act_when_all_are_here(gathering, act), "gathered")) {
      panic::panic("no memory for the test");
    }
  }
  gathering.wait_for_all();
  act(arch::Harts::id());
}

void on_hart(unsigned hart, void (*act)()) {
  chosen_hart = hart;
  chosen_act = act;
  on_every_hart([](unsigned here) {
    if (here == chosen_hart) chosen_act();
    for (;;) arch::Interrupts::relax();
  });
  panic::panic("the test is not over");
}

}  // namespace quoll::failures
