// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <new>

#include <quoll/abi/error.hpp>
#include <quoll/abi/syscall.hpp>
#include <quoll/arch/interrupts.hpp>
#include <quoll/arch/record.hpp>
#include <quoll/kernel/tracing/console.hpp>
#include <quoll/kernel/tracing/trace.hpp>
#include <quoll/mem/address.hpp>
#include <quoll/riscv/trap_cause.hpp>
#include <quoll/sync/hart_set.hpp>
#include <quoll/sync/spin_lock.hpp>
#include <quoll/trace/text.hpp>

#include "log_target.hpp"

extern "C" {
// NOLINTNEXTLINE(readability-identifier-naming): the link script's name
extern const char __eh_frame_hdr_start[];
}

namespace quoll::tracing {
namespace {

constexpr std::size_t kMaxGuests = 64;

constinit std::array<std::atomic<trace::Local*>, sync::kMaxHarts> locals{};
constinit std::array<const trace::Local*, sync::kMaxHarts> readable{};
constinit std::atomic<trace::GroupMask> wanted{trace::kNoGroups};
constinit std::size_t ring_size = 0;
constinit std::uint64_t frequency = 0;

struct Guests {
  std::array<trace::GuestName, kMaxGuests> last{};
  std::size_t next = 0;
};
constinit sync::SpinLock<sync::LockRank::kGuestTable> guests_lock;
constinit Guests guests QUOLL_GUARDED_BY(guests_lock);

constexpr auto kErrors = [] {
  std::array<std::string_view, static_cast<std::size_t>(abi::Error::kUnsupported) + 1> names{};
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = to_string(abi::Error{i});
  return names;
}();

constexpr auto kCauses = [] {
  std::array<std::string_view, 10> names{};
  names[static_cast<std::size_t>(riscv::Interrupt::kSoftware)] = "software";
  names[static_cast<std::size_t>(riscv::Interrupt::kTimer)] = "timer";
  names[static_cast<std::size_t>(riscv::Interrupt::kExternal)] = "external";
  return names;
}();

/// The constants of the image, where names of tasks are.
struct Constants {
  std::uint64_t start;
  std::uint64_t end;
};
Constants constants() noexcept {
  constexpr std::uint64_t kFirstLinked = 0x1000;  // kernel.ld
  return {kernel_bias() + kFirstLinked, mem::address_of(__eh_frame_hdr_start).value()};
}

/// The constant whose address ends in these bits. Only ever reads constants.
std::string_view text_of(std::uint32_t key) noexcept {
  constexpr std::size_t kMaxName = 48;
  const auto [start, end] = constants();
  std::uint64_t address = (start & ~std::uint64_t{trace::kTextKeyMask}) | key;
  if (address < start) address += std::uint64_t{trace::kTextKeyMask} + 1;
  if (key == 0 || address < start || address >= end) return {};
  // SAFETY: from `address` to `end` lie constants of the image.
  const auto* const text = reinterpret_cast<const char*>(address);
  const std::size_t room = std::min<std::size_t>(kMaxName, end - address);
  const char* const behind = std::find(text, text + room, '\0');
  const std::string_view name(text, behind);
  const bool printable = std::ranges::all_of(name, [](char c) { return c > ' ' && c <= '~'; });
  return printable ? name : std::string_view();
}

void print_line(std::span<char> line, std::size_t size, void (*put)(std::string_view)) noexcept {
  put(std::string_view(line.data(), std::min(size, line.size())));
}

/// What the hart does now, as far as its records can tell.
void print_state(unsigned hart, const trace::Local& local, void (*put)(std::string_view)) noexcept {
  std::array<char, trace::kMaxTextLine> line;
  const std::uint64_t task = local.task.load(std::memory_order_relaxed);
  const std::uint64_t begin = local.begin.load(std::memory_order_relaxed);
  const std::span<char> out(line);
  std::size_t size = 0;
  if (task == 0) {
    size = log::format_to(out, "trace: hart {} now {} runs no task\n", hart, trace::now());
  } else if (task == trace::Local::kParked) {
    size =
        log::format_to(out, "trace: hart {} now {} sleeps since {}\n", hart, trace::now(), begin);
  } else {
    const auto name = text_of(local.slice_name());
    size = log::format_to(out, "trace: hart {} now {} runs task {} {} since {}\n", hart,
                          trace::now(), task, name, begin);
  }
  print_line(out, size, put);
}

}  // namespace

void configure_trace(trace::GroupMask groups, std::size_t size,
                     std::uint64_t ticks_per_second) noexcept {
  const auto [start, end] = constants();
  QUOLL_ASSERT(end - start <= std::uint64_t{trace::kTextKeyMask} + 1);
  wanted.store(groups, std::memory_order_relaxed);
  frequency = ticks_per_second;
  ring_size = std::bit_ceil(std::clamp(size, trace::Ring::kMinSlots, kMaxTraceSize));
}

void start_hart_trace() noexcept {
  if (wanted.load(std::memory_order_relaxed) == trace::kNoGroups) return;
  auto* const slots = new (std::nothrow) trace::Slot[ring_size];
  if (slots == nullptr) {
    log::warn(kTarget, "no memory for {} records; this hart records nothing", ring_size);
    return;
  }
  const unsigned hart = arch::Harts::id();
  trace::Local& local = arch::trace_local();
  local.ring.set_memory({slots, ring_size});
  readable[hart] = &local;
  locals[hart].store(&local, std::memory_order_release);
  local.enabled.store(wanted.load(std::memory_order_relaxed), std::memory_order_release);
}

void record_groups(trace::GroupMask groups) noexcept {
  wanted.store(groups, std::memory_order_relaxed);
  for (auto& entry : locals) {
    trace::Local* const local = entry.load(std::memory_order_acquire);
    if (local != nullptr) local->enabled.store(groups, std::memory_order_release);
  }
}

trace::GroupMask recorded_groups() noexcept {
  return wanted.load(std::memory_order_relaxed);
}

std::span<const trace::Local* const> trace_locals() noexcept {
  return std::span(readable).first(arch::Harts::count());
}

void note_guest(std::uint64_t guest, std::uint64_t task, std::string_view name) noexcept {
  if (recorded_groups() == trace::kNoGroups) return;
  trace::GuestName entry{guest, task, {}};
  std::copy_n(name.begin(), std::min(name.size(), entry.name.size() - 1), entry.name.begin());
  sync::LockGuard guard(guests_lock);
  guests.last[guests.next++ % kMaxGuests] = entry;
}

trace::DumpSource dump_source() noexcept QUOLL_NO_THREAD_SAFETY_ANALYSIS {
  trace::DumpSource source;
  source.harts = trace_locals();
  source.guests = guests.last;
  source.words = trace_words();
  source.ticks_per_second = frequency;
  source.now = trace::now();
  source.start = start_time();
  return source;
}

trace::Vocabulary trace_words() noexcept {
  return {abi::kSyscallNames, kErrors, kCauses, &text_of};
}

void print_last(unsigned hart, std::size_t count, void (*put)(std::string_view)) noexcept {
  const auto all = trace_locals();
  if (hart >= all.size() || all[hart] == nullptr) return;
  const trace::Local& local = *all[hart];
  print_state(hart, local, put);
  const std::uint64_t behind = local.ring.written();
  const std::uint64_t kept = behind - local.ring.lost();
  std::array<char, trace::kMaxTextLine> line;
  for (std::uint64_t i = behind - std::min<std::uint64_t>(kept, count); i != behind; ++i) {
    const auto record = local.ring.read(i);
    if (!record) continue;
    const std::span<char> out(line);
    print_line(out, trace::format_record(out, hart, *record, trace_words()), put);
  }
}

void print_last_of_all(std::size_t count, void (*put)(std::string_view)) noexcept {
  if (recorded_groups() == trace::kNoGroups) return;
  std::array<char, 64> line;
  print_line(line, log::format_to(line, "trace: {} ticks a second\n", frequency), put);
  for (unsigned hart = 0; hart < trace_locals().size(); ++hart) print_last(hart, count, put);
}

}  // namespace quoll::tracing
