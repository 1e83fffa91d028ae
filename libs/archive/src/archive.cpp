// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The index is built by sorting: records by path, which brings every directory before its content
// and reveals missing parents, then nodes by parent and name, which makes children neighbours.
#include <algorithm>
#include <limits>
#include <new>

#include <quoll/archive/archive.hpp>
#include <quoll/archive/record.hpp>

namespace quoll::archive {
namespace {

using base::err;

constexpr std::uint32_t kModeTypeMask = 0170000;
constexpr std::uint32_t kModeFile = 0100000;
constexpr std::uint32_t kModeDirectory = 0040000;

// Takes the next component off the front of `path`; empty when there is none left.
std::string_view take_component(std::string_view& path) {
  for (;;) {
    const std::size_t start = path.find_first_not_of('/');
    if (start == std::string_view::npos) {
      path = {};
      return {};
    }
    path.remove_prefix(start);
    const std::string_view component = path.substr(0, path.find('/'));
    path.remove_prefix(component.size());
    if (component != ".") return component;
  }
}

// Orders paths by components, so that a directory is followed by all that it contains.
int compare_paths(std::string_view a, std::string_view b) {
  for (;;) {
    const std::string_view x = take_component(a);
    const std::string_view y = take_component(b);
    if (const int order = x.compare(y); order != 0) return order;
    if (x.empty()) return 0;
  }
}

struct Counts {
  std::size_t records = 0;
  std::size_t components = 0;
};

bool is_wanted(const Record& record) {
  const std::uint32_t type = record.mode & kModeTypeMask;
  return type == kModeFile || type == kModeDirectory;
}

NodeKind kind_of(const Record& record) {
  return (record.mode & kModeTypeMask) == kModeFile ? NodeKind::kFile : NodeKind::kDirectory;
}

base::Result<std::size_t, Failure> check_path(const Record& record) {
  std::string_view rest = record.path;
  std::size_t depth = 0;
  for (;;) {
    const std::string_view component = take_component(rest);
    if (component.empty()) break;
    if (component == ".." || component.size() > kMaxComponent) {
      return err(Failure{Error::kBadName, record.offset});
    }
    if (++depth > kMaxDepth) return err(Failure{Error::kTooDeep, record.offset});
  }
  // Only a directory can be the root.
  if (depth == 0 && kind_of(record) == NodeKind::kFile) {
    return err(Failure{Error::kBadName, record.offset});
  }
  return depth;
}

base::Result<Counts, Failure> check_all(std::span<const std::byte> image) {
  Counts counts;
  RecordReader reader(image);
  for (;;) {
    const std::optional<Record> record = TRY(reader.next());
    if (!record) return counts;
    if (!is_wanted(*record)) continue;
    ++counts.records;
    counts.components += TRY(check_path(*record));
  }
}

void describe(Node& node, const Record& record) {
  node.kind = kind_of(record);
  node.mode = record.mode;
  node.modified_s = record.modified_s;
  node.data = node.kind == NodeKind::kFile ? record.data : std::span<const std::byte>();
}

// Turns sorted records into nodes in depth-first order; `parent` holds indices into that order.
base::Result<std::size_t, Failure> build_nodes(std::span<const Record> records, Node* nodes) {
  std::uint32_t open[kMaxDepth + 1] = {0};  // the directories on the way to the current record
  std::size_t open_depth = 0;
  std::size_t count = 1;
  nodes[0] = Node{};
  for (const Record& record : records) {
    std::string_view rest = record.path;
    std::size_t depth = 0;
    bool fresh = false;
    for (;;) {
      const std::string_view component = take_component(rest);
      if (component.empty()) break;
      // Something below a file: the file came first because the order is by components.
      if (nodes[open[depth]].kind == NodeKind::kFile) {
        return err(Failure{Error::kConflict, record.offset});
      }
      ++depth;
      if (depth <= open_depth && nodes[open[depth]].name == component) continue;
      Node& node = nodes[count];
      node = Node{};
      node.name = component;
      node.parent = open[depth - 1];
      open[depth] = static_cast<std::uint32_t>(count++);
      open_depth = depth;
      fresh = true;
    }
    open_depth = depth;
    Node& node = nodes[open[depth]];
    if (!fresh && node.kind != kind_of(record)) {
      return err(Failure{Error::kConflict, record.offset});
    }
    describe(node, record);
  }
  return count;
}

// Brings the children of each directory together. Parents keep their relative order, which is
// depth-first and therefore has the root first.
base::Result<std::unique_ptr<Node[]>, Failure> gather_children(const Node* nodes,
                                                               std::size_t count) {
  auto order = std::unique_ptr<std::uint32_t[]>(new (std::nothrow) std::uint32_t[count]);
  auto moved_to = std::unique_ptr<std::uint32_t[]>(new (std::nothrow) std::uint32_t[count]);
  auto result = std::unique_ptr<Node[]>(new (std::nothrow) Node[count]);
  if (!order || !moved_to || !result) return err(Failure{Error::kNoMemory, 0});

  for (std::size_t i = 0; i < count; ++i) order[i] = static_cast<std::uint32_t>(i);
  // Among the children of one parent depth-first order is already order by name.
  std::sort(order.get() + 1, order.get() + count, [nodes](std::uint32_t a, std::uint32_t b) {
    return nodes[a].parent != nodes[b].parent ? nodes[a].parent < nodes[b].parent : a < b;
  });
  for (std::size_t i = 0; i < count; ++i) moved_to[order[i]] = static_cast<std::uint32_t>(i);
  for (std::size_t i = 0; i < count; ++i) {
    result[i] = nodes[order[i]];
    result[i].parent = moved_to[result[i].parent];
  }
  for (std::size_t i = 1; i < count; ++i) {
    Node& parent = result[result[i].parent];
    if (parent.child_count++ == 0) parent.first_child = static_cast<std::uint32_t>(i);
  }
  return result;
}

}  // namespace

base::Result<Archive, Failure> Archive::open(std::span<const std::byte> image) {
  Counts counts;
  if (!image.empty()) counts = TRY(check_all(image));
  const std::size_t most_nodes = counts.components + 1;
  if (most_nodes > std::numeric_limits<std::uint32_t>::max()) {
    return err(Failure{Error::kTooMany, 0});
  }

  auto records = std::unique_ptr<Record[]>(new (std::nothrow) Record[counts.records]);
  if (!records) return err(Failure{Error::kNoMemory, 0});
  if (!image.empty()) {
    RecordReader reader(image);
    for (std::size_t filled = 0; filled < counts.records;) {
      const std::optional<Record> record = TRY(reader.next());
      // The image may change between the passes only by a bug elsewhere; stay in bounds anyway.
      if (!record) return err(Failure{Error::kTruncated, 0});
      if (is_wanted(*record)) records[filled++] = *record;
    }
  }
  std::sort(records.get(), records.get() + counts.records, [](const Record& a, const Record& b) {
    const int order = compare_paths(a.path, b.path);
    return order != 0 ? order < 0 : a.offset < b.offset;
  });

  auto nodes = std::unique_ptr<Node[]>(new (std::nothrow) Node[most_nodes]);
  if (!nodes) return err(Failure{Error::kNoMemory, 0});
  const std::size_t count =
      TRY(build_nodes(std::span<const Record>(records.get(), counts.records), nodes.get()));
  records.reset();
  auto gathered = TRY(gather_children(nodes.get(), count));
  return Archive(std::move(gathered), count);
}

std::optional<NodeId> Archive::lookup(NodeId directory, std::string_view name) const {
  const Node& parent = node(directory);
  const Node* const first = nodes_.get() + parent.first_child;
  const Node* const last = first + parent.child_count;
  const Node* const found = std::lower_bound(
      first, last, name, [](const Node& a, std::string_view b) { return a.name < b; });
  if (found == last || found->name != name) return std::nullopt;
  return NodeId(static_cast<std::uint32_t>(found - nodes_.get()));
}

std::optional<NodeId> Archive::child(NodeId directory, std::uint64_t index) const {
  const Node& parent = node(directory);
  if (index >= parent.child_count) return std::nullopt;
  return NodeId(parent.first_child + static_cast<std::uint32_t>(index));
}

std::optional<NodeId> Archive::resolve(std::string_view path) const {
  NodeId at = kRoot;
  for (;;) {
    const std::string_view component = take_component(path);
    if (component.empty()) return at;
    const auto next = lookup(at, component);
    if (!next) return std::nullopt;
    at = *next;
  }
}

}  // namespace quoll::archive
