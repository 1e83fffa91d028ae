// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// From what the machine has to the map of what is free.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <quoll/base/result.hpp>
#include <quoll/handoff/extent.hpp>

#include "machine_info.hpp"
#include "memory_map.hpp"

namespace quoll::loader {

/// Where the loader itself is.
struct ImagePlace {
  /// All of it, zero-filled part and stack included.
  handoff::PhysicalExtent whole;
  /// The handoff page and the kernel ELF, which stay.
  handoff::PhysicalExtent kept;
};

enum class MemorySetupError : std::uint8_t {
  kTooManyRegions,
  kImageOutsideRam,
  kImageReserved,
  kInitrdOutsideRam,
  kInitrdReserved,
  kInitrdOverlap,
  kDeviceTreeOverlap,
};

constexpr const char* to_string(MemorySetupError error) noexcept {
  switch (error) {
    case MemorySetupError::kTooManyRegions:
      return "the memory map has too many regions";
    case MemorySetupError::kImageOutsideRam:
      return "the image lies outside of the memory that the "
             "device tree describes";
    case MemorySetupError::kImageReserved:
      return "the image lies in memory that may not be mapped";
    case MemorySetupError::kInitrdOutsideRam:
      return "the initrd lies outside of memory";
    case MemorySetupError::kInitrdReserved:
      return "the initrd lies in memory that may not be "
             "mapped";
    case MemorySetupError::kInitrdOverlap:
      return "the initrd overlaps the image or the device tree";
    case MemorySetupError::kDeviceTreeOverlap:
      return "the device tree overlaps the image";
  }
  return "the memory map is refused";
}

/// Fills `map`: RAM, what is reserved, the image, the initrd and the device tree. A device tree
/// outside of RAM is left alone: the caller copies it.
base::Result<void, MemorySetupError> set_up_memory_map(const MachineInfo& info, ImagePlace image,
                                                       handoff::PhysicalExtent device_tree,
                                                       MemoryMap& map) noexcept;

/// Finds places for the reservations that have none. Returns the first that fits nowhere; the
/// others have their place all the same.
const MovableReservation* place_movable_reservations(const MachineInfo& info,
                                                     MemoryMap& map) noexcept;

/// From the first byte of RAM to the end of the last.
///
/// *Requires*: the map is not empty.
handoff::PhysicalExtent ram_bounds(const MemoryMap& map) noexcept;

}  // namespace quoll::loader
