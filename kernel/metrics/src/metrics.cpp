// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <array>
#include <atomic>
#include <span>
#include <string_view>

#include <quoll/arch/clock.hpp>
#include <quoll/kernel/metrics/metrics.hpp>
#include <quoll/kernel/tracing/console.hpp>
#include <quoll/log/format.hpp>

namespace quoll::metrics {
namespace {

using Count = std::atomic<std::uint64_t>;

constinit const handoff::BootInfo* boot_info = nullptr;
constinit std::array<Count, kStepCount> steps{};
constinit Count first_entry{0};
constinit Count user_total{0};

void print_one(std::string_view name, std::uint64_t count) noexcept {
  std::array<char, 96> line;
  const std::size_t size = log::format_to(std::span<char>(line), "bench: {} {}\n", name, count);
  tracing::write(std::string_view(line.data(), size));
}

void note_once(Count& count) noexcept {
  std::uint64_t never = 0;
  count.compare_exchange_strong(never, arch::read_instructions(), std::memory_order_relaxed);
}

}  // namespace

void start(const handoff::BootInfo& info) noexcept {
  boot_info = &info;
  detail::active.store(true, std::memory_order_release);
}

void note(Step step) noexcept {
  note_once(steps[static_cast<std::size_t>(step)]);
}

std::uint64_t entering_user() noexcept {
  if (first_entry.load(std::memory_order_relaxed) == 0) note_once(first_entry);
  return arch::read_instructions();
}

void left_user(std::uint64_t entered) noexcept {
  user_total.fetch_add(arch::read_instructions() - entered, std::memory_order_relaxed);
}

void not_in_user(std::uint64_t instructions) noexcept {
  user_total.fetch_sub(instructions, std::memory_order_relaxed);
}

void print() noexcept {
  if (!counting()) return;
  const std::uint64_t now = arch::read_instructions();
  const auto& loader = boot_info->timestamps;
  const auto loader_step = [&loader](handoff::BootStep step) {
    return loader[static_cast<std::size_t>(step)].instructions;
  };
  using handoff::BootStep;
  const std::uint64_t start = loader_step(BootStep::kEntry);
  // The hash is no part of what boot is judged by: its cost is the kernel's size.
  const std::uint64_t hash =
      loader_step(BootStep::kKernelHashed) - loader_step(BootStep::kDeviceTreeParsed);
  const auto since_entry = [&](std::string_view name, std::uint64_t count) {
    print_one(name, count - start - hash);
  };
  print_one("boot.hash", hash);
  print_one("boot.device_tree", loader_step(BootStep::kDeviceTreeParsed) - start);
  since_entry("boot.kernel_verified", loader_step(BootStep::kKernelVerified));
  since_entry("boot.page_tables", loader_step(BootStep::kPageTablesBuilt));
  since_entry("boot.kernel_mapped", loader_step(BootStep::kKernelMapped));
  since_entry("boot.handoff", loader_step(BootStep::kHandoff));
  constexpr const char* kNames[] = {"boot.kernel_entry", "boot.kernel_memory",
                                    "boot.kernel_devices", "boot.all_harts", "boot.streams"};
  static_assert(std::size(kNames) == kStepCount);
  for (std::size_t i = 0; i < kStepCount; ++i) {
    const std::uint64_t count = steps[i].load(std::memory_order_relaxed);
    if (count != 0) since_entry(kNames[i], count);
  }
  const std::uint64_t first = first_entry.load(std::memory_order_relaxed);
  if (first == 0) return;
  since_entry("boot.first_user_instruction", first);
  print_one("programs.user", user_total.load(std::memory_order_relaxed));
  print_one("programs.all", now - first);
}

}  // namespace quoll::metrics
