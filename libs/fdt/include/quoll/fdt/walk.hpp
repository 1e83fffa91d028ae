// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Every node once, depth first, with what only its ancestors know: how long the cells of its
// `reg` are, where that is in the CPU's address space, and who takes its interrupts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <quoll/fdt/device_tree.hpp>
#include <quoll/fdt/node.hpp>

namespace quoll::fdt {

/// One entry of `reg`.
struct Reg {
  std::uint64_t address = 0;
  std::uint64_t size = 0;
};

/// `for (fdt::Walk walk(tree); walk.next();)`.
class Walk {
 public:
  explicit Walk(const DeviceTree& tree) : tree_(tree) {}

  /// Goes to the next node (the root first). False behind the last.
  bool next() noexcept;
  /// Makes the next `next` go past the children of the current node.
  void skip_children() noexcept { skip_ = true; }
  /// Goes to `wanted` directly. False when it is not a node of this tree.
  bool seek(Node wanted) noexcept;

  Node node() const noexcept { return ancestor(depth_); }
  /// 0 at the root.
  unsigned depth() const noexcept { return depth_; }
  /// The ancestor at `depth`; the node itself at its own depth.
  Node ancestor(unsigned depth) const noexcept { return {tree_.blob(), path_[depth]}; }
  /// *Requires*: `depth() > 0`.
  Node parent() const noexcept { return ancestor(depth_ - 1); }

  /// The cells of this node's `reg`, as its parent says.
  CellSizes cells() const noexcept;
  /// Entry `index` of `reg`, in the bus's own addresses.
  std::optional<Reg> bus_reg(std::size_t index = 0) const noexcept;
  /// Entry `index` of `reg`, translated through the `ranges` of all buses above. Nothing when
  /// there is no such entry or the CPU cannot reach it.
  std::optional<Reg> reg(std::size_t index = 0) const noexcept;
  /// The controller of the interrupts in this node's `interrupts`: `interrupt-parent` of the node
  /// or of the nearest ancestor that has one.
  std::optional<Node> interrupt_parent() const noexcept;
  /// Whether this node and all above it are available.
  bool is_available() const noexcept;

 private:
  DeviceTree tree_;
  std::array<int, kMaxDepth + 1> path_{};
  unsigned depth_ = 0;
  bool started_ = false;
  bool skip_ = false;
};

}  // namespace quoll::fdt
