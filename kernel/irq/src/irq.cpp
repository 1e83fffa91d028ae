// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <array>
#include <atomic>
#include <optional>

#include <quoll/arch/clock.hpp>
#include <quoll/arch/hart_local.hpp>
#include <quoll/arch/interrupts.hpp>
#include <quoll/arch/mmio.hpp>
#include <quoll/arch/record.hpp>
#include <quoll/async/signal.hpp>
#include <quoll/drivers/plic.hpp>
#include <quoll/kernel/irq/irq.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/panic/panic.hpp>
#include <quoll/kernel/watchdog/watchdog.hpp>
#include <quoll/riscv/csr.hpp>
#include <quoll/sync/hart_set.hpp>
#include <quoll/sync/once.hpp>
#include <quoll/sync/spin_lock.hpp>

#include "log_target.hpp"

namespace quoll::irq {
namespace {

using Plic = drivers::Plic<arch::MmioWindow>;
using Lock = sync::SpinLock<sync::LockRank::kDevice>;

constexpr std::uint32_t kNoContext = ~std::uint32_t{0};
constexpr std::uint32_t kSupervisorExternal = 9;

struct Controller {
  explicit Controller(Plic device, std::uint32_t handle) noexcept : plic(device), phandle(handle) {
    contexts.fill(kNoContext);
  }
  Plic plic;
  std::uint32_t phandle;
  /// By logical hart.
  std::array<std::uint32_t, sync::kMaxHarts> contexts{};
  /// Harts whose context is set up. The firmware closes a context when it starts the hart, and it
  /// does so whenever it gets round to it: each hart opens its own once it is in the kernel.
  sync::AtomicHartSet ready;
  Lock lock;
  unsigned next_hart QUOLL_GUARDED_BY(lock) = 0;
  std::array<std::atomic<async::Signal*>, Plic::kMaxSources> handlers{};
};

constinit sync::OnceCell<Controller> controller;
constinit std::atomic<std::uint64_t> claimed_count{0};
constinit std::atomic<std::uint64_t> unclaimed_count{0};

constexpr std::uint64_t kNoAlarm = ~std::uint64_t{0};
constinit std::atomic<std::uint64_t> alarm_at{kNoAlarm};
constinit std::atomic<void (*)() noexcept> alarm_rings{nullptr};

/// The hart whose local interrupt controller has this phandle.
std::optional<unsigned> hart_of(const fdt::DeviceTree& tree, std::uint32_t phandle) noexcept {
  for (fdt::Walk walk(tree); walk.next();) {
    if (walk.depth() == 0 || walk.node().phandle() != phandle) continue;
    const auto reg = walk.parent().property("reg");
    if (!reg) return std::nullopt;
    const auto id = reg->as_number();
    for (unsigned hart = 0; id && hart < arch::Harts::count(); ++hart) {
      if (arch::Harts::hardware_id(hart) == *id) return hart;
    }
    return std::nullopt;
  }
  return std::nullopt;
}

/// `interrupts-extended` lists each context's local controller and the interrupt it raises there.
void find_contexts(const fdt::DeviceTree& tree, fdt::Node node, Controller& out) noexcept {
  const auto property = node.property("interrupts-extended");
  if (!property) return;
  fdt::Cells cells = property->as_cells();
  for (std::uint32_t context = 0; cells.size() >= 2; ++context) {
    const auto phandle = cells.take(1);
    const auto interrupt = cells.take(1);
    if (!phandle || interrupt != kSupervisorExternal) continue;
    const auto hart = hart_of(tree, static_cast<std::uint32_t>(*phandle));
    if (hart) out.contexts[*hart] = context;
  }
}

void open_own_context() noexcept {
  if (!controller.has_value()) return;
  Controller& c = controller.get();
  const unsigned hart = arch::Harts::id();
  if (c.contexts[hart] == kNoContext || c.ready.load().contains(hart)) return;
  c.plic.reset_context(c.contexts[hart]);
  c.ready.add(hart);
}

void handle_external() noexcept {
  if (!controller.has_value()) return;
  Controller& c = controller.get();
  const std::uint32_t context = c.contexts[arch::Harts::id()];
  if (context == kNoContext) return;
  while (const std::uint32_t source = c.plic.claim(context)) {
    if (!c.plic.is_source(source)) break;
    claimed_count.fetch_add(1, std::memory_order_relaxed);
    trace::record<trace::Event::kDevice>(source);
    // Masked before it is completed: a level that is still up must not come again at once.
    c.plic.mask(source);
    c.plic.complete(context, source);
    if (async::Signal* const signal = c.handlers[source].load(std::memory_order_acquire)) {
      signal->set();
    } else if (unclaimed_count.fetch_add(1, std::memory_order_relaxed) == 0) {
      log::warn(kTarget, "interrupt {} belongs to nobody; masked", source);
    }
  }
}

/// Has this hart interrupted at the alarm's time, whatever it does until then; past it, rings.
void mind_alarm(arch::HartLocal& local) noexcept {
  const std::uint64_t at = alarm_at.load(std::memory_order_acquire);
  if (at >= local.deadline) return;
  if (at <= arch::read_time()) {
    if (auto* const ring = alarm_rings.load(std::memory_order_relaxed)) ring();
    return;
  }
  local.deadline = at;
  arch::set_timer(watchdog::or_tick(local, at));
  arch::Interrupts::enable_sources(riscv::interrupt_bit::kTimer);
}

void handle_timer(arch::HartLocal& local, const arch::TrapFrame* frame) noexcept {
  const bool watched = watchdog::ticks(local);
  if (watched) {
    watchdog::tick(frame);
    if (arch::read_time() < local.deadline) {
      // Nobody else has asked for it.
      arch::set_timer(watchdog::or_tick(local, local.deadline));
      return;
    }
  }
  // The executor looks at the clock before it sleeps or leaves, and sets the comparator anew.
  arch::Interrupts::disable_sources(riscv::interrupt_bit::kTimer);
  local.deadline = ~std::uint64_t{0};
  local.slice_over = true;
  local.timer_fired = true;
  if (watched) {
    arch::set_timer(local.watch_at);
    arch::Interrupts::enable_sources(riscv::interrupt_bit::kTimer);
  }
  mind_alarm(local);
}

}  // namespace

void set_alarm(std::uint64_t at, void (*ring)() noexcept) noexcept {
  const sync::InterruptGuard<arch::Interrupts> guard;
  alarm_rings.store(ring, std::memory_order_relaxed);
  alarm_at.store(at, std::memory_order_release);
  if (at > arch::read_time()) mind_alarm(arch::hart_local());
}

std::uint64_t alarm() noexcept {
  return alarm_at.load(std::memory_order_relaxed);
}

base::Result<void, IrqError> start(const fdt::DeviceTree& tree) noexcept {
  for (fdt::Walk walk(tree); walk.next();) {
    const fdt::Node node = walk.node();
    if (!node.is_compatible("sifive,plic-1.0.0") && !node.is_compatible("riscv,plic0")) continue;
    if (!walk.is_available()) continue;
    const auto reg = walk.reg();
    const auto sources = node.u32("riscv,ndev");
    const auto phandle = node.phandle();
    if (!reg || !sources || !phandle) return base::err(IrqError::kNoController);
    const auto range = mem::PhysicalRange::create(mem::PhysicalAddress(reg->address), reg->size);
    if (!range) return base::err(IrqError::kNoController);
    auto window = vm::kernel_space().map_device(*range);
    if (!window) return base::err(IrqError::kNoController);
    Controller& c = controller.emplace(Plic(arch::MmioWindow(*window), *sources), *phandle);
    find_contexts(tree, node, c);
    c.plic.reset();
    open_own_context();
    return {};
  }
  return base::err(IrqError::kNoController);
}

void start_hart() noexcept {
  open_own_context();
  arch::Interrupts::enable_sources(riscv::interrupt_bit::kSoftware |
                                   riscv::interrupt_bit::kExternal);
}

base::Result<std::uint32_t, IrqError> source_of(fdt::Walk& device) noexcept {
  if (!controller.has_value()) return base::err(IrqError::kNoController);
  const auto parent = device.interrupt_parent();
  if (!parent || parent->phandle() != controller.get().phandle) {
    return base::err(IrqError::kNoController);
  }
  const auto property = device.node().property("interrupts");
  if (!property) return base::err(IrqError::kBadSource);
  fdt::Cells cells = property->as_cells();
  const auto source = cells.take(1);
  if (!source || !controller.get().plic.is_source(static_cast<std::uint32_t>(*source))) {
    return base::err(IrqError::kBadSource);
  }
  return static_cast<std::uint32_t>(*source);
}

base::Result<void, IrqError> attach(std::uint32_t source, async::Signal& signal) noexcept {
  if (!controller.has_value()) return base::err(IrqError::kNoController);
  Controller& c = controller.get();
  if (!c.plic.is_source(source)) return base::err(IrqError::kBadSource);
  async::Signal* expected = nullptr;
  if (!c.handlers[source].compare_exchange_strong(expected, &signal)) {
    return base::err(IrqError::kTaken);
  }
  sync::LockGuard guard(c.lock);
  // One hart for each source, in turn: an interrupt wakes one hart, not all.
  for (unsigned tries = 0; tries < arch::Harts::count(); ++tries) {
    const unsigned hart = c.next_hart;
    const std::uint32_t context = c.contexts[hart];
    c.next_hart = (c.next_hart + 1) % arch::Harts::count();
    if (context == kNoContext || !c.ready.load().contains(hart)) continue;
    c.plic.route(source, context);
    c.plic.unmask(source);
    return {};
  }
  c.handlers[source].store(nullptr);
  return base::err(IrqError::kNoController);
}

void unmask(std::uint32_t source) noexcept {
  controller.get().plic.unmask(source);
}

void handle(riscv::TrapCause cause, const arch::TrapFrame* frame) noexcept {
  arch::HartLocal& local = arch::hart_local();
  const std::uint64_t begun = trace::begin(trace::Group::kIrq);
  ++local.interrupt_depth;
  ++local.interrupts;
  local.attention = true;
  if (cause.is(riscv::Interrupt::kSoftware)) {
    arch::Interrupts::acknowledge_software();
    if (panic::in_progress()) panic::halt_hart();
    watchdog::answer(frame);
  } else if (cause.is(riscv::Interrupt::kTimer)) {
    handle_timer(local, frame);
  } else if (cause.is(riscv::Interrupt::kExternal)) {
    handle_external();
  } else {
    panic::panic("unhandled interrupt {}", cause.code());
  }
  --local.interrupt_depth;
  trace::record_since<trace::Event::kInterrupt>(begun, cause.code());
}

std::uint64_t claimed() noexcept {
  return claimed_count.load(std::memory_order_relaxed);
}

std::uint64_t unclaimed() noexcept {
  return unclaimed_count.load(std::memory_order_relaxed);
}

}  // namespace quoll::irq
