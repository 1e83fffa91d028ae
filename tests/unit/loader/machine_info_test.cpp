// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "machine_info.hpp"

#include <gtest/gtest.h>
#include <string>

#include "fdt/compile.hpp"
#include "memory_setup.hpp"

namespace quoll::loader {
namespace {

using handoff::PhysicalExtent;
using handoff::RegionKind;

constexpr char kMachine[] = R"(/dts-v1/;
/memreserve/ 0x80000000 0x10000;
/ {
  #address-cells = <2>;
  #size-cells = <2>;
  chosen {
    bootargs = "log=debug";
    stdout-path = "/soc/serial@10000000:115200";
    linux,initrd-start = <0x88000000>;
    linux,initrd-end = <0x0 0x88123456>;
    rng-seed = [01 02 03];
  };
  memory@80000000 {
    device_type = "memory";
    reg = <0x0 0x80000000 0x0 0x10000000 0x1 0x0 0x0 0x40000000>;
  };
  memory@200000000 { device_type = "memory"; reg = <0x2 0x0 0x0 0x0>; };
  memory@300000000 { reg = <0x3 0x0 0x0 0x1000>; status = "disabled"; };
  memory-controller@70000000 { reg = <0x0 0x70000000 0x0 0x1000>; };
  reserved-memory {
    #address-cells = <2>;
    #size-cells = <2>;
    ranges;
    secure@80100000 { reg = <0x0 0x80100000 0x0 0x1000 0x0 0x80200000 0x0 0x2000>; no-map; };
    shared@80300000 { reg = <0x0 0x80300000 0x0 0x1000>; };
    unused@80400000 { reg = <0x0 0x80400000 0x0 0x1000>; status = "disabled"; };
    pool { size = <0x0 0x100000>; alignment = <0x0 0x100000>; no-map;
           alloc-ranges = <0x1 0x0 0x0 0x200000>; };
    anywhere { size = <0x3000>; };
    impossible { size = <0x0 0x100000>; alloc-ranges = <0x5 0x0 0x0 0x200000>; };
  };
  cpus {
    #address-cells = <1>;
    #size-cells = <0>;
    timebase-frequency = <4000000>;
    cpu@0 { device_type = "cpu"; reg = <0>; };
    cpu@1 { device_type = "cpu"; reg = <1>; mmu-type = "riscv,sv39"; };
    cpu@2 { device_type = "cpu"; reg = <2>; mmu-type = "riscv,sv39"; status = "disabled"; };
    cpu@10 { device_type = "cpu"; reg = <0x10>; mmu-type = "riscv,sv39"; status = "okay"; };
    cpu@3 { device_type = "cpu"; reg = <3>; mmu-type = "riscv,none"; };
    cpu-map { };
  };
  soc {
    #address-cells = <1>;
    #size-cells = <1>;
    ranges = <0x0 0x0 0x40000000 0x1000000>;
    test@100000 { compatible = "sifive,test1", "sifive,test0", "syscon"; reg = <0x100000 0x1000>; };
  };
};
)";

class MachineInfoTest : public testing::Test {
 protected:
  // Reads a tree; nothing when dtc is missing.
  std::optional<MachineInfoError> read(const std::string& source, std::uint64_t boot_hart = 0x10) {
    blob_ = test::compile_tree(source);
    if (!blob_) return std::nullopt;
    const auto tree = fdt::DeviceTree::open(blob_->data(), blob_->size());
    EXPECT_TRUE(tree.has_value());
    info_ = {};
    const auto done = read_machine_info(*tree, boot_hart, info_);
    return done ? std::nullopt : std::optional(done.error());
  }
  bool has_dtc() { return test::compile_tree("/dts-v1/; / { };").has_value(); }
  void SetUp() override {
    if (!has_dtc()) GTEST_SKIP() << "dtc is missing";
  }

