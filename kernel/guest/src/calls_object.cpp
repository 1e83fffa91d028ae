// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// System calls on files, directories and handles. The archive never changes, so none of them waits.
#include <cstring>
#include <optional>

#include <quoll/base/bits.hpp>
#include <quoll/kernel/guest/services.hpp>

#include "call.hpp"

namespace quoll::guest {
namespace {

using abi::Error;
using abi::ObjectKind;
using base::err;

// Object numbers: streams below, archive nodes from here on.
constexpr std::uint64_t kFirstNodeId = 0x100;

std::uint64_t id_of(archive::NodeId node) {
  return kFirstNodeId + node.value();
}

ObjectKind kind_of(const archive::Node& node) {
  return node.kind == archive::NodeKind::kFile ? ObjectKind::kFile : ObjectKind::kDirectory;
}

bool is_valid_name(std::string_view name) {
  return name != "." && name != ".." && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

base::Result<std::uint64_t, Error> file_read(Guest& guest, CallRegisters arguments) {
  const auto [handle, buffer, length, offset, unused4, unused5] = arguments.a;
  const OpenObject file = TRY(guest.handles().find(handle, ObjectKind::kFile, abi::rights::kRead));
  const std::span<const std::byte> data = services().archive().node(file.node).data;
  if (offset >= data.size()) return 0;
  const std::uint64_t size = std::min<std::uint64_t>(bounded_length(length), data.size() - offset);
  TRY(copy_out(guest, buffer, data.data() + offset, size));
  return size;
}

base::Result<void, Error> handle_stat(Guest& guest, CallRegisters arguments) {
  const OpenObject object = TRY(guest.handles().find(arguments.a[0]));
  abi::Stat stat{};
  stat.kind = object.kind;
  stat.rights = object.rights;
  if (object.kind == ObjectKind::kStream) {
    stat.id = services().stream_id(*object.stream);
    stat.flags = services().is_terminal(*object.stream) ? abi::stat_flags::kTerminal : 0;
  } else {
    const archive::Node& node = services().archive().node(object.node);
    constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;
    stat.size = node.data.size();
    stat.id = id_of(object.node);
    stat.modified_ns = node.modified_s * kNanosecondsPerSecond;
  }
  return write_structure(guest, arguments.a[1], stat);
}

base::Result<std::uint64_t, Error> directory_open(Guest& guest, CallRegisters arguments) {
  const auto [handle, address, length, unused3, unused4, unused5] = arguments.a;
  const OpenObject directory =
      TRY(guest.handles().find(handle, ObjectKind::kDirectory, abi::rights::kRead));
  if (length == 0 || length > abi::kMaxName) return err(Error::kBadName);
  char text[abi::kMaxName];
  TRY(copy_in(guest, text, address, length));
  const std::string_view name(text, length);
  if (!is_valid_name(name)) return err(Error::kBadName);

  const archive::Archive& archive = services().archive();
  const auto found = archive.lookup(directory.node, name);
  if (!found) return err(Error::kNotFound);
  return TRY(guest.handles().open(OpenObject::of_node(archive.node(*found).kind, *found)));
}

// One entry as it goes to the guest: the structure, the name, and padding to 8 bytes.
struct EncodedEntry {
  std::byte bytes[sizeof(abi::DirectoryEntry) + base::align_up(abi::kMaxName, 8)];
  std::size_t size;
};

void encode(EncodedEntry& out, const archive::Node& node, archive::NodeId id,
            std::uint64_t next_cookie) {
  const abi::DirectoryEntry entry{next_cookie, id_of(id), kind_of(node),
                                  static_cast<std::uint32_t>(node.name.size())};
  const std::size_t padded = base::align_up(node.name.size(), 8);
  std::memcpy(out.bytes, &entry, sizeof entry);
  std::memcpy(out.bytes + sizeof entry, node.name.data(), node.name.size());
  std::memset(out.bytes + sizeof entry + node.name.size(), 0, padded - node.name.size());
  out.size = sizeof entry + padded;
}

base::Result<std::uint64_t, Error> directory_read(Guest& guest, CallRegisters arguments) {
  const auto [handle, cookie, buffer, length, unused4, unused5] = arguments.a;
  const OpenObject directory =
      TRY(guest.handles().find(handle, ObjectKind::kDirectory, abi::rights::kRead));
  const std::uint64_t room = bounded_length(length);
  if (room == 0) return 0;

  const archive::Archive& archive = services().archive();
  std::uint64_t written = 0;
  for (std::uint64_t position = cookie;; ++position) {
    const auto child = archive.child(directory.node, position);
    if (!child) return written;
    EncodedEntry entry;
    encode(entry, archive.node(*child), *child, position + 1);
    if (entry.size > room - written) {
      if (written == 0) return err(Error::kBadArgument);
      return written;
    }
    TRY(copy_out(guest, buffer + written, entry.bytes, entry.size));
    written += entry.size;
  }
}

}  // namespace

CallResult call_file_read(Guest& guest, CallRegisters arguments) {
  return to_call_result(file_read(guest, arguments));
}

CallResult call_handle_stat(Guest& guest, CallRegisters arguments) {
  return to_call_result(handle_stat(guest, arguments));
}

CallResult call_handle_close(Guest& guest, CallRegisters arguments) {
  return to_call_result(guest.handles().close(arguments.a[0]));
}

CallResult call_directory_open(Guest& guest, CallRegisters arguments) {
  return to_call_result(directory_open(guest, arguments));
}

CallResult call_directory_read(Guest& guest, CallRegisters arguments) {
  return to_call_result(directory_read(guest, arguments));
}

}  // namespace quoll::guest
