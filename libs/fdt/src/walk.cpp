// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/base/checked.hpp>
#include <quoll/fdt/token.hpp>
#include <quoll/fdt/walk.hpp>

namespace quoll::fdt {
namespace {

// Takes a bus address through one `ranges`. An empty property maps one to one; a missing one
// means that the CPU does not see the bus.
std::optional<std::uint64_t> through_ranges(Node bus, CellSizes child, std::uint32_t parent_cells,
                                            Reg reg) noexcept {
  const auto ranges = bus.property("ranges");
  if (!ranges) return std::nullopt;
  if (ranges->data().empty()) return reg.address;
  Cells cells = ranges->as_cells();
  while (!cells.empty()) {
    const std::size_t before = cells.size();
    const auto from = cells.take(child.address);
    const auto to = cells.take(parent_cells);
    const auto size = cells.take(child.size);
    if (cells.size() == before) return std::nullopt;
    // A range whose numbers do not fit (PCI's three cells) is not one that a `reg` here is in.
    if (!from || !to || !size) {
      if (before - cells.size() < std::size_t{child.address} + parent_cells + child.size) break;
      continue;
    }
    if (reg.address < *from) continue;
    const std::uint64_t offset = reg.address - *from;
    if (base::fits_within(offset, reg.size, *size)) return base::checked_add(*to, offset);
  }
  return std::nullopt;
}

}  // namespace

bool Walk::next() noexcept {
  if (!started_) {
    started_ = true;
    path_[0] = 0;
    return true;
  }
  const detail::Blocks blocks(tree_.blob());
  // Levels above the next token that are below the current node: 1 while inside it.
  int below = 1;
  for (int offset = blocks.after(path_[depth_]);; offset = blocks.after(offset)) {
    switch (blocks.token(offset)) {
      case detail::kBeginNode:
        if (!skip_ || below <= 0) {
          depth_ = static_cast<unsigned>(static_cast<int>(depth_) + below);
          path_[depth_] = offset;
          skip_ = false;
          return true;
        }
        ++below;
        break;
      case detail::kEndNode:
        --below;
        break;
      case detail::kEnd:
        return false;
      default:
        break;
    }
  }
}

bool Walk::seek(Node wanted) noexcept {
  *this = Walk(tree_);
  while (next()) {
    if (node() == wanted) return true;
  }
  return false;
}

CellSizes Walk::cells() const noexcept {
  return depth_ == 0 ? CellSizes{} : parent().child_cells();
}

std::optional<Reg> Walk::bus_reg(std::size_t index) const noexcept {
  const auto property = node().property("reg");
  if (!property) return std::nullopt;
  const CellSizes sizes = cells();
  Cells list = property->as_cells();
  const std::size_t step = std::size_t{sizes.address} + sizes.size;
  if (step == 0) return std::nullopt;
  for (std::size_t i = 0;; ++i) {
    if (list.size() < step) return std::nullopt;
    const auto address = list.take(sizes.address);
    const auto size = list.take(sizes.size);
    if (i != index) continue;
    if (!address || !size) return std::nullopt;
    return Reg{*address, *size};
  }
}

std::optional<Reg> Walk::reg(std::size_t index) const noexcept {
  auto found = bus_reg(index);
  if (!found) return std::nullopt;
  for (unsigned level = depth_; level > 1; --level) {
    const Node bus = ancestor(level - 1);
    const auto address =
        through_ranges(bus, bus.child_cells(), ancestor(level - 2).child_cells().address, *found);
    if (!address) return std::nullopt;
    found->address = *address;
  }
  return found;
}

std::optional<Node> Walk::interrupt_parent() const noexcept {
  for (unsigned level = depth_ + 1; level-- > 0;) {
    if (const auto phandle = ancestor(level).u32("interrupt-parent")) {
      return tree_.find_phandle(*phandle);
    }
  }
  return std::nullopt;
}

bool Walk::is_available() const noexcept {
  for (unsigned level = 0; level <= depth_; ++level) {
    if (!ancestor(level).is_available()) return false;
  }
  return true;
}

}  // namespace quoll::fdt