  std::optional<test::Blob> blob_;
  MachineInfo info_;
};

TEST_F(MachineInfoTest, ReadsMemoryAndReservations) {
  ASSERT_EQ(read(kMachine), std::nullopt);
  ASSERT_EQ(info_.memory.size(), 2U);
  EXPECT_EQ(info_.memory.items()[1], (PhysicalExtent{0x100000000, 0x140000000}));
  ASSERT_EQ(info_.fixed_reservations.size(), 4U);
  EXPECT_EQ(info_.fixed_reservations.items()[0].mapping, Mapping::kForbidden);
  EXPECT_EQ(info_.fixed_reservations.items()[1].extent, (PhysicalExtent{0x80200000, 0x80202000}));
  EXPECT_EQ(info_.fixed_reservations.items()[2].mapping, Mapping::kAllowed);
  EXPECT_EQ(info_.fixed_reservations.items()[3].extent, (PhysicalExtent{0x80000000, 0x80010000}));
}

TEST_F(MachineInfoTest, PlacesReservationsWithoutReg) {
  ASSERT_EQ(read(kMachine), std::nullopt);
  ASSERT_EQ(info_.movable_reservations.size(), 3U);
  MemoryMap map;
  for (const PhysicalExtent& extent : info_.memory.items()) {
    ASSERT_TRUE(map.add_ram(extent).has_value());
  }
  const MovableReservation* refused = place_movable_reservations(info_, map);
  ASSERT_NE(refused, nullptr);
  EXPECT_EQ(refused->name, "impossible");
  EXPECT_TRUE(map.touches({0x100100000, 0x100200000}, RegionKind::kNoMap));
  EXPECT_FALSE(map.touches({0x100000000, 0x100100000}, RegionKind::kNoMap));
  EXPECT_TRUE(map.touches({0x13FFFD000, 0x140000000}, RegionKind::kReserved));
}

TEST_F(MachineInfoTest, TakesUsableHartsOnlyAndTheBootHartFirst) {
  ASSERT_EQ(read(kMachine), std::nullopt);
  ASSERT_EQ(info_.harts.size(), 2U);
  EXPECT_EQ(info_.harts.items()[0], 0x10U);
  EXPECT_EQ(info_.harts.items()[1], 1U);
  EXPECT_EQ(info_.timebase_frequency, 4000000U);
}

TEST_F(MachineInfoTest, ReadsChosenAndTheTestDevice) {
  ASSERT_EQ(read(kMachine), std::nullopt);
  EXPECT_EQ(info_.bootargs, "log=debug");
  EXPECT_EQ(info_.stdout_path, "/soc/serial@10000000:115200");
  EXPECT_EQ(info_.initrd, (PhysicalExtent{0x88000000, 0x88123456}));
  EXPECT_EQ(info_.rng_seed.size(), 3U);
  const auto tree = fdt::DeviceTree::open(blob_->data(), blob_->size());
  EXPECT_EQ(find_test_device(*tree), 0x40100000U);
}

TEST_F(MachineInfoTest, NamesWhatIsMissing) {
  EXPECT_EQ(read("/dts-v1/; / { };"), MachineInfoError::kNoMemory);
  EXPECT_EQ(read(R"(/dts-v1/; / { #address-cells = <1>; #size-cells = <1>;
                      memory@0 { reg = <0 0x1000>; }; };)"),
            MachineInfoError::kBootHartMissing);
  EXPECT_EQ(read(kMachine, 0x77), MachineInfoError::kBootHartMissing);
  std::string source = kMachine;
  source.replace(source.find("timebase-frequency"), 18, "unused");
  EXPECT_EQ(read(source), MachineInfoError::kNoTimebase);
  source = kMachine;
  source.replace(source.find("<0x0 0x88123456>"), 16, "<0x0 0x87000000>");
  EXPECT_EQ(read(source), MachineInfoError::kBadInitrd);
}

TEST_F(MachineInfoTest, SaysWhenThereIsTooMuch) {
  std::string reservations = "/dts-v1/;";
  for (int i = 1; i < 120; ++i) {
    reservations += "/memreserve/ " + std::to_string(i * 8192) + " 4096;";
  }
  EXPECT_EQ(read(reservations + std::string(kMachine).substr(9)),
            MachineInfoError::kTooManyReservations);
}

}  // namespace
}  // namespace quoll::loader
