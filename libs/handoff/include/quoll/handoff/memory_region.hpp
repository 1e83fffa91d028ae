// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What each byte of RAM is used for when the kernel starts.
#pragma once

#include <cstdint>
#include <type_traits>

#include <quoll/handoff/extent.hpp>

namespace quoll::handoff {

/// The use of a memory region. Only `kFree` is the kernel's at once.
enum class RegionKind : std::uint32_t {
  /// Unused RAM: the kernel may allocate it. Contents are arbitrary, not zero.
  kFree = 0,
  /// The loader's code, data and stacks. Free once every hart has left the loader
  /// (`BootInfo::all_harts_left_loader`).
  kLoader = 1,
  /// Frames of the running kernel's writable segments (.data, .bss, relocated constants), and
  /// the handoff page.
  kKernelImage = 2,
  /// The kernel ELF file. Its code and constants run in place, so these frames are never freed;
  /// the physical map holds them read-only.
  kKernelElf = 3,
  /// The BootInfo page and the hart table.
  kBootInfo = 4,
  /// Page tables that the loader built; the kernel owns them from now on.
  kPageTables = 5,
  /// Stacks and TLS blocks of all harts.
  kHartMemory = 6,
  /// The flattened device tree.
  kDeviceTree = 7,
  /// The initial RAM disk (boot archive).
  kInitrd = 8,
  /// Firmware, or reserved by the device tree: mapped, never touched without a driver's reason.
  kReserved = 9,
  /// Reserved with `no-map`, or out of the physical map's reach: absent from the physical map.
  kNoMap = 10,
};

/// The number of kinds, for tables indexed by kind.
inline constexpr std::uint32_t kRegionKindCount = 11;

/// A short lower-case name for logs.
constexpr const char* to_string(RegionKind kind) noexcept {
  switch (kind) {
    case RegionKind::kFree:
      return "free";
    case RegionKind::kLoader:
      return "loader";
    case RegionKind::kKernelImage:
      return "kernel image";
    case RegionKind::kKernelElf:
      return "kernel ELF";
    case RegionKind::kBootInfo:
      return "boot info";
    case RegionKind::kPageTables:
      return "page tables";
    case RegionKind::kHartMemory:
      return "hart memory";
    case RegionKind::kDeviceTree:
      return "device tree";
    case RegionKind::kInitrd:
      return "initrd";
    case RegionKind::kReserved:
      return "reserved";
    case RegionKind::kNoMap:
      return "no-map";
  }
  return "unknown";
}

/// One run of RAM with one use.
struct MemoryRegion {
  PhysicalExtent range;
  RegionKind kind = RegionKind::kFree;
  std::uint32_t reserved = 0;

  constexpr bool operator==(const MemoryRegion&) const = default;
};
static_assert(sizeof(MemoryRegion) == 24 && std::is_trivially_copyable_v<MemoryRegion>);

}  // namespace quoll::handoff
