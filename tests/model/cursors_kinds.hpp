// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The operations on page tables through cursors, and what can come of each.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <quoll/paging/error.hpp>

#include "system.hpp"

namespace quoll::model::cursors {

enum KindIndex : std::uint32_t {
  kOpen,
  kClose,
  kQuery,
  kNext,
  kJump,
  kFindNext,
  kMap,
  kMapFrames,
  kReplace,
  kUnmap,
  kProtect,
  kProtectNext,
  kCopy,
  kSplit,
  kMerge,
  kSettle,
  kTouch,
  kLookUp,
};

std::span<const Kind> kinds();
std::string_view name_of(paging::MapError error);
/// The outcome of a kind that is named like the rule which refused it. Throws `Mismatch` when it is
/// none that the kind declares.
std::uint32_t outcome_of(std::uint32_t kind, paging::MapError error);

}  // namespace quoll::model::cursors
