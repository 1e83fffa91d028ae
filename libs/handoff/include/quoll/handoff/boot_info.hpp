// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The BootInfo page: everything the loader found and built. It is one 4 KiB page, mapped through
// the physical map; lists stand in the page behind the fixed part, at offsets that it names. The
// hart table, which grows with the machine, has frames of its own.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include <quoll/base/checked.hpp>
#include <quoll/base/result.hpp>
#include <quoll/handoff/extent.hpp>
#include <quoll/handoff/hart_info.hpp>
#include <quoll/handoff/memory_region.hpp>

namespace quoll::handoff {

inline constexpr std::uint64_t kBootInfoMagic = 0x4F464E494C4C5551;  // "QULLINFO"
inline constexpr std::uint32_t kBootInfoVersion = 1;
inline constexpr std::uint32_t kBootInfoPageSize = 4096;
inline constexpr std::size_t kMaxRngSeedBytes = 64;

/// The steps of a boot that are timed, in order.
enum class BootStep : std::uint32_t {
  kEntry,             ///< first instruction of the image, boot hart
  kDeviceTreeParsed,  ///< machine information complete
  kKernelHashed,      ///< the kernel's XXH3 has been checked
  kKernelVerified,    ///< its ELF and configuration have been checked too
  kPageTablesBuilt,   ///< physical map done
  kKernelMapped,      ///< segments mapped, relocations applied, stacks and TLS made
  kHandoff,           ///< BootInfo complete; other harts are about to be started
};
inline constexpr std::size_t kBootStepCount = 7;

/// Both counters at one moment; `instructions` is zero where S-mode may not read `instret`.
struct Timestamp {
  std::uint64_t time = 0;
  std::uint64_t instructions = 0;
};

/// `virtual = physical - physical_start + virtual_start` for every byte of mapped RAM.
struct PhysmapInfo {
  std::uint64_t virtual_start = 0;
  std::uint64_t physical_start = 0;
  /// Length of the window. Only RAM inside it is mapped.
  std::uint64_t size = 0;

  constexpr VirtualExtent virtual_range() const noexcept {
    return {virtual_start, virtual_start + size};
  }
  constexpr std::uint64_t to_virtual(std::uint64_t physical) const noexcept {
    return physical - physical_start + virtual_start;
  }
};

/// Why a BootInfo is refused.
enum class BootInfoError : std::uint8_t {
  kWrongMagic,
  kWrongVersion,
  kWrongSize,
  kListOutOfBounds
};

/// A list inside the page.
struct ListInPage {
  std::uint32_t offset = 0;  ///< from the start of the page
  std::uint32_t count = 0;   ///< elements
};

/// The page. Addresses are physical unless the type says otherwise.
struct BootInfo {
  std::uint64_t magic = kBootInfoMagic;
  std::uint32_t version = kBootInfoVersion;
  /// Bytes of the page in use, lists included; at most `kBootInfoPageSize`.
  std::uint32_t size = 0;

  /// Levels of the page tables in use: 3 (Sv39), 4 (Sv48) or 5 (Sv57).
  std::uint32_t paging_levels = 0;
  /// The logical id of the hart that ran the loader; always 0 in this version.
  std::uint32_t boot_hart = 0;
  /// The root page table that every hart starts with. Its upper 256 entries are final: whatever
  /// is mapped later in the upper half goes below entries that exist already.
  std::uint64_t root_table = 0;

  /// All mapped RAM, read-write, never executable; `kNoMap` is absent, `kKernelElf` read-only.
  PhysmapInfo physmap;
  /// Virtual range for stacks, device registers and whatever the kernel maps itself.
  VirtualExtent kernel_window;
  /// The part of it that the loader left empty, from its end downwards in one piece.
  VirtualExtent kernel_window_free;
  /// The kernel's segments, from the lowest to the end of the highest.
  VirtualExtent kernel_virtual;
  /// What was added to the addresses in the kernel ELF.
  std::uint64_t kernel_load_bias = 0;
  /// The kernel ELF file as it was embedded: code in place.
  PhysicalExtent kernel_elf;
  /// The page with the entry stub and the early trap handler, executable.
  VirtualExtent handoff_page;

  PhysicalExtent device_tree;
  /// Empty when there is none.
  PhysicalExtent initrd;

