// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "console_stream.hpp"

#include <atomic>

#include <quoll/arch/mmio.hpp>
#include <quoll/async/signal.hpp>
#include <quoll/drivers/uart16550.hpp>
#include <quoll/fdt/walk.hpp>
#include <quoll/kernel/irq/irq.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/tracing/console.hpp>
#include <quoll/sync/once.hpp>

#include "line_discipline.hpp"
#include "log_target.hpp"
#include "polled_stream.hpp"

namespace quoll::device {
namespace {

using Uart = drivers::Uart16550<arch::MmioWindow>;
using Lock = sync::SpinLock<sync::LockRank::kDevice>;

constinit sync::OnceCell<Uart> uart;
constinit async::Signal uart_signal;
constinit std::uint32_t uart_source = 0;
constinit std::atomic<bool> interactive{false};
constinit std::atomic<void (*)()> interrupt_handler{nullptr};
/// The key was pressed while there was no handler yet.
constinit std::atomic<bool> interrupt_pending{false};

void interrupt() noexcept {
  // Noted before the handler is looked for; whoever sets one looks for the note afterwards.
  interrupt_pending.store(true);
  auto* const handler = interrupt_handler.load();
  if (handler != nullptr && interrupt_pending.exchange(false)) handler();
}

class ConsoleStream final : public PolledStream {
 public:
  bool readable() noexcept override {
    sync::LockGuard guard(lock_);
    return lines_.readable();
  }
  bool writable() noexcept override { return true; }

  /// One byte from the UART; whether it is the interrupt key.
  bool key(std::uint8_t byte) noexcept {
    if (!interactive.load(std::memory_order_relaxed)) return byte == 0x03;
    KeyEffect effect;
    {
      sync::LockGuard guard(lock_);
      effect = lines_.key(byte);
      // Written under the lock: the echo lies in the line.
      if (!effect.echo.empty()) tracing::write(effect.echo);
    }
    if (effect.line_ready) notify();
    return effect.interrupt;
  }

 private:
  base::Result<std::size_t, TryError> try_read(std::span<std::byte> into) noexcept override {
    sync::LockGuard guard(lock_);
    if (!lines_.readable()) return base::err(TryError::kWouldBlock);
    return lines_.read(into);
  }
  base::Result<std::size_t, TryError> try_write(std::span<const std::byte> from) noexcept override {
    // In pieces, so that the console's lock is never held long.
    std::array<char, 128> piece;
    std::size_t taken = 0;
    std::size_t size = 0;
    while (taken < from.size() && size + 2 <= piece.size()) {
      const char c = static_cast<char>(from[taken++]);
      if (c == '\n') piece[size++] = '\r';
      piece[size++] = c;
    }
    tracing::write(std::string_view(piece.data(), size));
    return taken;
  }

  Lock lock_;
  LineDiscipline lines_ QUOLL_GUARDED_BY(lock_);
};

constinit sync::OnceCell<ConsoleStream> stream;

std::optional<fdt::Node> console_node(const fdt::DeviceTree& tree) noexcept {
  const auto chosen = tree.find("/chosen");
  if (!chosen) return std::nullopt;
  const auto path = chosen->string("stdout-path");
  if (!path) return std::nullopt;
  return tree.find(*path);
}

}  // namespace

bool start_console(const fdt::DeviceTree& tree) noexcept {
  stream.emplace();
  const auto node = console_node(tree);
  if (!node || !(node->is_compatible("ns16550a") || node->is_compatible("ns16550") ||
                 node->is_compatible("snps,dw-apb-uart"))) {
    return false;
  }
  fdt::Walk walk(tree);
  if (!walk.seek(*node)) return false;
  const auto reg = walk.reg();
  if (!reg) return false;
  const auto range = mem::PhysicalRange::create(mem::PhysicalAddress(reg->address), reg->size);
  if (!range) return false;
  const auto window = vm::kernel_space().map_device(*range);
  if (!window) return false;
  const drivers::UartLayout layout{.shift = node->u32("reg-shift").value_or(0),
                                   .width = node->u32("reg-io-width").value_or(1)};
  uart.emplace(arch::MmioWindow(*window), layout).start();
  tracing::use_console([](std::uint8_t byte) noexcept { return uart.get().try_transmit(byte); });
  const auto source = irq::source_of(walk);
  if (source && irq::attach(*source, uart_signal)) {
    uart_source = *source;
  } else {
    log::warn(kTarget, "no interrupts from the console: nothing can be typed");
  }
  return true;
}

async::Task<void> serve_console() {
  if (uart_source == 0) co_return;
  for (;;) {
    if (!co_await uart_signal.wait()) co_return;
    while (const auto byte = uart.get().receive()) {
      if (stream.get().key(*byte)) interrupt();
    }
    irq::unmask(uart_source);
  }
}

void make_console_interactive() noexcept {
  interactive.store(true, std::memory_order_relaxed);
}

ByteStream& console_stream() noexcept {
  return stream.get();
}

void set_interrupt_handler(void (*handler)()) noexcept {
  interrupt_handler.store(handler);
  if (handler != nullptr && interrupt_pending.exchange(false)) handler();
}

}  // namespace quoll::device
