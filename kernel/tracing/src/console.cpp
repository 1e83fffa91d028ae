// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>
#include <array>
#include <cstring>

#include <quoll/arch/clock.hpp>
#include <quoll/arch/hart_local.hpp>
#include <quoll/arch/interrupts.hpp>
#include <quoll/arch/sbi.hpp>
#include <quoll/async/signal.hpp>
#include <quoll/async/task_header.hpp>
#include <quoll/kernel/panic/panic.hpp>
#include <quoll/kernel/tracing/console.hpp>
#include <quoll/log/log.hpp>
#include <quoll/sync/spin_lock.hpp>

#include "console_queue.hpp"

namespace quoll::tracing {
namespace {

constexpr std::size_t kRingSize = 8192;

bool put_to_firmware(std::uint8_t byte) noexcept {
  arch::sbi::console_put(static_cast<char>(byte));
  return true;
}

struct Ring {
  std::array<char, kRingSize> bytes{};
  std::uint64_t end = 0;  ///< bytes ever written

  /// *Requires*: no more than the ring holds.
  void append(std::string_view text) noexcept {
    const std::size_t at = end % kRingSize;
    const std::size_t first = std::min(text.size(), kRingSize - at);
    std::memcpy(&bytes[at], text.data(), first);
    std::memcpy(bytes.data(), text.data() + first, text.size() - first);
    end += text.size();
  }
  std::size_t read(std::uint64_t& from, std::span<std::byte> into) const noexcept {
    if (end - from > kRingSize) from = end - kRingSize;
    const std::size_t at = from % kRingSize;
    const std::size_t size = std::min<std::size_t>(into.size(), end - from);
    const std::size_t first = std::min(size, kRingSize - at);
    std::memcpy(into.data(), &bytes[at], first);
    std::memcpy(into.data() + first, bytes.data(), size - first);
    from += size;
    return size;
  }
};

// The lock is taken with interrupts off: handlers log too. Lines never nest on one hart, since
// nothing under the lock can fault or log. Under it lines are copied, and no device is waited for.
using ConsoleLock = sync::IrqSpinLock<arch::Interrupts, sync::LockRank::kLog>;
constinit ConsoleLock console_lock;
constinit Ring ring QUOLL_GUARDED_BY(console_lock);
constinit ConsoleQueue queue;
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

using Hold = sync::InterruptGuard<arch::Interrupts>;

bool put_on_console(char byte) noexcept {
  return put_byte.load(std::memory_order_acquire)(static_cast<std::uint8_t>(byte));
}

bool try_append(std::string_view text) noexcept {
  sync::LockGuard guard(console_lock);
  return queue.append(text);
}

/// Appends to the console's queue, and waits for room if there is none. *Requires*: no more than
/// `ConsoleQueue::kMostAtOnce`.
void append(std::string_view text) noexcept {
  while (!try_append(text)) {
    if (panic::in_progress()) return;
    print_waiting();
    arch::Interrupts::relax();
  }
}

void append_to_ring(std::string_view line) noexcept {
  sync::LockGuard guard(console_lock);
  ring.append(line);
}

/// Brings out what waits. An interrupt handler leaves that to whoever writes next, sleeps, or
/// enters user mode: the hart takes no interrupts meanwhile.
void print_unless_interrupted() noexcept {
  if (arch::hart_local().interrupt_depth != 0) return;
  queue.print<Hold>(arch::Harts::id(), &put_on_console);
}

/// To the console and to the ring, each with colours or without.
void write_both(std::string_view to_console, std::string_view to_ring) noexcept {
  if (panic::in_progress()) {
    // The report is one hart's. The others are about to stand still.
    if (panic::is_reporting()) write_unlocked(to_console);
    return;
  }
  // One after the other: each takes some instructions for every byte, and interrupts are off.
  append(to_console.substr(0, ConsoleQueue::kMostAtOnce));
  append_to_ring(to_ring);
  print_unless_interrupted();
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
  for (const char c : text) {
    for (unsigned tries = 0; tries < ConsoleQueue::kPatience && !put_on_console(c); ++tries) {
    }
  }
}

void print_waiting() noexcept {
  if (queue.empty()) [[likely]]
    return;
  const unsigned self = arch::Harts::id();
  if (panic::in_progress() || queue.is_printer(self)) return queue.bring_out<Hold>(&put_on_console);
  queue.print<Hold>(self, &put_on_console);
}

void finish() noexcept {
  while (!queue.empty()) {
    print_waiting();
    arch::Interrupts::relax();
  }
}

void write(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::string_view part = text.substr(0, ConsoleQueue::kMostAtOnce);
    append(part);
    text.remove_prefix(part.size());
  }
  print_unless_interrupted();
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
  std::size_t size = 0;
  while (size < into.size()) {
    // Interrupts go on between pieces.
    constexpr std::size_t kPiece = 128;
    sync::LockGuard guard(console_lock);
    const std::size_t read =
        ring.read(from, into.subspan(size, std::min(kPiece, into.size() - size)));
    if (read == 0) break;
    size += read;
  }
  return size;
}

std::uint64_t ring_end() noexcept {
  sync::LockGuard guard(console_lock);
  return ring.end;
}

async::Signal& ring_grew() noexcept {
  return grew;
}

}  // namespace quoll::tracing
