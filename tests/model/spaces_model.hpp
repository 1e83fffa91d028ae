// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The model of an address space, a map of its pages, and the operations on spaces.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string_view>

#include <quoll/kernel/mem/address_space.hpp>

#include "system.hpp"

namespace quoll::model::spaces {

inline constexpr std::uint64_t kVmoPages = 6;
/// What a space may commit.
inline constexpr std::uint64_t kLimit = 48;

enum KindIndex : std::uint32_t {
  kActivate,
  kLeave,
  kTouch,
  kMap,
  kReserve,
  kMapVmo,
  kCommit,
  kProtect,
  kDecommit,
  kUnmap,
  kRelease,
  kBadRequest,
  kMakeGuard,
};

std::span<const Kind> kinds();
/// The outcome of a kind by its name. Throws `Mismatch` when it has none of that name.
Step named(std::uint32_t kind, std::string_view name);

struct Page {
  std::uint64_t origin = 0;
  std::uint64_t mapping = 0;
  mem::Permissions permissions;
  vm::Backing backing = vm::Backing::kReserved;
  std::uint64_t vmo_page = 0;
  bool own = false;  // has a frame of its own
  std::uint64_t value = 0;
};

struct SpaceModel {
  std::map<std::uint64_t, Page> pages;

  std::uint64_t charged() const {
    std::uint64_t n = 0;
    for (const auto& [number, page] : pages) {
      n += page.backing == vm::Backing::kAnonymous || page.backing == vm::Backing::kPrivate ? 1U
                                                                                            : 0U;
    }
    return n;
  }
  std::uint64_t shared() const {
    std::uint64_t n = 0;
    for (const auto& [number, page] : pages) n += page.backing == vm::Backing::kShared ? 1U : 0U;
    return n;
  }
  std::uint64_t resident() const {
    std::uint64_t n = 0;
    for (const auto& [number, page] : pages) n += page.own ? 1U : 0U;
    return n;
  }
  bool is_vacant(std::uint64_t first, std::uint64_t count) const {
    const auto next = pages.lower_bound(first);
    return next == pages.end() || next->first >= first + count;
  }
  bool covers(std::uint64_t first, std::uint64_t count, bool one_mapping) const {
    for (std::uint64_t p = first; p < first + count; ++p) {
      const auto found = pages.find(p);
      if (found == pages.end()) return false;
      if (one_mapping && found->second.mapping != pages.at(first).mapping) return false;
    }
    return true;
  }
  /// Regions that a space with these pages needs.
  std::uint64_t regions() const;
};

}  // namespace quoll::model::spaces
