// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The device trees of real boards, read as the loader and the kernel read them.
#include <filesystem>
#include <gtest/gtest.h>
#include <string>

#include <quoll/fdt/walk.hpp>

#include "compile.hpp"

namespace quoll::fdt {
namespace {

const std::string kBoards = QUOLL_SHARED_DIR "/fixtures/dts";

struct Findings {
  std::size_t harts = 0;
  std::size_t nodes = 0;
  bool has_uart = false;
  std::uint64_t plic = 0;
};

Findings read_board(const DeviceTree& tree) {
  Findings found;
  for (Walk walk(tree); walk.next();) {
    const Node node = walk.node();
    ++found.nodes;
    if (node.string("device_type") == "cpu") ++found.harts;
    if (node.base_name() == "serial" && walk.reg().has_value()) found.has_uart = true;
    if ((node.is_compatible("sifive,plic-1.0.0") || node.is_compatible("thead,c900-plic")) &&
        walk.reg()) {
      found.plic = walk.reg()->address;
    }
  }
  return found;
}

TEST(Boards, EveryTreeOpensAndShowsItsDevices) {
  if (!std::filesystem::exists(kBoards)) GTEST_SKIP() << kBoards << " is missing";
  std::size_t boards = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kBoards)) {
    SCOPED_TRACE(entry.path().filename().string());
    const auto blob = test::compile_tree_file(entry.path().string());
    if (!blob) GTEST_SKIP() << "dtc is missing";
    const auto tree = DeviceTree::open(blob->data(), blob->size());
    ASSERT_TRUE(tree.has_value());
    const Findings found = read_board(*tree);
    EXPECT_GT(found.nodes, 30U);
    EXPECT_GE(found.harts, 4U);
    EXPECT_TRUE(found.has_uart);
    EXPECT_NE(found.plic, 0U);
    ++boards;
  }
  EXPECT_GE(boards, 6U);
}

}  // namespace
}  // namespace quoll::fdt
