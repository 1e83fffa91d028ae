// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Paged objects: where they are mapped, and how translations of their pages are taken back.
#include <algorithm>
#include <new>
#include <optional>
#include <utility>

#include <quoll/base/assert.hpp>
#include <quoll/kernel/mem/flush.hpp>
#include <quoll/kernel/mem/vm_space.hpp>
#include <quoll/kernel/mem/vmo/paged_vmo.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::vm {

using mem::kPageSize;

VmoMapping::VmoMapping(PagedVmoRef object, VmSpace& space, mem::VirtualRange range,
                       std::uint64_t offset) noexcept
    : object_(std::move(object)), space_(space), range_(range), offset_(offset) {}

VmoMapping::~VmoMapping() {
  object_->detach(*this);
}

mem::VirtualRange VmoMapping::addresses_of(std::uint64_t first, std::uint64_t end) const noexcept {
  const std::uint64_t low = std::max(first, offset_);
  const std::uint64_t high = std::min(end, offset_ + range_.size());
  if (low >= high) return {};
  return mem::VirtualRange(range_.start() + (low - offset_), high - low);
}

base::Result<VmoMappingRef, SpaceError> PagedVmo::attach(VmSpace& space, mem::VirtualRange range,
                                                         std::uint64_t offset) {
  auto* mapping = new (std::nothrow) VmoMapping(PagedVmoRef::retain(this), space, range, offset);
  if (mapping == nullptr) return base::err(SpaceError::kOutOfMemory);
  sync::LockGuard guard(pages_lock);
  mappings_.push_back(*mapping);
  ++mapping_count_;
  return VmoMappingRef::adopt(mapping);
}

void PagedVmo::detach(VmoMapping& mapping) {
  sync::LockGuard guard(pages_lock);
  mappings_.erase(mapping);
  --mapping_count_;
}

/// Takes out all translations of the pages from offset `first` to before `end`, and fences.
void PagedVmo::unmap_pages(std::uint64_t first, std::uint64_t end) {
  for (VmoMapping& mapping : mappings_) {
    const mem::VirtualRange range = mapping.addresses_of(first, end);
    if (range.is_empty()) continue;
    PageTable& tables = mapping.space_.tables();
    TlbFlusher flusher(mapping.space_);
    const auto is_ours = [&](const paging::VmItem& item) QUOLL_NO_THREAD_SAFETY_ANALYSIS {
      const std::uint64_t at = mapping.offset_ + (item.range.start() - mapping.range_.start());
      return owns(at, item.leaf->address);
    };
    // Run by run: what lies between belongs to somebody else, or is a private copy.
    for (mem::VirtualAddress at = range.start(); at < range.end();) {
      mem::VirtualRange run(at, 0);
      {
        auto cursor = tables.cursor_mut(at, range.end() - at);
        while (!cursor->is_at_end()) {
          const auto item = *cursor->find_next(cursor->remaining());
          if (!item) break;
          const bool continues = run.is_empty() || item->range.start() == run.end();
          if (is_ours(*item)) {
            if (!continues) break;
            if (run.is_empty()) run = mem::VirtualRange(item->range.start(), 0);
            run = mem::VirtualRange(run.start(), run.size() + kPageSize);
          } else if (!run.is_empty()) {
            break;
          }
          (void)cursor->next();
        }
      }
      if (run.is_empty()) break;
      const auto removed = [](mem::VirtualAddress, const paging::Leaf&, std::uint64_t) {};
      QUOLL_ASSERT(tables.unmap(run, flusher.changes(), removed).has_value());
      at = run.end();
    }
    flusher.changes().include(range, paging::FenceReach::kAll);
    flusher.dispatch();
  }
}

/// Takes the permission to write from all translations of the object's pages, and fences.
void PagedVmo::forbid_writing() {
  for (VmoMapping& mapping : mappings_) {
    TlbFlusher flusher(mapping.space_);
    const auto permitted = [&](mem::VirtualAddress page,
                               const paging::Leaf& leaf) QUOLL_NO_THREAD_SAFETY_ANALYSIS {
      paging::Properties properties = leaf.properties;
      const std::uint64_t at = mapping.offset_ + (page - mapping.range_.start());
      if (owns(at, leaf.address)) {
        properties.permissions = properties.permissions.without_write();
      }
      return properties;
    };
    const auto changed = mapping.space_.tables()
                             .cursor_mut(mapping.range_.start(), mapping.range_.size())
                             ->protect(mapping.range_.size(), flusher.changes(), permitted);
    QUOLL_ASSERT(changed.has_value());
    flusher.changes().include(mapping.range_, paging::FenceReach::kAll);
    flusher.dispatch();
  }
}

}  // namespace quoll::vm
