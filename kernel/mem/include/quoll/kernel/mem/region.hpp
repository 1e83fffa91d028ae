// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Regions: which part of an address space means what.
#pragma once

#include <algorithm>
#include <cstdint>

#include <quoll/intrusive/wavl_tree.hpp>
#include <quoll/kernel/mem/vmo.hpp>
#include <quoll/kernel/mem/vmo/paged_vmo.hpp>
#include <quoll/kernel/mem/vmo/vmo_mapping.hpp>
#include <quoll/mem/permissions.hpp>
#include <quoll/mem/range.hpp>

namespace quoll::vm {

/// Where the pages of a region come from.
enum class Backing : std::uint8_t {
  kReserved,   ///< nowhere: the range is taken and every access faults
  kAnonymous,  ///< zeros at first touch, then its own
  kShared,     ///< the VMO's own pages
  kPrivate,    ///< the VMO's pages until written, then a copy
  kGuard,      ///< nowhere, and that for good: the range stays a guard until it is unmapped
};

/// A stretch of an address space whose pages all have the same properties.
struct Region : intrusive::WavlNode<Region> {
  mem::VirtualRange range;
  mem::Permissions permissions;
  Backing backing = Backing::kReserved;
  /// Whether a page of it may be there: one was asked for. Where none was, there is nothing to be
  /// looked for in the page tables.
  bool touched = false;
  /// How many pages in a row have been filled in, one behind the other, and which one is next.
  std::uint32_t run = 0;
  mem::VirtualAddress next_in_run;
  /// The mapping that this region was cut from: its number, which is never used again in the
  /// space, and where it began.
  std::uint64_t mapping = 0;
  mem::VirtualAddress origin;
  VmoRef vmo;
  std::uint64_t vmo_offset = 0;
  /// What tells a paged VMO of the mapping that this region was cut from.
  VmoMappingRef attachment;

  // Summary of the subtree, kept by the tree.
  mem::VirtualAddress subtree_start;
  mem::VirtualAddress subtree_end;
  std::uint64_t widest_gap = 0;  ///< between two neighbours of the subtree

  /// Whether such pages are charged against the space's limit.
  static constexpr bool is_charged(Backing backing) noexcept {
    return backing == Backing::kAnonymous || backing == Backing::kPrivate;
  }
  bool is_charged() const noexcept { return is_charged(backing); }
  /// The VMO, if it is a paged one.
  PagedVmo* paged() const noexcept { return vmo ? vmo->as_paged() : nullptr; }
  /// Where a page is in the VMO.
  std::uint64_t vmo_offset_of(mem::VirtualAddress page) const noexcept {
    return vmo_offset + (page - range.start());
  }
  /// The VMO's frame behind a page. *Requires*: there is a VMO that is not paged.
  mem::PhysicalAddress vmo_frame(mem::VirtualAddress page) const noexcept {
    return vmo->range().start() + vmo_offset_of(page);
  }
  /// Whether a frame found in the page table belongs to the space rather than to the VMO.
  /// *Requires*: the lock of a paged VMO is held.
  bool owns_frame(mem::VirtualAddress page,
                  mem::PhysicalAddress frame) const noexcept QUOLL_NO_THREAD_SAFETY_ANALYSIS {
    switch (backing) {
      case Backing::kReserved:
      case Backing::kGuard:
      case Backing::kShared:
        return false;
      case Backing::kAnonymous:
        return true;
      case Backing::kPrivate:
        if (PagedVmo* const object = paged()) return !object->owns(vmo_offset_of(page), frame);
        return !vmo->range().contains(frame);
    }
    return false;
  }
  /// Whether a page that is there may be written where it is, as far as the region allows it. One
  /// that is still the VMO's in a private region, or shared with a copy of the VMO, is copied
  /// first. *Requires*: as `owns_frame`.
  bool may_write(mem::VirtualAddress page,
                 mem::PhysicalAddress frame) const noexcept QUOLL_NO_THREAD_SAFETY_ANALYSIS {
    if (backing != Backing::kShared) return owns_frame(page, frame);
    PagedVmo* const object = paged();
    return object == nullptr || object->may_write(vmo_offset_of(page), frame);
  }
};

struct RegionTraits {
  using Key = mem::VirtualAddress;
  static Key key(const Region& region) noexcept { return region.range.start(); }
  static bool update(Region& region, const Region* left, const Region* right) noexcept {
    mem::VirtualAddress start = region.range.start();
    mem::VirtualAddress end = region.range.end();
    std::uint64_t widest = 0;
    if (left != nullptr) {
      widest = std::max(left->widest_gap, start - left->subtree_end);
      start = left->subtree_start;
    }
    if (right != nullptr) {
      widest = std::max({widest, right->widest_gap, right->subtree_start - end});
      end = right->subtree_end;
    }
    const bool changed =
        region.widest_gap != widest || region.subtree_start != start || region.subtree_end != end;
    region.subtree_start = start;
    region.subtree_end = end;
    region.widest_gap = widest;
    return changed;
  }
};

using RegionTree = intrusive::WavlTree<Region, RegionTraits>;

}  // namespace quoll::vm
