// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Files as memory: while any guest maps a file, there is one object for all that do, so each page
// of it exists once.
#pragma once

#include <utility>

#include <quoll/base/result.hpp>
#include <quoll/kernel/mem/error.hpp>
#include <quoll/kernel/mem/frame_alloc.hpp>
#include <quoll/kernel/mem/vmo/paged_vmo.hpp>
#include <quoll/mem/range.hpp>

namespace quoll::guest {

struct FileObject;

/// A use of the object of one file; the object goes with the last.
class FileUse {
 public:
  FileUse() = default;
  FileUse(FileUse&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  FileUse& operator=(FileUse&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~FileUse();

  /// The file's bytes and zeros up to the end of the last page, to be read only.
  /// *Requires*: a use that `use_file` gave.
  const vm::PagedVmoRef& pages() const noexcept;

 private:
  friend base::Result<FileUse, vm::SpaceError> use_file(vm::FrameAllocator&, mem::PhysicalRange);
  explicit FileUse(FileObject* object) noexcept : object_(object) {}
  FileObject* object_ = nullptr;
};

/// The object of the file whose bytes are these, which last as long as the machine.
/// *Errors*: `kEmpty`, `kTooLarge`, `kOutOfMemory`. *Context*: task.
base::Result<FileUse, vm::SpaceError> use_file(vm::FrameAllocator& frames,
                                               mem::PhysicalRange content);

/// How many files have an object.
std::size_t used_files() noexcept;

}  // namespace quoll::guest
