// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <array>
#include <atomic>

#include <quoll/arch/mmio.hpp>
#include <quoll/async/signal.hpp>
#include <quoll/drivers/goldfish_rtc.hpp>
#include <quoll/fdt/walk.hpp>
#include <quoll/kernel/device/power.hpp>
#include <quoll/kernel/device/start.hpp>
#include <quoll/kernel/device/stream.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/tracing/console.hpp>

#include "console_stream.hpp"
#include "log_target.hpp"
#include "virtio_ports.hpp"

namespace quoll::device {
namespace {

constinit StandardStreams standard;
constinit bool terminal = false;
constinit std::atomic<std::uint64_t> log_position{0};
constinit std::atomic<bool> has_log_port{false};

/// Maps the first device of a kind.
volatile void* map_first(const fdt::DeviceTree& tree, std::string_view compatible) noexcept {
  for (fdt::Walk walk(tree); walk.next();) {
    if (!walk.node().is_compatible(compatible) || !walk.is_available()) continue;
    const auto reg = walk.reg();
    if (!reg) continue;
    const auto range = mem::PhysicalRange::create(mem::PhysicalAddress(reg->address), reg->size);
    if (!range) continue;
    const auto window = vm::kernel_space().map_device(*range);
    if (window) return *window;
    log::warn(kTarget, "{} cannot be mapped: {}", compatible, vm::to_string(window.error()));
  }
  return nullptr;
}

/// Carries log lines to the host, from the first one on.
async::Task<void> serve_log(ByteStream& port) {
  std::array<std::byte, 512> piece;
  std::uint64_t position = 0;
  for (;;) {
    const std::size_t size = tracing::read_ring(position, piece);
    std::span<const std::byte> rest(piece.data(), size);
    while (!rest.empty()) {
      const auto written = co_await port.write(rest);
      if (written) {
        rest = rest.subspan(*written);
      } else if (written.error() == StreamError::kOutOfMemory) {
        // The lines wait in their ring until there is some again.
        if (!co_await exec::sleep_until(exec::now() + exec::ticks_per_second() / 100)) co_return;
      } else {
        has_log_port.store(false);
        co_return;  // nobody reads it; the console has the lines as well
      }
    }
    log_position.store(position, std::memory_order_release);
    if (size == 0 && !co_await tracing::ring_grew().wait()) co_return;
  }
}

template <typename T>
void detach(async::Task<T> task, const char* name) {
  const auto handle = exec::spawn(std::move(task), name);
  if (!handle) log::error(kTarget, "no memory for the task {}", name);
}

/// Opens the standard ports; whether all three are there.
bool open_standard_ports() noexcept {
  if (standard.input == nullptr) standard.input = open_port("quoll.stdin");
  if (standard.output == nullptr) standard.output = open_port("quoll.stdout");
  if (standard.error == nullptr) standard.error = open_port("quoll.stderr");
  return standard.input != nullptr && standard.output != nullptr && standard.error != nullptr;
}

/// Waits for the host to name its ports. A device whose ports do not come is done without.
async::Task<bool> wait_for_ports() {
  const exec::Ticks limit = exec::now() + exec::ticks_per_second();
  for (;;) {
    ports_changed().reset();
    if (open_standard_ports()) co_return true;
    if (exec::now() >= limit) co_return false;
    async::Event& changed = ports_changed();
    async::Alarm alarm(changed);
    alarm.arm((co_await async::current_task()).scheduler().timers(), limit);
    if (!co_await changed.wait()) co_return false;
  }
}

void use_console() noexcept {
  standard = {&console_stream(), &console_stream(), &console_stream()};
  terminal = true;
  make_console_interactive();
}

}  // namespace

std::uint64_t start_early(const fdt::DeviceTree& tree) noexcept {
  if (volatile void* const test = map_first(tree, "sifive,test0")) set_test_device(test);
  if (!start_console(tree)) log::info(kTarget, "no UART that can be driven; firmware console");
  volatile void* const rtc = map_first(tree, "google,goldfish-rtc");
  return rtc != nullptr ? drivers::read_goldfish_rtc(arch::MmioWindow(rtc)) : 0;
}

async::Task<void> start(const fdt::DeviceTree& tree) {
  detach(serve_console(), "console");
  bool ports = false;
  if (start_virtio_console(tree)) {
    detach(serve_virtio_console(), "virtio-console");
    const auto found = co_await wait_for_ports().checked();
    ports = found.has_value() && *found;
  }
  if (!ports) use_console();
  if (ByteStream* const port = open_port("quoll.log")) {
    has_log_port.store(true);
    detach(serve_log(*port), "log");
  }
}

StandardStreams streams() noexcept {
  return standard;
}

bool streams_are_terminal() noexcept {
  return terminal;
}

async::Task<void> flush(async::CancelToken token) {
  const exec::Ticks pause = exec::ticks_per_second() / 1000;
  // What is logged from here on is not waited for: it could go on for ever.
  const std::uint64_t log_end = tracing::ring_end();
  const auto behind = [log_end] {
    return has_log_port.load() && log_position.load(std::memory_order_acquire) < log_end;
  };
  while (behind() || !ports_drained()) {
    if (!co_await exec::sleep_until(exec::now() + pause, token)) co_return;
  }
}

}  // namespace quoll::device
