// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/fdt/device_tree.hpp>

extern "C" {
#include <libfdt.h>
}

#include <quoll/base/checked.hpp>

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

// libfdt names a function like the structure.
using PropertyHeader = struct fdt_property;

// The head of a property, for a tag that libfdt has found to be one.
const PropertyHeader* property_at(const void* blob, int offset) noexcept {
  return static_cast<const PropertyHeader*>(fdt_offset_ptr(blob, offset, sizeof(PropertyHeader)));
}

// Goes over every token. libfdt's own walks rely on what is established here: that each token
// lies behind the one before it (a length near 2^32 wraps its arithmetic around), that nodes nest,
// that properties come before subnodes, and that the tree ends.
base::Result<void, Error> check_structure(const void* blob) noexcept {
  const std::uint32_t strings_size = TRY(checked_strings_size(blob));
  unsigned depth = 0;
  bool may_have_property = false;
  bool seen_root = false;
  for (int offset = 0;;) {
    int next = 0;
    const std::uint32_t tag = fdt_next_tag(blob, offset, &next);
    if (tag == FDT_END) {
      if (next < 0) return base::err(from_libfdt(next));
      if (depth != 0 || !seen_root) return base::err(Error::kBadStructure);
      return {};
    }
    if (next <= offset) return base::err(Error::kBadStructure);
    switch (tag) {
      case FDT_BEGIN_NODE:
        if (depth == 0 && seen_root) return base::err(Error::kBadStructure);
        if (depth > kMaxDepth) return base::err(Error::kTooDeep);
        // Readers start at offset 0; a tree that starts with padding would hide its root.
        if (!seen_root && offset != 0) return base::err(Error::kBadStructure);
        seen_root = true;
        may_have_property = true;
        ++depth;
        break;
      case FDT_END_NODE:
        if (depth == 0) return base::err(Error::kBadStructure);
        may_have_property = false;
        --depth;
        break;
      case FDT_PROP: {
        const PropertyHeader* property = property_at(blob, offset);
        if (property == nullptr || !may_have_property) return base::err(Error::kBadStructure);
        const auto length = fdt32_to_cpu(property->len);
        if (length > static_cast<std::uint32_t>(next - offset)) {
          return base::err(Error::kBadStructure);
        }
        if (fdt32_to_cpu(property->nameoff) >= strings_size) {
          return base::err(Error::kBadStructure);
        }
        break;
      }
      default:
        break;
    }
    offset = next;
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
  if (fdt_off_mem_rsvmap(blob) % 8 != 0 || fdt_off_dt_struct(blob) % 4 != 0) {
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
  const int offset = fdt_path_offset_namelen(blob_, path.data(), static_cast<int>(path.size()));
  if (offset < 0) return std::nullopt;
  return Node(blob_, offset);
}

std::optional<Node> DeviceTree::find_phandle(std::uint32_t phandle) const noexcept {
  const int offset = fdt_node_offset_by_phandle(blob_, phandle);
  if (offset < 0) return std::nullopt;
  return Node(blob_, offset);
}

Reservation DeviceTree::reservation(std::size_t index) const noexcept {
  Reservation entry;
  if (index >= reservation_count_) return entry;
  if (fdt_get_mem_rsv(blob_, static_cast<int>(index), &entry.address, &entry.size) != 0) return {};
  return entry;
}

}  // namespace quoll::fdt
