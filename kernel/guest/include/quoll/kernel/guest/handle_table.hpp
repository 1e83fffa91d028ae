// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// HandleTable: what a guest holds, under the numbers by which it knows it.
#pragma once

#include <cstdint>

#include <quoll/abi/error.hpp>
#include <quoll/abi/limits.hpp>
#include <quoll/abi/types.hpp>
#include <quoll/archive/archive.hpp>
#include <quoll/base/result.hpp>
#include <quoll/containers/vector.hpp>

namespace quoll::device {
class ByteStream;
}

namespace quoll::guest {

/// An open object and what may be done with it. Streams live as long as the machine and archive
/// nodes never change, so nothing is owned here.
struct OpenObject {
  abi::ObjectKind kind = abi::ObjectKind::kFile;
  std::uint32_t rights = 0;
  device::ByteStream* stream = nullptr;  ///< for kStream
  archive::NodeId node;                  ///< for kFile and kDirectory

  static OpenObject of_stream(device::ByteStream& stream, std::uint32_t rights) {
    return {abi::ObjectKind::kStream, rights, &stream, archive::NodeId()};
  }
  static OpenObject of_node(archive::NodeKind kind, archive::NodeId node) {
    return {kind == archive::NodeKind::kFile ? abi::ObjectKind::kFile : abi::ObjectKind::kDirectory,
            abi::rights::kRead, nullptr, node};
  }
};

/// Handles 1 to `abi::kMaxHandles`, the lowest free one first.
///
/// *Locking*: none; only the guest's own task uses it.
class HandleTable {
 public:
  /// *Errors*: `kNoHandles`, `kNoMemory`.
  base::Result<abi::Handle, abi::Error> open(const OpenObject& object);

  /// *Errors*: `kBadHandle`.
  base::Result<void, abi::Error> close(std::uint64_t handle) {
    Slot* const slot = slot_of(handle);
    if (slot == nullptr) return base::err(abi::Error::kBadHandle);
    *slot = Slot();
    --count_;
    return {};
  }

  /// The object behind a number from a guest, of whatever kind.
  /// *Errors*: `kBadHandle`.
  base::Result<OpenObject, abi::Error> find(std::uint64_t handle) const;

  /// As `find`, of one kind and with all of `rights`.
  /// *Errors*: `kBadHandle`, `kDenied`.
  base::Result<OpenObject, abi::Error> find(std::uint64_t handle, abi::ObjectKind kind,
                                            std::uint32_t rights) const;

  std::size_t count() const noexcept { return count_; }

 private:
  struct Slot {
    OpenObject object;
    bool used = false;
  };
  Slot* slot_of(std::uint64_t handle) noexcept {
    if (handle == abi::kNoHandle || handle > slots_.size()) return nullptr;
    Slot& slot = slots_[handle - 1];
    return slot.used ? &slot : nullptr;
  }

  containers::Vector<Slot> slots_;
  std::size_t count_ = 0;
};

}  // namespace quoll::guest
