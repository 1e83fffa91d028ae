// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the kernel knows of its machine, from boot on.
#pragma once

#include <cstdint>

#include <quoll/fdt/device_tree.hpp>
#include <quoll/handoff/boot_info.hpp>
#include <quoll/kernel/boot/bootargs.hpp>
#include <quoll/kernel/cpu/isa.hpp>
#include <quoll/kernel/cpu/topology.hpp>

namespace quoll::kernel {

/// Written once by the boot hart before other harts and tasks start; read by anyone after.
struct State {
  const handoff::BootInfo* boot_info = nullptr;
  const fdt::DeviceTree* device_tree = nullptr;
  boot::Arguments arguments;
  cpu::Features features;
  const cpu::Topology* topology = nullptr;
  /// Nanoseconds from 1970 to the entry of the image; 0: no wall clock.
  std::uint64_t realtime_offset_ns = 0;
};

/// *Context*: any, after boot has set it up.
const State& state() noexcept;
/// *Context*: boot hart.
State& state_for_boot() noexcept;

}  // namespace quoll::kernel
