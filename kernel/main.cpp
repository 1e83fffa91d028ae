// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// From the loader's jump to the executor, on every hart. README.md explains the order.
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <span>

#include <quoll/arch/clock.hpp>
#include <quoll/arch/current.hpp>
#include <quoll/arch/sbi.hpp>
#include <quoll/arch/trap_frame.hpp>
#include <quoll/async/signal.hpp>
#include <quoll/fdt/device_tree.hpp>
#include <quoll/handoff/boot_info.hpp>
#include <quoll/handoff/loader_config.hpp>
#include <quoll/kernel/boot/bootargs_table.hpp>
#include <quoll/kernel/boot/program.hpp>
#include <quoll/kernel/device/power.hpp>
#include <quoll/kernel/device/start.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/exec/start.hpp>
#include <quoll/kernel/irq/irq.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/metrics/metrics.hpp>
#include <quoll/kernel/panic/panic.hpp>
#include <quoll/kernel/random/random.hpp>
#include <quoll/kernel/state/state.hpp>
#include <quoll/kernel/tracing/console.hpp>
#include <quoll/kernel/tracing/trace.hpp>
#include <quoll/kernel/watchdog/watchdog.hpp>
#include <quoll/log/log.hpp>
#include <quoll/sync/once.hpp>

namespace quoll::kernel {

QUOLL_LOG_TARGET(kBoot, "boot");

namespace {

[[gnu::section(".loader_config"), gnu::used, gnu::retain]]
const handoff::LoaderConfig kLoaderConfig{.kernel_stack_pages = 8};

constinit std::atomic<bool> others_may_go{false};
constinit std::atomic<unsigned> harts_here{0};
constinit async::Signal all_harts_came;
constinit sync::OnceCell<fdt::DeviceTree> device_tree;
constinit sync::OnceCell<cpu::Topology> topology;

void enter_hart(const handoff::BootInfo& info, unsigned hart) noexcept {
  const handoff::HartInfo& own = info.harts()[hart];
  arch::initialise_hart(hart, own.stack.start, own.stack.end);
}

void print_arguments() noexcept {
  std::array<char, boot::kMaxDescription> text;
  for (const boot::Argument& argument : boot::argument_table()) {
    tracing::write(boot::describe(argument, text));
    tracing::write("\n");
  }
}

void read_arguments(const handoff::BootInfo& info) noexcept {
  State& state = state_for_boot();
  state.arguments = boot::parse_arguments(info.bootargs(), [](const boot::Complaint& complaint) {
    std::array<char, boot::kMaxDescription> text;
    log::warn(kBoot, "boot argument {}", boot::describe(complaint, text));
  });
  if (state.arguments.help) print_arguments();
  const auto parsed = log::Filter::parse(state.arguments.log);
  if (!parsed.rejected.empty()) {
    log::warn(kBoot, "log={}: {} is not understood", state.arguments.log, parsed.rejected);
  }
  if (const std::string_view unknown = log::set_filter(parsed.filter); !unknown.empty()) {
    log::warn(kBoot, "log={}: nothing is logged about {}", state.arguments.log, unknown);
  }
  static_assert(static_cast<int>(boot::LogColour::kOn) == static_cast<int>(tracing::Colour::kOn));
  tracing::use_colour(static_cast<tracing::Colour>(state.arguments.log_colour));
}

void configure_trace(std::uint64_t ticks_per_second) noexcept {
  const boot::Arguments& arguments = state_for_boot().arguments;
  const auto groups = trace::parse_groups(arguments.trace);
  if (!groups.rejected.empty()) {
    log::warn(kBoot, "trace={}: {} is not understood", arguments.trace, groups.rejected);
  }
  tracing::configure_trace(groups.mask, arguments.trace_size, ticks_per_second);
}

void find_machine(const handoff::BootInfo& info) noexcept {
  const auto tree = fdt::DeviceTree::open(
      vm::at_physical<const void>(mem::PhysicalAddress(info.device_tree.start)),
      info.device_tree.size());
  if (!tree) panic::panic("the device tree {}", to_string(tree.error()));
  State& state = state_for_boot();
  state.device_tree = &device_tree.emplace(*tree);
  state.features = cpu::find_features(*tree);
  std::array<std::uint64_t, sync::kMaxHarts> ids{};
  for (unsigned i = 0; i < arch::Harts::count(); ++i) ids[i] = arch::Harts::hardware_id(i);
  state.topology =
      &topology.emplace(cpu::find_topology(*tree, std::span(ids).first(arch::Harts::count())));
  arch::use_timer(state.features.sstc ? arch::TimerKind::kSstc : arch::TimerKind::kSbi);
}

void seed_random(const handoff::BootInfo& info) noexcept {
  random::start(info.seed());
  // The copy in the page is of no more use to anyone but a thief.
  // SAFETY: the page is mapped read-write and the kernel's.
  auto& writable = const_cast<handoff::BootInfo&>(info);
  std::memset(writable.rng_seed.data(), 0, writable.rng_seed.size());
  writable.rng_seed_size = 0;
}

/// The first task: what of boot needs others to have got somewhere.
async::Task<void> finish_boot() {
  const handoff::BootInfo& info = *state().boot_info;
  if (!co_await all_harts_came.wait()) co_return;
  metrics::note(metrics::Step::kAllHarts);
  // Harts that work side by side spin on each other's locks, for whole slices of a machine that
  // counts instructions: such a count ends here.
  if (state().arguments.bench == "harts") device::power_off(0);
  const std::uint64_t reclaimed = vm::release_loader_memory(info);
  log::info(kBoot, "kernel up on {} harts; {} KiB of the loader's memory are free again",
            arch::Harts::count(), reclaimed / 1024);
  const auto devices = co_await device::start(*state().device_tree).checked();
  if (!devices) panic::panic("no memory to start the devices");
  metrics::note(metrics::Step::kStreams);
  const auto done = co_await boot::main_program().checked();
  if (!done) panic::panic("no memory for the first program");
}

/// Nothing is left to do for a machine whose first task has ended in a panic.
async::Task<void> boot() {
  const auto done = co_await finish_boot().contained();
  if (done) co_return;
  panic::stop(done.error() == async::TaskError::kPanicked ? "the first task has panicked"
                                                          : "no memory for the first task");
}

[[noreturn]] void run_hart() noexcept {
  if (!state().arguments.bench.empty()) arch::allow_user_counting();
  tracing::start_hart_trace();
  irq::start_hart();
  exec::start_hart();
  watchdog::start_hart();
  // Each has left the loader, where the loader's last page counted it.
  if (harts_here.fetch_add(1, std::memory_order_acq_rel) + 1 == arch::Harts::count()) {
    all_harts_came.set();
  }
  arch::Interrupts::enable();
  exec::executor().run();
  panic::panic("the executor stopped");
}

[[noreturn]] void start_machine(const handoff::BootInfo& info) noexcept {
  metrics::note(metrics::Step::kKernelEntry);
  tracing::start(info.timebase_frequency, info.kernel_load_bias);
  State& state = state_for_boot();
  state.boot_info = &info;
  read_arguments(info);
  // The other groups measure themselves, and counting around user mode would be in their way.
  const std::string_view bench = state.arguments.bench;
  if (bench == "boot" || bench == "harts" || bench == "programs") {
    metrics::start(info);
    device::set_last_words([] { metrics::print(); });
  }
  if (!vm::init(info)) panic::panic("not enough memory for the kernel");
  metrics::note(metrics::Step::kMemory);
  configure_trace(info.timebase_frequency);
  if (!exec::start(info.timebase_frequency)) panic::panic("no memory for the harts' run queues");
  tracing::use_tasks(&exec::current_task);
  watchdog::start({.lock = exec::ticks_from_nanoseconds(state.arguments.watchdog_lock),
                   .hart = exec::ticks_from_nanoseconds(state.arguments.watchdog_hart)});
  find_machine(info);
  if (!irq::start(*state.device_tree)) {
    log::warn(kBoot, "no interrupt controller; devices cannot wake anybody");
  }
  const std::uint64_t wall_clock = device::start_early(*state.device_tree);
  if (wall_clock != 0) {
    // Guests count monotonic time from the image's entry.
    state.realtime_offset_ns =
        wall_clock - exec::nanoseconds_from_ticks(exec::now() - info.timestamps[0].time);
  }
  seed_random(info);
  metrics::note(metrics::Step::kDevices);
  if (!exec::spawn(boot(), "boot")) panic::panic("no memory for the first task");
  others_may_go.store(true, std::memory_order_release);
  const sync::HartSet others =
      sync::HartSet::first(arch::Harts::count()).without(arch::Harts::id());
  if (!arch::sbi::send_ipi(others)) panic::panic("the firmware cannot wake the other harts");
  run_hart();
}

/// Other harts sleep until the boot hart has made the kernel.
[[noreturn]] void join_machine() noexcept {
  arch::Interrupts::enable_sources(riscv::interrupt_bit::kSoftware);
  while (!others_may_go.load(std::memory_order_acquire)) {
    arch::Interrupts::wait();
    arch::Interrupts::acknowledge_software();
  }
  run_hart();
}

}  // namespace

extern "C" [[noreturn]] void kernel_start(const handoff::BootInfo* info, std::size_t logical_hart) {
  const auto hart = static_cast<unsigned>(logical_hart);
  if (!info->check() || info->hart_count > sync::kMaxHarts || hart >= info->hart_count) {
    tracing::write_unlocked("quoll: the loader's boot information is not understood\n");
    device::power_off(panic::kPanicStatus);
  }
  enter_hart(*info, hart);
  if (hart == info->boot_hart) tracing::begin();
  if (hart != info->boot_hart) join_machine();
  for (unsigned i = 0; i < info->hart_count; ++i) arch::Harts::add(i, info->harts()[i].hart_id);
  arch::use_instruction_counter(info->timestamps[0].instructions != 0);
  start_machine(*info);
}

}  // namespace quoll::kernel
