// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The operations of the system `objects`, and the names of what can come of them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "system.hpp"

namespace quoll::model::objects {

enum KindIndex : std::uint32_t {
  kCreate,
  kClone,
  kDrop,
  kResize,
  kCommit,
  kDecommit,
  kSeal,
  kRead,
  kWrite,
  kBadObject,
  kSupply,
  kFail,
  kTell,
  kWait,
  kActivate,
  kLeave,
  kTouch,
  kPopulate,
  kCopy,
  kMap,
  kUnmap,
  kRelease,
  kProtect,
  kEnd,
  kBadSpace,
};

std::span<const Kind> kinds();
/// The outcome of a kind by its name. Throws `Mismatch` when it has none of that name.
Step named(std::uint32_t kind, std::string_view name, bool changed = false);

}  // namespace quoll::model::objects
