// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "virtio_ports.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <quoll/arch/mmio.hpp>
#include <quoll/async/signal.hpp>
#include <quoll/drivers/virtio_console.hpp>
#include <quoll/fdt/walk.hpp>
#include <quoll/kernel/irq/irq.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/sync/once.hpp>

#include "log_target.hpp"
#include "polled_stream.hpp"

namespace quoll::device {
namespace {

using Console = drivers::VirtioConsole<arch::MmioWindow>;
using Lock = sync::SpinLock<sync::LockRank::kDevice>;

/// Frames that the device may write to, and therefore kept for ever.
class DmaFrames {
 public:
  drivers::DmaRegion allocate(std::size_t size) noexcept {
    const std::uint64_t pages = mem::pages_for(size);
    if (count_ == runs_.size()) return {};
    auto run = vm::frames().allocate_run(pages);
    if (!run) return {};
    auto* const bytes = static_cast<std::byte*>(run->data());
    std::memset(bytes, 0, pages * mem::kPageSize);
    const std::uint64_t address = run->start().value();
    runs_[count_++] = std::move(*run);
    return {bytes, address, pages * mem::kPageSize};
  }

 private:
  std::array<vm::FrameRun, 1 + Console::kMaxPorts> runs_;  // queues, and buffers of each port
  std::size_t count_ = 0;
};

class PortStream final : public PolledStream {
 public:
  void bind(std::uint32_t index) noexcept { index_ = index; }
  bool readable() noexcept override;
  bool writable() noexcept override;

 private:
  base::Result<std::size_t, TryError> try_read(std::span<std::byte> into) noexcept override;
  base::Result<std::size_t, TryError> try_write(std::span<const std::byte> from) noexcept override;
  std::uint32_t index_ = 0;
};

/// The device, its lock and its streams.
struct Device {
  explicit Device(arch::MmioWindow window) noexcept : console(window) {
    for (std::uint32_t i = 0; i < streams.size(); ++i) streams[i].bind(i);
  }
  Lock lock;
  Console console QUOLL_GUARDED_BY(lock);
  DmaFrames dma QUOLL_GUARDED_BY(lock);
  std::uint32_t source = 0;
  bool complained = false;
  async::Signal signal;
  async::Event changed;
  std::array<PortStream, Console::kMaxPorts> streams;
};

constinit sync::OnceCell<Device> device;

TryError to_try_error(drivers::PortError error) noexcept {
  switch (error) {
    case drivers::PortError::kWouldBlock:
      return TryError::kWouldBlock;
    case drivers::PortError::kClosed:
      return TryError::kClosed;
    case drivers::PortError::kFailed:
      break;
  }
  return TryError::kFailed;
}

bool PortStream::readable() noexcept {
  Device& d = device.get();
  sync::LockGuard guard(d.lock);
  return d.console.readable(index_);
}

bool PortStream::writable() noexcept {
  Device& d = device.get();
  sync::LockGuard guard(d.lock);
  return d.console.writable(index_);
}

base::Result<std::size_t, TryError> PortStream::try_read(std::span<std::byte> into) noexcept {
  Device& d = device.get();
  sync::LockGuard guard(d.lock);
  return d.console.read(index_, into).transform_error(to_try_error);
}

base::Result<std::size_t, TryError> PortStream::try_write(
    std::span<const std::byte> from) noexcept {
  Device& d = device.get();
  sync::LockGuard guard(d.lock);
  return d.console.write(index_, from).transform_error(to_try_error);
}

/// Starts the device in one slot of the bus, if it is a console.
bool try_slot(fdt::Walk& walk) noexcept {
  const auto reg = walk.reg();
  if (!reg) return false;
  const auto range = mem::PhysicalRange::create(mem::PhysicalAddress(reg->address), reg->size);
  if (!range) return false;
  const auto mapped = vm::kernel_space().map_device(*range);
  if (!mapped) return false;
  const arch::MmioWindow window(*mapped);
  const auto kind = drivers::VirtioMmio<arch::MmioWindow>(window).identify();
  if (!kind) {
    log::warn(kTarget, "virtio device at {:#x}: {}", reg->address, to_string(kind.error()));
    return false;
  }
  if (*kind != drivers::virtio::kDeviceConsole) return false;
  const auto source = irq::source_of(walk);
  if (!source) {
    log::warn(kTarget, "virtio console at {:#x} has no interrupt", reg->address);
    return false;
  }
  Device& d = device.emplace(window);
  d.source = *source;
  if (!irq::attach(*source, d.signal)) return false;
  sync::LockGuard guard(d.lock);
  const auto started = d.console.start(d.dma);
  if (!started) {
    log::warn(kTarget, "virtio console at {:#x}: {}", reg->address, to_string(started.error()));
    return false;
  }
  return true;
}

}  // namespace

bool start_virtio_console(const fdt::DeviceTree& tree) noexcept {
  for (fdt::Walk walk(tree); walk.next();) {
    if (!walk.node().is_compatible("virtio,mmio") || !walk.is_available()) continue;
    if (try_slot(walk)) return true;
    if (device.has_value()) return false;  // the one there is does not work
  }
  return false;
}

async::Task<void> serve_virtio_console() {
  Device& d = device.get();
  for (;;) {
    if (!co_await d.signal.wait()) co_return;
    std::uint32_t changed = 0;
    bool failed = false;
    {
      sync::LockGuard guard(d.lock);
      changed = d.console.handle_events();
      failed = d.console.control_failed();
    }
    if (failed && !d.complained) {
      d.complained = true;
      log::error(kTarget, "the virtio console misbehaves; its control queue is given up");
    }
    for (std::uint32_t i = 0; i < d.streams.size(); ++i) {
      if (((changed >> i) & 1) != 0) d.streams[i].notify();
    }
    if (changed != 0) d.changed.set();
    irq::unmask(d.source);
  }
}

ByteStream* open_port(std::string_view name) noexcept {
  if (!device.has_value()) return nullptr;
  Device& d = device.get();
  sync::LockGuard guard(d.lock);
  for (std::uint32_t i = 0; i < d.console.port_count(); ++i) {
    if (d.console.port_name(i) != name) continue;
    return d.console.open(i, d.dma) ? &d.streams[i] : nullptr;
  }
  return nullptr;
}

async::Event& ports_changed() noexcept {
  return device.get().changed;
}

bool ports_drained() noexcept {
  if (!device.has_value()) return true;
  Device& d = device.get();
  sync::LockGuard guard(d.lock);
  for (std::uint32_t i = 0; i < d.console.port_count(); ++i) {
    if (!d.console.drained(i)) return false;
  }
  return true;
}

}  // namespace quoll::device
