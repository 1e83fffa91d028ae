// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "machine.hpp"

#include <cstring>
#include <memory>
#include <new>
#include <optional>

#include <quoll/arch/current.hpp>
#include <quoll/archive/archive.hpp>
#include <quoll/kernel/device/start.hpp>
#include <quoll/kernel/device/stream.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/exec/start.hpp>
#include <quoll/kernel/guest/embedded.hpp>
#include <quoll/kernel/guest/embedded_runtime.hpp>
#include <quoll/kernel/guest/services.hpp>
#include <quoll/kernel/mem/init.hpp>
#include <quoll/kernel/random/random.hpp>
#include <quoll/kernel/state/state.hpp>

#include "log_target.hpp"

namespace quoll::shell {
namespace {

// Everything that the services refer to; it is never taken down.
struct Installed {
  archive::Archive archive;
  guest::RuntimeImage runtime;
  std::optional<guest::Services> services;
};

std::optional<archive::Archive> open_archive(const handoff::BootInfo& info) {
  std::span<const std::byte> image;
  if (!info.initrd.is_empty()) {
    image = {vm::at_physical<const std::byte>(mem::PhysicalAddress(info.initrd.start)),
             info.initrd.size()};
  }
  auto opened = archive::Archive::open(image);
  if (opened) return std::move(*opened);
  log::error(kTarget, "the boot archive is refused: {} at byte {}",
             archive::to_string(opened.error().error), opened.error().offset);
  return std::nullopt;
}

std::optional<guest::RuntimeImage> open_runtime(const handoff::BootInfo& info) {
  const std::span<const std::byte> file =
      guest::embedded_runtime(kernel::state().features.zba && kernel::state().features.zbb);
  const auto physical = guest::physical_of_constant(info, vm::frames().phys_map(), file);
  if (!physical) {
    log::error(kTarget, "the guest runtime is not where the kernel's constants are");
    return std::nullopt;
  }
  // The file is read where guests will see it.
  auto opened = guest::RuntimeImage::open(
      {vm::at_physical<const std::byte>(*physical), file.size()}, *physical);
  if (opened) return std::move(*opened);
  log::error(kTarget, "the guest runtime is {}", guest::to_string(opened.error()));
  return std::nullopt;
}

vm::VmoRef make_time_page(const guest::ClockScale& clock, std::uint64_t realtime_offset_ns) {
  auto page =
      vm::Vmo::create(vm::frames(), mem::kPageSize, mem::Permissions::read_only().for_user());
  if (!page) {
    log::error(kTarget, "no memory for the time page");
    return nullptr;
  }
  const abi::TimePage content = clock.page(realtime_offset_ns);
  std::memcpy((*page)->data(), &content, sizeof content);
  return std::move(*page);
}

std::uint64_t features_of(const cpu::Features& features) {
  return (features.zba ? abi::features::kZba : 0) | (features.zbb ? abi::features::kZbb : 0);
}

}  // namespace

bool set_up_guests(const handoff::BootInfo& info) {
  auto archive = open_archive(info);
  if (!archive) return false;
  auto runtime = open_runtime(info);
  if (!runtime) return false;

  guest::Services::Parts parts;
  parts.machine = {
      .now = []() noexcept { return exec::now(); },
      .random = [](std::span<std::byte> out) noexcept { random::fill(out); },
      .kick = [](unsigned hart) noexcept { exec::kick(hart); },
  };
  parts.clock = guest::ClockScale(info.timebase_frequency, 0);
  parts.realtime_offset_ns = kernel::state().realtime_offset_ns;
  parts.time_page = make_time_page(parts.clock, parts.realtime_offset_ns);
  if (!parts.time_page) return false;
  parts.features = features_of(kernel::state().features);
  // Both sides number the words alike.
  parts.backtrace = static_cast<abi::Backtrace>(kernel::state().arguments.backtrace);
  parts.random_placement = kernel::state().arguments.placement == boot::GuestPlacement::kRandom;
  parts.streams = device::streams();
  parts.streams_are_terminals = device::streams_are_terminal();

  auto* const installed =
      new (std::nothrow) Installed{std::move(*archive), std::move(*runtime), std::nullopt};
  if (installed == nullptr) {
    log::error(kTarget, "no memory for the guests' services");
    return false;
  }
  parts.archive = &installed->archive;
  parts.runtime = &installed->runtime;
  installed->services.emplace(std::move(parts));
  guest::set_services(&*installed->services);
  // The runtime's text was written by whoever loaded the image: every hart fetches it afresh.
  arch::Mmu::fence_code();
  arch::Mmu::fence_code_remote(
      sync::HartSet::first(arch::Harts::count()).without(arch::Harts::id()));
  return true;
}

}  // namespace quoll::shell
