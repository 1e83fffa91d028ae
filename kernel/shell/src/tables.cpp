// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "tables.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <quoll/log/format.hpp>

namespace quoll::shell {
namespace {

/// A line of a table. It is written at once, so that no program's output comes in between.
class TableLine {
 public:
  template <typename... A>
  void add(log::Format<std::type_identity_t<A>...> format, const A&... values) {
    size_ += log::format_to(std::span(text_).subspan(size_), format, values...);
  }
  /// A number, as wide as told, or a dash.
  void add_or_dash(std::optional<std::uint64_t> number, std::size_t width) {
    char digits[24];
    const std::size_t size = number ? log::format_to(digits, "{}", *number) : 1;
    if (!number) digits[0] = '-';
    for (std::size_t i = size; i < width; ++i) add(" ");
    add("{}", std::string_view(digits, size));
  }
  std::string_view text() const noexcept { return {text_.data(), size_}; }

 private:
  /// Room for a number of each of the harts that there may be.
  std::array<char, 1536> text_{};
  std::size_t size_ = 0;
};

}  // namespace

using Printing = Shell::Printing;

Printing ps(Shell& shell, Invocation) {
  // Gathered first: the list is not to be held while the output waits.
  struct Listed {
    std::array<char, 64> name{};
    std::size_t name_size = 0;
    ProgramInfo info;
  };
  struct Gathered {
    containers::Vector<Listed> programs;
    bool complete = true;
  } gathered;
  shell.host().list(
      [](void* context, const ProgramInfo& info) {
        auto& all = *static_cast<Gathered*>(context);
        Listed listed;
        listed.info = info;
        listed.name_size = std::min(info.name.size(), listed.name.size());
        std::copy_n(info.name.begin(), listed.name_size, listed.name.begin());
        if (!all.programs.try_push_back(listed)) all.complete = false;
      },
      &gathered);
  (void)co_await shell.print_text("NUMBER   SECONDS  HART MEMORIES NAME\n");
  for (const Listed& listed : gathered.programs) {
    const ProgramInfo& info = listed.info;
    constexpr std::uint64_t kMillisecond = 1'000'000;
    constexpr std::uint64_t kSecond = 1000 * kMillisecond;
    TableLine line;
    line.add("{:6} {:6}.{:03} ", info.id, info.run_time_ns / kSecond,
             info.run_time_ns % kSecond / kMillisecond);
    line.add_or_dash(info.hart, 4);
    line.add(" {:9}{}\n", info.memory_plan, std::string_view(listed.name.data(), listed.name_size));
    (void)co_await shell.print_text(line.text());
  }
  if (!gathered.complete) (void)co_await shell.print("ps: out of memory\n");
  co_return {};
}

Printing harts(Shell& shell, Invocation) {
  (void)co_await shell.print_text(
      "HART HARDWARE CLUSTER CORE THREAD CACHE      TASKS      PARKS      TIMER    DEVICES"
      "      HARTS      WAKES      KICKS      WATCH\n");
  for (unsigned number = 0;; ++number) {
    const auto hart = shell.host().hart(number);
    if (!hart) co_return {};
    TableLine line;
    line.add("{:4} {:8} {:7} {:4} {:6} ", number, hart->hardware_id, hart->cluster, hart->core,
             hart->thread);
    line.add_or_dash(hart->cache != 0 ? std::optional<std::uint64_t>(hart->cache) : std::nullopt,
                     5);
    line.add(" {:10} {:10} {:10} {:10} {:10} {:10} {:10} {:10}\n", hart->resumed, hart->parks,
             hart->timer, hart->devices, hart->others, hart->wakes, hart->kicks, hart->watch);
    (void)co_await shell.print_text(line.text());
  }
}

Printing irqs(Shell& shell, Invocation) {
  (void)co_await shell.print_text("SOURCE PRIORITY HART      COUNT     STRAYS HART:COUNT\n");
  for (std::uint32_t number = 1;; ++number) {
    const auto source = shell.host().source(number);
    if (!source) co_return {};
    // Most have no device.
    if (!source->hart && source->count == 0) continue;
    TableLine line;
    line.add("{:6} {:8} ", number, source->priority);
    line.add_or_dash(source->hart, 4);
    line.add(" {:10} {:10}", source->count, source->strays);
    for (unsigned hart = 0; shell.host().hart(hart); ++hart) {
      const std::uint64_t count = shell.host().interrupts(number, hart);
      if (count != 0) line.add(" {}:{}", hart, count);
    }
    line.add("\n");
    (void)co_await shell.print_text(line.text());
  }
}

Printing mem(Shell& shell, Invocation) {
  const MemoryInfo info = shell.host().memory();
  constexpr std::uint64_t kKibibyte = 1024;
  co_return co_await shell.print("free {} KiB, kernel heap {} of {} KiB\n",
                                 info.free_bytes / kKibibyte, info.heap_bytes / kKibibyte,
                                 info.heap_held_bytes / kKibibyte);
}

}  // namespace quoll::shell
