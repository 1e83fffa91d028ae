// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Regions: which part of an address space means what.
#pragma once

#include <algorithm>
#include <cstdint>

#include <quoll/intrusive/wavl_tree.hpp>
#include <quoll/kernel/mem/vmo.hpp>
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
  /// The mapping that this region was cut from: its number, which is never used again in the
  /// space, and where it began.
  std::uint64_t mapping = 0;
  mem::VirtualAddress origin;
  VmoRef vmo;
  std::uint64_t vmo_offset = 0;

  // Summary of the subtree, kept by the tree.
  mem::VirtualAddress subtree_start;
  mem::VirtualAddress subtree_end;
  std::uint64_t widest_gap = 0;  ///< between two neighbours of the subtree

  /// Whether such pages are charged against the space's limit.
  static constexpr bool is_charged(Backing backing) noexcept {
    return backing == Backing::kAnonymous || backing == Backing::kPrivate;
  }
  bool is_charged() const noexcept { return is_charged(backing); }
  /// The VMO's frame behind a page. *Requires*: there is a VMO.
  mem::PhysicalAddress vmo_frame(mem::VirtualAddress page) const noexcept {
    return vmo->range().start() + vmo_offset + (page - range.start());
  }
  /// Whether a frame found in the page table belongs to the space rather than to the VMO.
  bool owns_frame(mem::PhysicalAddress frame) const noexcept {
    switch (backing) {
      case Backing::kReserved:
      case Backing::kGuard:
      case Backing::kShared:
        return false;
      case Backing::kAnonymous:
        return true;
      case Backing::kPrivate:
        return !vmo->range().contains(frame);
    }
    return false;
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
