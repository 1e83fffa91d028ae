// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The frames of the BootInfo page and the hart table, and what goes into them.
#pragma once

#include <cstdint>
#include <span>

#include <quoll/base/result.hpp>
#include <quoll/handoff/boot_info.hpp>
#include <quoll/handoff/boot_info_builder.hpp>

#include "frame_alloc.hpp"

namespace quoll::loader {

/// Frames for the page and, behind it, the records of `hart_count` harts.
struct BootInfoFrames {
  std::uint64_t page = 0;
  std::span<handoff::HartInfo> harts;
};

base::Result<BootInfoFrames, AllocError> allocate_boot_info(std::size_t hart_count,
                                                            FrameAllocator& frames) noexcept;

constexpr const char* to_string(handoff::BootInfoLayoutError error) noexcept {
  switch (error) {
    case handoff::BootInfoLayoutError::kRegionsDoNotFit:
      return "the memory map has more regions than the BootInfo page holds";
    case handoff::BootInfoLayoutError::kTextsDoNotFit:
      return "the command line does not fit into the BootInfo page";
  }
  return "the BootInfo page cannot be laid out";
}

/// Copies entropy into `info`. What is too long is folded, so that no byte is lost.
void take_rng_seed(std::span<const std::byte> seed, handoff::BootInfo& info) noexcept;

}  // namespace quoll::loader
