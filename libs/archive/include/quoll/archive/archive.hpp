// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Archive: the tree of files and directories in a cpio image, indexed for lookup.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include <quoll/archive/error.hpp>
#include <quoll/base/result.hpp>
#include <quoll/base/strong_id.hpp>

namespace quoll::archive {

/// Names one file or directory of an archive. Node 0 is the root.
using NodeId = base::StrongId<struct NodeIdTag, std::uint32_t>;

/// What a node is.
enum class NodeKind : std::uint8_t { kFile, kDirectory };

/// One file or directory.
struct Node {
  std::string_view name;            ///< one component; empty for the root
  std::span<const std::byte> data;  ///< a file's content, in place
  std::uint32_t mode = 0;           ///< the Unix mode as recorded; 0 when synthesised
  std::uint32_t modified_s = 0;     ///< seconds since 1970-01-01 00:00 UTC
  std::uint32_t parent = 0;
  std::uint32_t first_child = 0;  ///< children are neighbours, sorted by name
  std::uint32_t child_count = 0;
  NodeKind kind = NodeKind::kDirectory;
};

/// The longest path of one record, in bytes.
inline constexpr std::size_t kMaxPath = 4096;
/// The longest single component, in bytes.
inline constexpr std::size_t kMaxComponent = 255;
/// The deepest nesting.
inline constexpr std::size_t kMaxDepth = 64;

/// An archive's index. The image must outlive it.
class Archive {
 public:
  static constexpr NodeId kRoot{0};

  /// Checks the whole image and builds the index. An image of no bytes is an archive with nothing
  /// but a root.
  /// *Errors*: what is wrong with the image and where; `kNoMemory`.
  static base::Result<Archive, Failure> open(std::span<const std::byte> image);

  /// *Requires*: `id` came from this archive.
  const Node& node(NodeId id) const {
    QUOLL_ASSERT(id.value() < count_);
    return nodes_[id.value()];
  }
  /// How many nodes there are, the root included.
  std::size_t size() const noexcept { return count_; }

  /// The entry `name` of a directory; nothing when there is none, or `directory` is a file.
  std::optional<NodeId> lookup(NodeId directory, std::string_view name) const;

  /// The entry at position `index` of a directory; positions are stable and start at 0.
  std::optional<NodeId> child(NodeId directory, std::uint64_t index) const;

  /// Walks `path` from the root, by components; empty ones and "." are skipped, ".." finds nothing.
  std::optional<NodeId> resolve(std::string_view path) const;

 private:
  Archive(std::unique_ptr<Node[]> nodes, std::size_t count)
      : nodes_(std::move(nodes)), count_(count) {}

  std::unique_ptr<Node[]> nodes_;
  std::size_t count_;
};

}  // namespace quoll::archive
