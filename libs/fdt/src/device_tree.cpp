// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/fdt/device_tree.hpp>

extern "C" {
#include <libfdt.h>
}

#include <algorithm>
#include <cstring>

#include <quoll/base/checked.hpp>
#include <quoll/fdt/token.hpp>

namespace quoll::fdt {
namespace {

Error from_libfdt(int code) noexcept {
  switch (-code) {
    case FDT_ERR_ALIGNMENT:
      return Error::kMisaligned;
    case FDT_ERR_BADMAGIC:
      return Error::kWrongMagic;
    case FDT_ERR_BADVERSION:
      return Error::kWrongVersion;
    case FDT_ERR_TRUNCATED:
      return Error::kTruncated;
    default:
      return Error::kBadStructure;
  }
}

// Names are offsets into a block whose last byte ends every string that begins in it.
base::Result<std::uint32_t, Error> checked_strings_size(const void* blob) noexcept {
  const std::uint32_t size = fdt_size_dt_strings(blob);
  if (size == 0) return size;
  const auto* strings = static_cast<const char*>(blob) + fdt_off_dt_strings(blob);
  if (strings[size - 1] != '\0') return base::err(Error::kTruncated);
  return size;
}

// Where the token at `offset` ends, if it is one and ends within `size`.
std::optional<std::uint32_t> end_of_token(const detail::Blocks& blocks, std::uint32_t offset,
                                          std::uint32_t size) noexcept {
  using detail::kCell;
  const int at = static_cast<int>(offset);
  const std::uint32_t rest = size - offset;
  switch (blocks.token(at)) {
    case detail::kBeginNode: {
      const void* end = std::memchr(blocks.node_name(at), 0, rest - kCell);
      if (end == nullptr) return std::nullopt;
      break;
    }
    case detail::kProperty: {
      if (rest < 3 * kCell) return std::nullopt;
      // Compared before it is rounded up: a length near 2^32 would wrap around to a small one.
      if (blocks.property_length(at) > rest - 3 * kCell) return std::nullopt;
      break;
    }
    case detail::kEndNode:
    case detail::kNop:
    case detail::kEnd:
      break;
    default:
      return std::nullopt;
  }
  return static_cast<std::uint32_t>(blocks.after(at));
}

// How nodes nest and where properties stand, token by token.
class Nesting {
 public:
  base::Result<void, Error> begin_node(std::uint32_t offset) noexcept {
    // Readers start at offset 0; a tree that starts with padding would hide its root.
    if (seen_root_ ? depth_ == 0 : offset != 0) return base::err(Error::kBadStructure);
    if (depth_ > kMaxDepth) return base::err(Error::kTooDeep);
    seen_root_ = true;
    may_have_property_ = true;
    ++depth_;
    return {};
  }
  base::Result<void, Error> end_node() noexcept {
    if (depth_ == 0) return base::err(Error::kBadStructure);
    may_have_property_ = false;
    --depth_;
    return {};
  }
  bool may_have_property() const noexcept { return may_have_property_; }
  bool complete() const noexcept { return depth_ == 0 && seen_root_; }

