// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include <quoll/fdt/walk.hpp>

#include "compile.hpp"

namespace quoll::fdt {
namespace {

constexpr char kBuses[] = R"(/dts-v1/;
/ {
  #address-cells = <2>;
  #size-cells = <2>;
  interrupt-parent = <&plic>;
  first@1000 { reg = <0x0 0x1000 0x0 0x10 0x1 0x0 0x0 0x20>; };
  soc {
    #address-cells = <1>;
    #size-cells = <1>;
    ranges = <0x0 0x0 0x10000000 0x100000>, <0x200000 0x4 0x0 0x1000>;
    device@500 { reg = <0x500 0x100>; };
    moved@200010 { reg = <0x200010 0x10>; };
    outside@900000 { reg = <0x900000 0x10>; };
    straddles@fffff { reg = <0xfffff 0x10>; };
    inner {
      #address-cells = <1>;
      #size-cells = <0>;
      chip@3 { reg = <3>; };
    };
    same {
      #address-cells = <1>;
      #size-cells = <1>;
      ranges;
      status = "disabled";
      deep@700 { reg = <0x700 4>; interrupt-parent = <&other>; };
    };
    plic: plic@c000 { reg = <0xc000 0x100>; };
    other: other@d000 { reg = <0xd000 0x100>; };
  };
  last { };
};
)";

class WalkTest : public testing::Test {
 protected:
  void SetUp() override {
    blob_ = test::compile_tree(kBuses);
    if (!blob_) GTEST_SKIP() << "dtc is missing";
  }
  DeviceTree tree() { return *DeviceTree::open(blob_->data(), blob_->size()); }
  Walk at(const char* path) {
    Walk walk(tree());
    EXPECT_TRUE(walk.seek(*tree().find(path)));
    return walk;
  }

  std::optional<test::Blob> blob_;
};

TEST_F(WalkTest, VisitsEveryNodeOnceInOrder) {
  std::vector<std::string> names;
  for (Walk walk(tree()); walk.next();) {
    names.push_back(std::to_string(walk.depth()) + std::string(walk.node().name()));
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"0", "1first@1000", "1soc", "2device@500", "2moved@200010",
                                      "2outside@900000", "2straddles@fffff", "2inner", "3chip@3",
                                      "2same", "3deep@700", "2plic@c000", "2other@d000", "1last"}));
}

TEST_F(WalkTest, SkipChildrenGoesToTheNextSibling) {
  std::vector<std::string> names;
  for (Walk walk(tree()); walk.next();) {
    names.emplace_back(walk.node().name());
    if (walk.node().name() == "soc" || walk.node().name() == "first@1000") walk.skip_children();
  }
  EXPECT_EQ(names, (std::vector<std::string>{"", "first@1000", "soc", "last"}));
}

TEST_F(WalkTest, ChildrenAreTheDirectOnes) {
  std::vector<std::string> names;
  for (const Node child : tree().root().children()) names.emplace_back(child.name());
  EXPECT_EQ(names, (std::vector<std::string>{"first@1000", "soc", "last"}));
}

TEST_F(WalkTest, RegHasTheParentsCells) {
  const Walk walk = at("/first@1000");
  EXPECT_EQ(walk.reg(0)->address, 0x1000U);
  EXPECT_EQ(walk.reg(1)->address, 0x100000000U);
  EXPECT_EQ(walk.reg(1)->size, 0x20U);
  EXPECT_FALSE(walk.reg(2).has_value());
}

TEST_F(WalkTest, RegIsTranslatedThroughTheBusThatHoldsIt) {
  EXPECT_EQ(at("/soc/device@500").reg()->address, 0x10000500U);
  EXPECT_EQ(at("/soc/device@500").bus_reg()->address, 0x500U);
  EXPECT_EQ(at("/soc/moved@200010").reg()->address, 0x400000010U);
  EXPECT_EQ(at("/soc/same/deep@700").reg()->address, 0x10000700U);
}

TEST_F(WalkTest, RegOutsideOfEveryRangeIsUnreachable) {
  EXPECT_FALSE(at("/soc/outside@900000").reg().has_value());
  EXPECT_FALSE(at("/soc/straddles@fffff").reg().has_value());
  EXPECT_FALSE(at("/soc/inner/chip@3").reg().has_value());
  EXPECT_EQ(at("/soc/inner/chip@3").bus_reg()->address, 3U);
}

TEST_F(WalkTest, InterruptParentIsInherited) {
  EXPECT_EQ(at("/soc/device@500").interrupt_parent(), tree().find("/soc/plic@c000"));
  EXPECT_EQ(at("/soc/same/deep@700").interrupt_parent(), tree().find("/soc/other@d000"));
}

TEST_F(WalkTest, ANodeBelowADisabledBusIsUnavailable) {
  EXPECT_FALSE(at("/soc/same/deep@700").is_available());
  EXPECT_TRUE(at("/soc/device@500").is_available());
}

}  // namespace
}  // namespace quoll::fdt
