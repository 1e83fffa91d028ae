// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>
#include <array>

#include <quoll/arch/clock.hpp>
#include <quoll/arch/interrupts.hpp>
#include <quoll/arch/sbi.hpp>
#include <quoll/async/signal.hpp>
#include <quoll/async/task_header.hpp>
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
constinit std::atomic<FindTask> find_task{nullptr};
constinit std::atomic<Colour> colour{Colour::kOff};
/// For spans outside of tasks.
constinit thread_local log::SpanList hart_spans;

async::TaskHeader* running_task() noexcept {
  const FindTask find = find_task.load(std::memory_order_acquire);
  return find == nullptr ? nullptr : find();
}

log::Origin origin() noexcept {
  log::Origin origin;
  // Zero until `start` has told what a tick is.
  if (start_ticks != 0) origin.time_us = (arch::read_time() - start_ticks) / ticks_per_us;
  origin.hart = arch::Harts::id();
  if (const async::TaskHeader* const task = running_task()) {
    origin.task = task->id();
    origin.task_name = task->name();
  }
  return origin;
}

log::SpanList& spans() noexcept {
  async::TaskHeader* const task = running_task();
  return task == nullptr ? hart_spans : task->spans();
}

/// A line with its level and target in colour.
class Coloured {
 public:
  explicit Coloured(const log::Line& line) noexcept {
    add(line.text.substr(0, line.mark_begin));
    add(log::colour_of(line.level));
    add(line.text.substr(line.mark_begin, line.mark_end - line.mark_begin));
    add(log::kPlain);
    add(line.text.substr(line.mark_end));
  }
  std::string_view text() const noexcept { return {text_.data(), size_}; }

 private:
  void add(std::string_view part) noexcept {
    std::copy(part.begin(), part.end(), text_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += part.size();
  }
  static constexpr std::size_t kMaxCodes = 16;  ///< of a colour and of its end
  std::array<char, log::kMaxLine + kMaxCodes> text_;
  std::size_t size_ = 0;
};

/// To the console and to the ring, each with colours or without.
void write_both(std::string_view to_console, std::string_view to_ring) noexcept {
  if (panic::in_progress()) {
    // The report is one hart's. The others are about to stand still.
    if (panic::is_reporting()) write_unlocked(to_console);
    return;
  }
  {
    sync::LockGuard guard(console_lock);
    write_unlocked(to_console);
    ring.append(to_ring);
  }
  grew.set();
}

void write_log(const log::Line& line) noexcept {
  const Colour wanted = colour.load(std::memory_order_relaxed);
  if (wanted == Colour::kOff) return write_both(line.text, line.text);
  const Coloured coloured(line);
  write_both(wanted == Colour::kOn ? coloured.text() : line.text, coloured.text());
}

}  // namespace

void begin() noexcept {
  log::set_backend({&origin, &spans, &write_log});
}

void start(std::uint64_t ticks_per_second, std::uint64_t kernel_bias) noexcept {
  ticks_per_us = std::max<std::uint64_t>(ticks_per_second / 1'000'000, 1);
  start_ticks = arch::read_time();
  bias = kernel_bias;
}

void use_tasks(FindTask find) noexcept {
  find_task.store(find, std::memory_order_release);
}

void use_colour(Colour wanted) noexcept {
  colour.store(wanted, std::memory_order_relaxed);
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
  write_both(line, line);
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
