// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <cstddef>
#include <iterator>
#include <memory>
#include <new>

#include <quoll/base/checked.hpp>
#include <quoll/intrusive/list.hpp>
#include <quoll/kernel/guest/file_object.hpp>
#include <quoll/kernel/guest/services.hpp>
#include <quoll/kernel/mem/vmo/archive_pages.hpp>
#include <quoll/mem/page_size.hpp>
#include <quoll/sync/lock_rank.hpp>
#include <quoll/sync/protected.hpp>
#include <quoll/sync/spin_lock.hpp>

namespace quoll::guest {

/// In the table for as long as it is used.
struct FileObject : intrusive::ListNode<FileObject> {
  mem::PhysicalRange content;
  vm::PagedVmoRef pages;
  std::size_t uses = 1;  // under the table's lock
};

namespace {

using FileTable = intrusive::List<FileObject, FileObject>;
using Lock = sync::SpinLock<sync::LockRank::kGuestTable>;

[[clang::no_destroy]] constinit sync::Protected<FileTable, Lock> table;

FileObject* use_again(FileTable& all, mem::PhysicalRange content) noexcept {
  for (FileObject& object : all) {
    if (object.content == content) {
      ++object.uses;
      return &object;
    }
  }
  return nullptr;
}

base::Result<std::unique_ptr<FileObject>, vm::SpaceError> make_object(vm::FrameAllocator& frames,
                                                                      mem::PhysicalRange content) {
  const auto size = base::checked_align_up(content.size(), mem::kPageSize);
  if (!size) return base::err(vm::SpaceError::kTooLarge);
  vm::PageProviderRef provider = TRY(services().pages_of(content));
  std::unique_ptr<FileObject> object(new (std::nothrow) FileObject);
  if (!object) return base::err(vm::SpaceError::kOutOfMemory);
  object->content = content;
  object->pages = TRY(vm::PagedVmo::create(frames, *size, mem::Permissions::read_only().for_user(),
                                           std::move(provider)));
  return object;
}

}  // namespace

FileUse::~FileUse() {
  if (object_ == nullptr) return;
  // What goes does so after the lock.
  const std::unique_ptr<FileObject> last(table.with([this](FileTable& all) -> FileObject* {
    if (--object_->uses != 0) return nullptr;
    all.erase(*object_);
    return object_;
  }));
}

const vm::PagedVmoRef& FileUse::pages() const noexcept {
  return object_->pages;
}

base::Result<FileUse, vm::SpaceError> use_file(vm::FrameAllocator& frames,
                                               mem::PhysicalRange content) {
  if (content.is_empty()) return base::err(vm::SpaceError::kEmpty);
  const auto again = [content](FileTable& all) { return use_again(all, content); };
  if (FileObject* const object = table.with(again)) return FileUse(object);
  std::unique_ptr<FileObject> made = TRY(make_object(frames, content));
  // Somebody else may have been faster; then what was made goes, after the lock.
  return FileUse(table.with([&](FileTable& all) {
    if (FileObject* const object = use_again(all, content)) return object;
    all.push_back(*made);
    return made.release();
  }));
}

std::size_t used_files() noexcept {
  return table.with([](FileTable& all) {
    return static_cast<std::size_t>(std::distance(all.begin(), all.end()));
  });
}

}  // namespace quoll::guest