 private:
  unsigned depth_ = 0;
  bool may_have_property_ = false;
  bool seen_root_ = false;
};

// Goes over every token. All later walks rely on what is established here: that each token and
// what belongs to it lies within the block, that nodes nest, that properties come before
// subnodes, that their names exist, and that the tree ends.
base::Result<void, Error> check_structure(const void* blob) noexcept {
  const std::uint32_t strings_size = TRY(checked_strings_size(blob));
  const std::uint32_t size = fdt_size_dt_struct(blob);
  const detail::Blocks blocks(blob);
  Nesting nesting;
  // Whole cells only, so that a token can be read wherever one may begin.
  for (std::uint32_t offset = 0; offset + detail::kCell <= size;) {
    const auto end = end_of_token(blocks, offset, size);
    if (!end || *end > size) return base::err(Error::kBadStructure);
    const int at = static_cast<int>(offset);
    switch (blocks.token(at)) {
      case detail::kBeginNode:
        TRY(nesting.begin_node(offset));
        break;
      case detail::kEndNode:
        TRY(nesting.end_node());
        break;
      case detail::kProperty:
        if (!nesting.may_have_property() ||
            detail::load_cell(blocks.structure + at + detail::kPropertyNameOffset) >=
                strings_size) {
          return base::err(Error::kBadStructure);
        }
        break;
      case detail::kEnd:
        if (!nesting.complete()) return base::err(Error::kBadStructure);
        return {};
      default:
        break;
    }
    offset = *end;
  }
  return base::err(Error::kTruncated);
}

// A name without a unit address also means the first node of that name that has one.
bool is_called(Node node, std::string_view wanted) noexcept {
  const std::string_view name = node.name();
  if (!name.starts_with(wanted)) return false;
  return name.size() == wanted.size() ||
         (name[wanted.size()] == '@' && wanted.find('@') == std::string_view::npos);
}

std::optional<Node> child_called(Node parent, std::string_view wanted) noexcept {
  for (const Node child : parent.children()) {
    if (is_called(child, wanted)) return child;
  }
  return std::nullopt;
}

// Follows a path from `node`; slashes separate names, and empty names mean nothing.
std::optional<Node> descend(Node node, std::string_view path) noexcept {
  while (true) {
    path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
    if (path.empty()) return node;
    const std::size_t end = std::min(path.find('/'), path.size());
    const auto child = child_called(node, path.substr(0, end));
    if (!child) return std::nullopt;
    node = *child;
    path.remove_prefix(end);
  }
}

base::Result<std::size_t, Error> checked_reservation_count(const void* blob) noexcept {
  const int count = fdt_num_mem_rsv(blob);
  if (count < 0) return base::err(from_libfdt(count));
  return static_cast<std::size_t>(count);
}

}  // namespace

base::Result<DeviceTree, Error> DeviceTree::open(const void* blob, std::size_t max_size) noexcept {
  if (max_size < FDT_V17_SIZE) return base::err(Error::kTruncated);
  if (const int code = fdt_check_header(blob); code != 0) return base::err(from_libfdt(code));
  // Older trees do not say how long their structure block is.
  if (fdt_version(blob) < 17) return base::err(Error::kWrongVersion);
  if (fdt_totalsize(blob) > max_size) return base::err(Error::kTruncated);
  if (fdt_off_mem_rsvmap(blob) % 8 != 0 || fdt_off_dt_struct(blob) % detail::kCell != 0 ||
      fdt_size_dt_struct(blob) % detail::kCell != 0) {
    return base::err(Error::kBadStructure);
  }
  TRY(check_structure(blob));
  return DeviceTree(blob, TRY(checked_reservation_count(blob)));
}

std::size_t DeviceTree::size() const noexcept {
  return fdt_totalsize(blob_);
}

std::optional<Node> DeviceTree::find(std::string_view path) const noexcept {
  path = path.substr(0, path.find(':'));
  if (path.empty()) return std::nullopt;
  if (path.front() == '/') return descend(root(), path);
  // An alias stands for the path of a node, and never for another alias.
  const std::size_t end = std::min(path.find('/'), path.size());
  const auto aliases = descend(root(), "/aliases");
  const auto whole = aliases ? aliases->string(path.substr(0, end)) : std::nullopt;
  if (!whole || whole->empty() || whole->front() != '/') return std::nullopt;
  const auto start = descend(root(), *whole);
  return start ? descend(*start, path.substr(end)) : std::nullopt;
}

std::optional<Node> DeviceTree::find_phandle(std::uint32_t phandle) const noexcept {
  // Two values that say that there is none.
  if (phandle == 0 || phandle == ~std::uint32_t{0}) return std::nullopt;
  const detail::Blocks blocks(blob_);
  int node = 0;
  for (int offset = 0;; offset = blocks.after(offset)) {
    switch (blocks.token(offset)) {
      case detail::kBeginNode:
        node = offset;
        break;
      case detail::kProperty: {
        // By length and value first: few properties have them, and names are slow to compare.
        const auto value = blocks.property_value(offset);
        if (value.size() != sizeof phandle || detail::load_cell(value.data()) != phandle) break;
        const std::string_view name = blocks.property_name(offset);
        if (name == "phandle" || name == "linux,phandle") return Node(blob_, node);
        break;
      }
      case detail::kEnd:
        return std::nullopt;
      default:
        break;
    }
  }
}

Reservation DeviceTree::reservation(std::size_t index) const noexcept {
  Reservation entry;
  if (index >= reservation_count_) return entry;
  if (fdt_get_mem_rsv(blob_, static_cast<int>(index), &entry.address, &entry.size) != 0) return {};
  return entry;
}

}  // namespace quoll::fdt