  /// Virtual address (physical map) of `hart_count` records `HartInfo`, by logical id.
  std::uint64_t hart_table = 0;
  std::uint32_t hart_count = 0;
  std::uint32_t hart_record_size = sizeof(HartInfo);

  /// Ticks of the `time` counter per second.
  std::uint64_t timebase_frequency = 0;

  /// Entropy from the firmware; erased from the device tree. The kernel erases this copy.
  std::uint32_t rng_seed_size = 0;
  /// Counts harts that have left the loader; see `all_harts_left_loader`.
  std::uint32_t harts_left_loader = 0;
  std::array<std::uint8_t, kMaxRngSeedBytes> rng_seed{};

  std::array<Timestamp, kBootStepCount> timestamps{};

  ListInPage region_list;
  /// Without the NUL that follows each.
  ListInPage bootargs_list;
  ListInPage stdout_path_list;

  /// The table that names functions and lines for backtraces (GSYM), as it was embedded and not
  /// checked in any way; empty when the image has none.
  PhysicalExtent kernel_symbols;

  /// The memory map, sorted.
  std::span<const MemoryRegion> regions() const noexcept {
    // SAFETY: the builder placed `count` regions at this aligned offset; `check` has seen bounds.
    return {reinterpret_cast<const MemoryRegion*>(base() + region_list.offset), region_list.count};
  }

  /// The command line.
  std::string_view bootargs() const noexcept {
    return {base() + bootargs_list.offset, bootargs_list.count};
  }

  /// `/chosen/stdout-path` as the device tree has it; empty when it has none.
  std::string_view stdout_path() const noexcept {
    return {base() + stdout_path_list.offset, stdout_path_list.count};
  }

  /// All harts that were started, by logical id.
  std::span<const HartInfo> harts() const noexcept {
    // SAFETY: the loader placed `hart_count` records there, and they live as long as the page.
    return {reinterpret_cast<const HartInfo*>(hart_table), hart_count};
  }

  /// Entropy from the firmware, possibly none.
  std::span<const std::uint8_t> seed() const noexcept { return {rng_seed.data(), rng_seed_size}; }

  /// Whether no hart executes loader code any more, so that `kLoader` regions are free. The
  /// stub on the handoff page counts each hart before it enters the kernel.
  bool all_harts_left_loader() const noexcept {
    return __atomic_load_n(&harts_left_loader, __ATOMIC_ACQUIRE) == hart_count;
  }

  /// Whether this is a page that this header describes. Called first by whoever receives one.
  base::Result<void, BootInfoError> check() const noexcept {
    if (magic != kBootInfoMagic) return base::err(BootInfoError::kWrongMagic);
    if (version != kBootInfoVersion) return base::err(BootInfoError::kWrongVersion);
    if (size < sizeof(BootInfo) || size > kBootInfoPageSize ||
        hart_record_size != sizeof(HartInfo) || rng_seed_size > kMaxRngSeedBytes) {
      return base::err(BootInfoError::kWrongSize);
    }
    const auto fits = [this](ListInPage list, std::uint64_t element) {
      return list.offset >= sizeof(BootInfo) &&
             base::fits_within<std::uint64_t>(list.offset, list.count * element, size);
    };
    if (region_list.offset % alignof(MemoryRegion) != 0 ||
        !fits(region_list, sizeof(MemoryRegion)) || !fits(bootargs_list, 1) ||
        !fits(stdout_path_list, 1)) {
      return base::err(BootInfoError::kListOutOfBounds);
    }
    return {};
  }

 private:
  const char* base() const noexcept {
    // SAFETY: the object begins its page; char may alias it.
    return reinterpret_cast<const char*>(this);
  }
};
static_assert(std::is_standard_layout_v<BootInfo> && std::is_trivially_copyable_v<BootInfo>);
static_assert(sizeof(BootInfo) <= 640);

/// The kernel's entry point (the ELF's entry address). Every hart calls it once.
///
/// *Context*: S-mode, MMU on in `root_table`, interrupts off; `sp` at the top of the hart's own
/// stack (16-byte aligned), `tp` at its TLS block, `gp` zero, `ra` zero, `sscratch` zero, `stvec`
/// at an early trap handler that reports the fault on the SBI console and stops the machine.
using KernelEntry = void (*)(const BootInfo*, std::size_t logical_hart);

}  // namespace quoll::handoff
