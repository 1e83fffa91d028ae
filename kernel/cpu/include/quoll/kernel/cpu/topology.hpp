// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Which harts share what: clusters, cores and caches, as the device tree's cpu-map says.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include <quoll/fdt/device_tree.hpp>
#include <quoll/sync/hart_set.hpp>

namespace quoll::cpu {

/// Where a hart is. Numbers are dense, in the order of the map, over the whole machine.
struct Place {
  std::uint16_t cluster = 0;
  std::uint16_t core = 0;
  std::uint16_t thread = 0;  ///< of its core
  /// Which cache it has beyond its own: harts of one number share it. 0: the tree names none.
  std::uint32_t cache = 0;
};

/// How far one hart is from another, nearest first.
enum class Distance : std::uint8_t { kSelf, kCore, kCache, kCluster, kMachine };

/// The places of all harts, by logical id.
class Topology {
 public:
  /// Every hart a core of one cluster.
  explicit Topology(unsigned harts) noexcept;

  unsigned hart_count() const noexcept { return count_; }
  unsigned cluster_count() const noexcept { return clusters_; }
  unsigned core_count() const noexcept { return cores_; }
  /// *Requires*: a hart of the machine, likewise below.
  const Place& place(unsigned hart) const noexcept { return places_[hart]; }
  Distance distance(unsigned from, unsigned to) const noexcept;
  /// Harts no farther away than this, the hart itself included.
  sync::HartSet within(unsigned hart, Distance most) const noexcept;

 private:
  friend Topology find_topology(const fdt::DeviceTree&, std::span<const std::uint64_t>) noexcept;

  unsigned count_;
  unsigned clusters_ = 1;
  unsigned cores_;
  std::array<Place, sync::kMaxHarts> places_{};
};

/// `hardware_ids`: of the logical harts, in their order. A map that misses one of them, or names
/// one twice, is not believed: the topology is flat then. Harts of the map that did not come up are
/// left aside.
Topology find_topology(const fdt::DeviceTree& tree,
                       std::span<const std::uint64_t> hardware_ids) noexcept;

}  // namespace quoll::cpu
