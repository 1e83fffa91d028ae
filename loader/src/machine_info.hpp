// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What the device tree says about the machine, as far as a loader needs it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <quoll/base/result.hpp>
#include <quoll/fdt/device_tree.hpp>
#include <quoll/handoff/extent.hpp>

namespace quoll::loader {

enum class MachineInfoError : std::uint8_t {
  kNoMemory,
  kTooManyMemoryRanges,
  kTooManyReservations,
  kTooManyHarts,
  kBootHartMissing,
  kNoTimebase,
  kBadInitrd,
};

/// The reason in words; completes "the device tree …".
constexpr const char* to_string(MachineInfoError error) noexcept {
  switch (error) {
    case MachineInfoError::kNoMemory:
      return "describes no memory";
    case MachineInfoError::kTooManyMemoryRanges:
      return "describes too many memory ranges";
    case MachineInfoError::kTooManyReservations:
      return "reserves too many memory ranges";
    case MachineInfoError::kTooManyHarts:
      return "describes too many harts";
    case MachineInfoError::kBootHartMissing:
      return "does not list the hart that runs the loader";
    case MachineInfoError::kNoTimebase:
      return "has no timebase-frequency";
    case MachineInfoError::kBadInitrd:
      return "has an initrd that ends before it starts";
  }
  return "is refused";
}

/// Whether reserved memory may appear in the physical map.
enum class Mapping : std::uint8_t { kAllowed, kForbidden };

/// Reserved memory with a place of its own.
struct FixedReservation {
  handoff::PhysicalExtent extent;
  Mapping mapping = Mapping::kAllowed;
};

/// Reserved memory that we are to find a place for.
struct MovableReservation {
  std::uint64_t size = 0;
  std::uint64_t alignment = 0;
  /// Where it may be: the first of the ranges that has room. None: anywhere.
  std::array<handoff::PhysicalExtent, 4> within{};
  std::size_t within_count = 0;
  Mapping mapping = Mapping::kAllowed;
  std::string_view name;
};

/// A list of bounded length; adding says whether there was room.
template <typename T, std::size_t Capacity>
class BoundedList {
 public:
  static constexpr std::size_t kCapacity = Capacity;

  [[nodiscard]] bool add(const T& item) noexcept {
    if (size_ == Capacity) return false;
    items_[size_++] = item;
    return true;
  }
  std::span<const T> items() const noexcept { return {items_.data(), size_}; }
  std::size_t size() const noexcept { return size_; }

 private:
  std::array<T, Capacity> items_{};
  std::size_t size_ = 0;
};

struct MachineInfo {
  BoundedList<handoff::PhysicalExtent, 32> memory;
  BoundedList<FixedReservation, 96> fixed_reservations;
  BoundedList<MovableReservation, 16> movable_reservations;
  /// Hardware ids; the hart that runs the loader first.
  BoundedList<std::uint64_t, 512> harts;
  std::uint64_t timebase_frequency = 0;
  handoff::PhysicalExtent initrd;
  std::string_view bootargs;
  std::string_view stdout_path;
  std::span<const std::byte> rng_seed;
  std::optional<fdt::Node> chosen;
  /// Register of the test device, through which the machine can be stopped with a status.
  std::optional<std::uint64_t> test_device;
};

/// Finds the test device. Apart from the rest, so that a tree that is refused later can still
/// stop the machine with a status.
std::optional<std::uint64_t> find_test_device(const fdt::DeviceTree& tree) noexcept;

/// Reads the tree. `info` is filled in place: it is large.
base::Result<void, MachineInfoError> read_machine_info(const fdt::DeviceTree& tree,
                                                       std::uint64_t boot_hart,
                                                       MachineInfo& info) noexcept;

}  // namespace quoll::loader
