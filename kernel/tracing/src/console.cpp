// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>
#include <array>

#include <quoll/arch/clock.hpp>
#include <quoll/arch/interrupts.hpp>
#include <quoll/arch/sbi.hpp>
#include <quoll/async/signal.hpp>
#include <quoll/kernel/panic/panic.hpp>
#include <quoll/kernel/tracing/console.hpp>
#include <quoll/log/log.hpp>
#include <quoll/sync/spin_lock.hpp>

namespace quoll::tracing {
namespace {

constexpr std::size_t kRingSize = 8192;

void put_to_firmware(std::uint8_t byte) noexcept {
  arch::sbi::console_put(static_cast<char>(byte));
}

struct Ring {
  std::array<char, kRingSize> bytes{};
  std::uint64_t end = 0;  ///< bytes ever written

  void append(std::string_view text) noexcept {
    for (const char c : text) bytes[end++ % kRingSize] = c;
  }
  std::size_t read(std::uint64_t& from, std::span<std::byte> into) const noexcept {
    if (end - from > kRingSize) from = end - kRingSize;
    const std::size_t size = std::min<std::size_t>(into.size(), end - from);
    for (std::size_t i = 0; i < size; ++i) {
      into[i] = static_cast<std::byte>(bytes[(from + i) % kRingSize]);
    }
    from += size;
    return size;
  }
};

// The lock is taken with interrupts off: handlers log too. Lines never nest on one hart, since
// nothing under the lock can fault or log.
using ConsoleLock = sync::IrqSpinLock<arch::Interrupts, sync::LockRank::kLog>;
constinit ConsoleLock console_lock;
constinit Ring ring QUOLL_GUARDED_BY(console_lock);
constinit std::atomic<PutByte> put_byte{&put_to_firmware};
constinit async::Signal grew;
constinit std::uint64_t ticks_per_us = 1;
constinit std::uint64_t start_ticks = 0;
constinit std::uint64_t bias = 0;

log::Origin origin() noexcept {
  return {(arch::read_time() - start_ticks) / ticks_per_us, arch::Harts::id()};
}

}  // namespace

void start(std::uint64_t ticks_per_second, std::uint64_t kernel_bias) noexcept {
  ticks_per_us = std::max<std::uint64_t>(ticks_per_second / 1'000'000, 1);
  start_ticks = arch::read_time();
  bias = kernel_bias;
  log::set_backend({&origin, [](log::Level, std::string_view line) noexcept { write_line(line); }});
}

void use_console(PutByte put) noexcept {
  put_byte.store(put, std::memory_order_release);
}

void write_unlocked(std::string_view text) noexcept {
  const PutByte put = put_byte.load(std::memory_order_acquire);
  for (const char c : text) put(static_cast<std::uint8_t>(c));
}

void write(std::string_view text) noexcept {
  sync::LockGuard guard(console_lock);
  write_unlocked(text);
}

void write_line(std::string_view line) noexcept {
  if (panic::in_progress()) return write_unlocked(line);
  {
    sync::LockGuard guard(console_lock);
    write_unlocked(line);
    ring.append(line);
  }
  grew.set();
}

std::uint64_t start_time() noexcept {
  return start_ticks;
}

std::uint64_t kernel_bias() noexcept {
  return bias;
}

std::size_t read_ring(std::uint64_t& from, std::span<std::byte> into) noexcept {
  sync::LockGuard guard(console_lock);
  return ring.read(from, into);
}

std::uint64_t ring_end() noexcept {
  sync::LockGuard guard(console_lock);
  return ring.end;
}

async::Signal& ring_grew() noexcept {
  return grew;
}

}  // namespace quoll::tracing
