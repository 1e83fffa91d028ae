// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/fdt/node.hpp>

extern "C" {
#include <libfdt.h>
}

namespace quoll::fdt {
namespace {

int or_end(int offset) noexcept {
  return offset < 0 ? -1 : offset;
}

std::span<const std::byte> value_bytes(const void* value, int length) noexcept {
  if (value == nullptr || length < 0) return {};
  return {static_cast<const std::byte*>(value), static_cast<std::size_t>(length)};
}

}  // namespace

std::string_view Node::name() const noexcept {
  int length = 0;
  const char* text = fdt_get_name(blob_, offset_, &length);
  if (text == nullptr || length < 0) return {};
  return {text, static_cast<std::size_t>(length)};
}

std::string_view Node::base_name() const noexcept {
  const std::string_view whole = name();
  return whole.substr(0, whole.find('@'));
}

std::optional<Property> Node::property(std::string_view name) const noexcept {
  int length = 0;
  const void* value =
      fdt_getprop_namelen(blob_, offset_, name.data(), static_cast<int>(name.size()), &length);
  if (value == nullptr || length < 0) return std::nullopt;
  return Property(name, value_bytes(value, length));
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
  return {parent_.blob(), or_end(fdt_first_subnode(parent_.blob(), parent_.offset()))};
}

Node::ChildRange::Iterator& Node::ChildRange::Iterator::operator++() noexcept {
  offset_ = or_end(fdt_next_subnode(blob_, offset_));
  return *this;
}

Node::PropertyRange::Iterator Node::PropertyRange::begin() const noexcept {
  return {node_.blob(), or_end(fdt_first_property_offset(node_.blob(), node_.offset()))};
}

Node::PropertyRange::Iterator& Node::PropertyRange::Iterator::operator++() noexcept {
  offset_ = or_end(fdt_next_property_offset(blob_, offset_));
  return *this;
}

Property Node::PropertyRange::Iterator::operator*() const noexcept {
  const char* name = nullptr;
  int length = 0;
  const void* value = fdt_getprop_by_offset(blob_, offset_, &name, &length);
  if (value == nullptr || name == nullptr) return Property({}, {});
  return Property(name, value_bytes(value, length));
}

bool erase_value(void* blob, Node node, std::string_view name) noexcept {
  int length = 0;
  void* value = fdt_getprop_namelen_w(blob, node.offset(), name.data(),
                                      static_cast<int>(name.size()), &length);
  if (value == nullptr || length < 0) return false;
  // Volatile: nobody may find out that the bytes are not read again.
  auto* bytes = static_cast<volatile unsigned char*>(value);
  for (int i = 0; i < length; ++i) bytes[i] = 0;
  return true;
}

}  // namespace quoll::fdt
