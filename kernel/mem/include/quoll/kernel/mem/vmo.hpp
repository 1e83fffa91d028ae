// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Virtual memory objects: memory that address spaces map, apart from any of them.
#pragma once

#include <cstdint>
#include <utility>

#include <quoll/base/result.hpp>
#include <quoll/intrusive/ref_counted.hpp>
#include <quoll/kernel/mem/error.hpp>
#include <quoll/kernel/mem/frame_alloc.hpp>
#include <quoll/mem/permissions.hpp>
#include <quoll/mem/range.hpp>

namespace quoll::vm {

class Vmo;
using VmoRef = intrusive::RefPtr<Vmo>;

/// A wired object: its frames are contiguous, all present, and stay where they are. They are
/// its own (`create`) or somebody else's who outlives it (`create_wired`).
class Vmo : public intrusive::RefCounted<Vmo> {
 public:
  /// An object over memory that exists: the runtime's image, a file of the boot archive, a page
  /// of the kernel's. `content_size` bytes of `memory` belong to it; its size is that, rounded
  /// up to pages. Shared mappings may have at most the permissions `most`.
  ///
  /// *Requires*: the memory outlives the object. *Errors*: `kUnaligned`, `kEmpty`,
  /// `kOutsideVmo` (content beyond the memory's pages), `kOutOfMemory`.
  static base::Result<VmoRef, SpaceError> create_wired(mem::PhysicalRange memory,
                                                       std::uint64_t content_size,
                                                       mem::Permissions most);
  /// An object of `size` bytes of zeros with frames of its own.
  static base::Result<VmoRef, SpaceError> create(FrameAllocator& frames, std::uint64_t size,
                                                 mem::Permissions most);

  mem::PhysicalRange range() const noexcept { return range_; }
  /// Size in bytes, whole pages.
  std::uint64_t size() const noexcept { return range_.size(); }
  /// Bytes of it that are content; the rest of the last page reads as whatever is there, and a
  /// private copy has zeros instead.
  std::uint64_t content_size() const noexcept { return content_size_; }
  mem::Permissions most() const noexcept { return most_; }
  /// The bytes of an object with frames of its own; null otherwise.
  void* data() const noexcept { return own_ ? own_.data() : nullptr; }

 private:
  Vmo(mem::PhysicalRange range, std::uint64_t content_size, mem::Permissions most, FrameRun own)
      : range_(range), content_size_(content_size), most_(most), own_(std::move(own)) {}

  mem::PhysicalRange range_;
  std::uint64_t content_size_;
  mem::Permissions most_;
  FrameRun own_;
};

}  // namespace quoll::vm
