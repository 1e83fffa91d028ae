// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <array>
#include <cstdint>
#include <gtest/gtest.h>
#include <optional>
#include <string>

#include <quoll/kernel/cpu/topology.hpp>

#include "../fdt/compile.hpp"

namespace quoll::cpu {
namespace {

/// Four harts with ids that are not dense, in two clusters; the first has two threads in a core.
std::string tree_with(const std::string& map) {
  std::string cpus;
  for (unsigned i = 0; i < 4; ++i) {
    const std::string id = std::to_string(10 * (i + 1));
    cpus += "c" + std::to_string(i) + ": cpu@" + id + " { device_type = \"cpu\"; reg = <" + id +
            ">; next-level-cache = <&" + (i < 3 ? "l2a" : "l2b") + ">; };";
  }
  return "/dts-v1/; / { cpus { #address-cells = <1>; #size-cells = <0>;" + cpus + map +
         "}; l2a: cache0 {}; l2b: cache1 {}; };";
}
constexpr const char* kMap =
    "cpu-map { cluster0 { core0 { thread0 { cpu = <&c0>; }; thread1 { cpu = <&c1>; }; };"
    " core1 { cpu = <&c2>; }; }; cluster1 { core0 { cpu = <&c3>; }; }; };";

std::optional<Topology> topology_of(const std::string& source, std::span<const std::uint64_t> ids) {
  const auto blob = test::compile_tree(source);
  if (!blob) return std::nullopt;
  const auto tree = fdt::DeviceTree::open(blob->data(), blob->size());
  if (!tree) return std::nullopt;
  return find_topology(*tree, ids);
}

constexpr std::array<std::uint64_t, 4> kIds{10, 20, 30, 40};

bool is_flat(const Topology& topology) {
  if (topology.cluster_count() != 1 || topology.core_count() != topology.hart_count()) return false;
  for (unsigned hart = 0; hart < topology.hart_count(); ++hart) {
    const Place& place = topology.place(hart);
    if (place.core != hart || place.cluster != 0 || place.thread != 0) return false;
  }
  return true;
}

TEST(Topology, FollowsTheMap) {
  const auto topology = topology_of(tree_with(kMap), kIds);
  if (!topology) GTEST_SKIP() << "no dtc";
  EXPECT_EQ(topology->cluster_count(), 2u);
  EXPECT_EQ(topology->core_count(), 3u);
  EXPECT_EQ(topology->place(1).thread, 1u);
  EXPECT_EQ(topology->place(1).core, topology->place(0).core);
  EXPECT_EQ(topology->place(3).cluster, 1u);
  EXPECT_EQ(topology->place(3).core, 2u);
  EXPECT_EQ(topology->distance(0, 0), Distance::kSelf);
  EXPECT_EQ(topology->distance(0, 1), Distance::kCore);
  EXPECT_EQ(topology->distance(0, 2), Distance::kCache);
  EXPECT_EQ(topology->distance(2, 3), Distance::kMachine);
  EXPECT_EQ(topology->within(0, Distance::kCore).bits(), 0b0011u);
  EXPECT_EQ(topology->within(0, Distance::kCluster).bits(), 0b0111u);
  EXPECT_EQ(topology->within(3, Distance::kMachine).bits(), 0b1111u);
}

TEST(Topology, LogicalIdsAreTheOrderOfTheHartsThatCame) {
  constexpr std::array<std::uint64_t, 2> kSome{40, 10};
  const auto topology = topology_of(tree_with(kMap), kSome);
  if (!topology) GTEST_SKIP() << "no dtc";
  EXPECT_EQ(topology->hart_count(), 2u);
  EXPECT_EQ(topology->place(1).cluster, 0u);
  EXPECT_EQ(topology->place(0).cluster, 1u);
  EXPECT_EQ(topology->core_count(), 2u);
  EXPECT_EQ(topology->distance(0, 1), Distance::kMachine);
}

TEST(Topology, AMapThatIsMissingOrWrongIsNotBelieved) {
  const std::array<std::string, 6> maps{
      "",
      "cpu-map { };",
      // One is missing,
      "cpu-map { cluster0 { core0 { cpu = <&c0>; }; core1 { cpu = <&c1>; };"
      " core2 { cpu = <&c2>; }; }; };",
      // one is there twice,
      "cpu-map { cluster0 { core0 { cpu = <&c0>; }; core1 { cpu = <&c1>; };"
      " core2 { cpu = <&c2>; }; core3 { cpu = <&c3>; }; core4 { cpu = <&c0>; }; }; };",
      // leads nowhere,
      "cpu-map { cluster0 { core0 { cpu = <77777>; }; }; };",
      // or has no words that are known.
      "cpu-map { socket { cores { cpu = <&c0>; }; }; };",
  };
  for (const std::string& map : maps) {
    SCOPED_TRACE(map);
    const auto topology = topology_of(tree_with(map), kIds);
    if (!topology) GTEST_SKIP() << "no dtc";
    EXPECT_TRUE(is_flat(*topology));
    EXPECT_EQ(topology->distance(0, 3), Distance::kCluster);
  }
}

TEST(Topology, ClustersInClustersAreFollowedAsFarAsIsSensible) {
  std::string open = "cpu-map { ";
  std::string close = "};";
  for (unsigned i = 0; i < 9; ++i) {
    open += "cluster0 { ";
    close += "};";
  }
  const std::string deep = open +
                           "core0 { cpu = <&c0>; }; core1 { cpu = <&c1>; };"
                           "core2 { cpu = <&c2>; }; core3 { cpu = <&c3>; };" +
                           close;
  const auto topology = topology_of(tree_with(deep), kIds);
  if (!topology) GTEST_SKIP() << "no dtc";
  EXPECT_TRUE(is_flat(*topology));
}

}  // namespace
}  // namespace quoll::cpu
