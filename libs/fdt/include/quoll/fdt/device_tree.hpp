// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A flattened device tree, checked as a whole when it is opened.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include <quoll/base/result.hpp>
#include <quoll/fdt/error.hpp>
#include <quoll/fdt/node.hpp>

namespace quoll::fdt {

/// Nodes deeper than this make a tree refused; real ones stay below ten.
inline constexpr unsigned kMaxDepth = 24;

/// An entry of the memory reservation block.
struct Reservation {
  std::uint64_t address = 0;
  std::uint64_t size = 0;
};

class DeviceTree {
 public:
  /// Checks the header and every token of the tree at `blob`.
  ///
  /// *Requires*: the header (40 bytes) and then as many bytes as it says, but never more than
  /// `max_size`, are readable. *Errors*: see `Error`.
  static base::Result<DeviceTree, Error> open(
      const void* blob, std::size_t max_size = std::numeric_limits<std::int32_t>::max()) noexcept;

  /// Bytes of the whole blob.
  std::size_t size() const noexcept;
  const void* blob() const noexcept { return blob_; }

  Node root() const noexcept { return {blob_, 0}; }
  /// The node at an absolute path or, without a leading slash, at an alias with a path behind it.
  /// Text behind a colon (options of `stdout-path`) is ignored.
  std::optional<Node> find(std::string_view path) const noexcept;
  /// The node with this phandle.
  std::optional<Node> find_phandle(std::uint32_t phandle) const noexcept;

  /// Entries of the memory reservation block.
  std::size_t reservation_count() const noexcept { return reservation_count_; }
  Reservation reservation(std::size_t index) const noexcept;

 private:
  DeviceTree(const void* blob, std::size_t reservation_count)
      : blob_(blob), reservation_count_(reservation_count) {}

  const void* blob_;
  std::size_t reservation_count_;
};

}  // namespace quoll::fdt
