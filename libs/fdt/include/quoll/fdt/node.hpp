// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A node of a tree that has been checked.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>

#include <quoll/fdt/property.hpp>

namespace quoll::fdt {

/// How many cells an address and a size have in the `reg` of a node's children.
struct CellSizes {
  std::uint32_t address = 2;
  std::uint32_t size = 1;
};

class Node {
 public:
  class ChildRange;
  class PropertyRange;

  /// *Requires*: `offset` is a node of the tree at `blob`, which `DeviceTree::open` accepted.
  Node(const void* blob, int offset) : blob_(blob), offset_(offset) {}

  /// As written, unit address included: `serial@10000000`.
  std::string_view name() const noexcept;
  /// The name before `@`.
  std::string_view base_name() const noexcept;

  std::optional<Property> property(std::string_view name) const noexcept;
  bool has(std::string_view name) const noexcept { return property(name).has_value(); }
  std::optional<std::uint32_t> u32(std::string_view name) const noexcept;
  std::optional<std::string_view> string(std::string_view name) const noexcept;
  bool is_compatible(std::string_view wanted) const noexcept;
  /// `status` is absent, "okay" or "ok".
  bool is_available() const noexcept;
  /// What the node says about its children, or the specification's default (2, 1).
  CellSizes child_cells() const noexcept;
  std::optional<std::uint32_t> phandle() const noexcept { return u32("phandle"); }

  ChildRange children() const noexcept;
  PropertyRange properties() const noexcept;

  const void* blob() const noexcept { return blob_; }
  int offset() const noexcept { return offset_; }
  bool operator==(const Node&) const = default;

 private:
  const void* blob_;
  int offset_;
};

/// `for (fdt::Node child : node.children())`.
class Node::ChildRange {
 public:
  class Iterator {
   public:
    Iterator(const void* blob, int offset) : blob_(blob), offset_(offset) {}
    Node operator*() const noexcept { return {blob_, offset_}; }
    Iterator& operator++() noexcept;
    bool operator==(const Iterator&) const = default;

   private:
    const void* blob_;
    int offset_;  // -1: the end
  };
  explicit ChildRange(Node parent) : parent_(parent) {}
  Iterator begin() const noexcept;
  Iterator end() const noexcept { return {parent_.blob(), -1}; }

 private:
  Node parent_;
};

/// `for (fdt::Property property : node.properties())`.
class Node::PropertyRange {
 public:
  class Iterator {
   public:
    Iterator(const void* blob, int offset) : blob_(blob), offset_(offset) {}
    Property operator*() const noexcept;
    Iterator& operator++() noexcept;
    bool operator==(const Iterator&) const = default;

   private:
    const void* blob_;
    int offset_;  // -1: the end
  };
  explicit PropertyRange(Node node) : node_(node) {}
  Iterator begin() const noexcept;
  Iterator end() const noexcept { return {node_.blob(), -1}; }

 private:
  Node node_;
};

inline Node::ChildRange Node::children() const noexcept {
  return ChildRange(*this);
}
inline Node::PropertyRange Node::properties() const noexcept {
  return PropertyRange(*this);
}

/// Overwrites the property's value with zeros; its name and length stay. For secrets.
///
/// *Requires*: `blob` is the writable memory of the tree that `node` belongs to. Returns whether
/// the property exists.
bool erase_value(void* blob, Node node, std::string_view name) noexcept;

}  // namespace quoll::fdt
