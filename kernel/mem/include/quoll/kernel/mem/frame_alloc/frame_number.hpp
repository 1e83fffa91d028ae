// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Numbers of frames.
#pragma once

#include <cstdint>

#include <quoll/mem/address.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::vm {

/// The number of a frame: its physical address in pages. Reaches 16 TiB.
using FrameNumber = std::uint32_t;
inline constexpr FrameNumber kNoFrame = 0xffff'ffff;

constexpr FrameNumber frame_number(mem::PhysicalAddress address) noexcept {
  return static_cast<FrameNumber>(address.value() >> mem::kPageShift);
}
constexpr mem::PhysicalAddress frame_address(FrameNumber frame) noexcept {
  return mem::PhysicalAddress(std::uint64_t{frame} << mem::kPageShift);
}

}  // namespace quoll::vm
