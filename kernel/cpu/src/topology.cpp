// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>
#include <optional>
#include <string_view>

#include <quoll/base/assert.hpp>
#include <quoll/fdt/node.hpp>
#include <quoll/kernel/cpu/topology.hpp>

namespace quoll::cpu {
namespace {

/// `cluster3`: a word and a number.
bool is_called(fdt::Node node, std::string_view word) noexcept {
  std::string_view name = node.name();
  if (!name.starts_with(word) || name.size() == word.size()) return false;
  name.remove_prefix(word.size());
  return std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
}

/// One reading of a map.
class Reader {
 public:
  Reader(const fdt::DeviceTree& tree, std::span<const std::uint64_t> ids,
         std::span<Place> places) noexcept
      : tree_(tree), ids_(ids), places_(places) {}

  /// Clusters may hold clusters. Those without any hart of ours are not counted.
  void read_cluster(fdt::Node node, unsigned depth) noexcept {
    constexpr unsigned kMostDepth = 8;
    if (depth > kMostDepth) return;
    const unsigned cores_before = cores_;
    for (const fdt::Node child : node.children()) {
      if (is_called(child, "core")) read_core(child);
    }
    if (cores_ != cores_before) ++clusters_;
    for (const fdt::Node child : node.children()) {
      if (is_called(child, "cluster")) read_cluster(child, depth + 1);
    }
  }

  /// Whether each hart was named, once.
  bool is_whole() const noexcept {
    return !twice_ && named_ == sync::HartSet::first(static_cast<unsigned>(ids_.size()));
  }
  unsigned clusters() const noexcept { return clusters_; }
  unsigned cores() const noexcept { return cores_; }

 private:
  void read_core(fdt::Node node) noexcept {
    thread_ = 0;
    if (node.u32("cpu")) read_hart(node);
    for (const fdt::Node child : node.children()) {
      if (is_called(child, "thread")) read_hart(child);
    }
    if (thread_ != 0) ++cores_;
  }
  void read_hart(fdt::Node node) noexcept {
    const auto phandle = node.u32("cpu");
    const auto cpu = phandle ? tree_.find_phandle(*phandle) : std::nullopt;
    const auto reg = cpu ? cpu->property("reg") : std::nullopt;
    const auto id = reg ? reg->as_number() : std::nullopt;
    if (!id) return;
    const auto found = std::ranges::find(ids_, *id);
    if (found == ids_.end()) return;
    const auto hart = static_cast<unsigned>(found - ids_.begin());
    twice_ = twice_ || named_.contains(hart);
    named_ = named_.with(hart);
    places_[hart] = {static_cast<std::uint16_t>(clusters_), static_cast<std::uint16_t>(cores_),
                     static_cast<std::uint16_t>(thread_++),
                     cpu->u32("next-level-cache").value_or(0)};
  }

  const fdt::DeviceTree& tree_;
  std::span<const std::uint64_t> ids_;
  std::span<Place> places_;
  sync::HartSet named_;
  bool twice_ = false;
  unsigned clusters_ = 0;
  unsigned cores_ = 0;
  unsigned thread_ = 0;  // of the present core
};

}  // namespace

Topology::Topology(unsigned harts) noexcept : count_(harts), cores_(harts) {
  QUOLL_ASSERT(harts <= sync::kMaxHarts);
  for (unsigned hart = 0; hart < harts; ++hart) {
    places_[hart].core = static_cast<std::uint16_t>(hart);
  }
}

Distance Topology::distance(unsigned from, unsigned to) const noexcept {
  const Place& a = places_[from];
  const Place& b = places_[to];
  if (from == to) return Distance::kSelf;
  if (a.core == b.core) return Distance::kCore;
  if (a.cache != 0 && a.cache == b.cache) return Distance::kCache;
  return a.cluster == b.cluster ? Distance::kCluster : Distance::kMachine;
}

sync::HartSet Topology::within(unsigned hart, Distance most) const noexcept {
  sync::HartSet found;
  for (unsigned other = 0; other < count_; ++other) {
    if (distance(hart, other) <= most) found = found.with(other);
  }
  return found;
}

Topology find_topology(const fdt::DeviceTree& tree,
                       std::span<const std::uint64_t> hardware_ids) noexcept {
  Topology flat(static_cast<unsigned>(hardware_ids.size()));
  const auto map = tree.find("/cpus/cpu-map");
  if (!map) return flat;
  Topology found = flat;
  Reader reader(tree, hardware_ids, found.places_);
  reader.read_cluster(*map, 0);
  if (!reader.is_whole()) return flat;
  found.clusters_ = reader.clusters();
  found.cores_ = reader.cores();
  return found;
}

}  // namespace quoll::cpu
