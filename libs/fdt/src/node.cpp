// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/fdt/node.hpp>
#include <quoll/fdt/token.hpp>

namespace quoll::fdt {
namespace {

using detail::Blocks;

// The property that stands at `offset`, or -1 when the properties have ended.
int property_or_end(const Blocks& blocks, int offset) noexcept {
  offset = detail::skip_nops(blocks, offset);
  return blocks.token(offset) == detail::kProperty ? offset : -1;
}

// The node that begins at or behind `offset`, before the enclosing one ends; else -1.
int node_or_end(const Blocks& blocks, int offset) noexcept {
  for (;; offset = blocks.after(offset)) {
    switch (blocks.token(offset)) {
      case detail::kBeginNode:
        return offset;
      case detail::kEndNode:
      case detail::kEnd:
        return -1;
      default:
        break;
    }
  }
}

// The offset behind the node that begins at `offset`.
int after_node(const Blocks& blocks, int offset) noexcept {
  int depth = 0;
  do {
    const std::uint32_t token = blocks.token(offset);
    if (token == detail::kBeginNode) ++depth;
    if (token == detail::kEndNode) --depth;
    offset = blocks.after(offset);
  } while (depth > 0);
  return offset;
}

bool names_equal(const char* text, std::string_view wanted) noexcept {
  for (const char c : wanted) {
    if (*text++ != c) return false;
  }
  return *text == '\0';
}

}  // namespace

std::string_view Node::name() const noexcept {
  return Blocks(blob_).node_name(offset_);
}

std::string_view Node::base_name() const noexcept {
  const std::string_view whole = name();
  return whole.substr(0, whole.find('@'));
}

std::optional<Property> Node::property(std::string_view name) const noexcept {
  const Blocks blocks(blob_);
  int at = property_or_end(blocks, blocks.after(offset_));
  while (at >= 0) {
    if (names_equal(blocks.property_name(at), name)) {
      return Property(name, blocks.property_value(at));
    }
    at = property_or_end(blocks, blocks.after(at));
  }
  return std::nullopt;
}

std::optional<std::uint32_t> Node::u32(std::string_view name) const noexcept {
  const auto found = property(name);
  return found ? found->as_u32() : std::nullopt;
}

std::optional<std::string_view> Node::string(std::string_view name) const noexcept {
  const auto found = property(name);
  return found ? found->as_string() : std::nullopt;
}

bool Node::is_compatible(std::string_view wanted) const noexcept {
  const auto found = property("compatible");
  return found && found->has_string(wanted);
}

bool Node::is_available() const noexcept {
  const auto status = property("status");
  if (!status) return true;
  const auto text = status->as_string();
  return text && (*text == "okay" || *text == "ok");
}

CellSizes Node::child_cells() const noexcept {
  CellSizes sizes;
  sizes.address = u32("#address-cells").value_or(sizes.address);
  sizes.size = u32("#size-cells").value_or(sizes.size);
  return sizes;
}

Node::ChildRange::Iterator Node::ChildRange::begin() const noexcept {
  const Blocks blocks(parent_.blob());
  return {parent_.blob(), node_or_end(blocks, blocks.after(parent_.offset()))};
}

Node::ChildRange::Iterator& Node::ChildRange::Iterator::operator++() noexcept {
  const Blocks blocks(blob_);
  offset_ = node_or_end(blocks, after_node(blocks, offset_));
  return *this;
}

Node::PropertyRange::Iterator Node::PropertyRange::begin() const noexcept {
  const Blocks blocks(node_.blob());
  return {node_.blob(), property_or_end(blocks, blocks.after(node_.offset()))};
}

Node::PropertyRange::Iterator& Node::PropertyRange::Iterator::operator++() noexcept {
  const Blocks blocks(blob_);
  offset_ = property_or_end(blocks, blocks.after(offset_));
  return *this;
}

Property Node::PropertyRange::Iterator::operator*() const noexcept {
  const Blocks blocks(blob_);
  return Property(blocks.property_name(offset_), blocks.property_value(offset_));
}

bool erase_value(void* blob, Node node, std::string_view name) noexcept {
  const auto found = node.property(name);
  if (!found) return false;
  const std::span<const std::byte> value = found->data();
  // Volatile: nobody may find out that the bytes are not read again.
  volatile std::byte* const bytes =
      static_cast<std::byte*>(blob) + (value.data() - static_cast<const std::byte*>(node.blob()));
  for (std::size_t i = 0; i < value.size(); ++i) bytes[i] = std::byte{0};
  return true;
}

}  // namespace quoll::fdt
