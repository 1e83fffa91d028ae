// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A small machine with frames, a boot root and a kernel space, in any mode.
#pragma once

#include <array>
#include <cstdint>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <quoll/arch/mock/machine.hpp>
#include <quoll/kernel/mem/frame_alloc.hpp>
#include <quoll/kernel/mem/kernel_space.hpp>
#include <quoll/riscv/sv.hpp>

namespace quoll::test {

using arch::mock::AsHart;
using arch::mock::Machine;
using mem::kPageSize;
using mem::PhysicalAddress;
using mem::PhysicalRange;
using mem::VirtualAddress;
using mem::VirtualRange;

inline constexpr std::uint64_t kRam = 0x8000'0000;

inline PhysicalRange physical_pages(std::uint64_t first, std::uint64_t count) {
  return PhysicalRange(PhysicalAddress(kRam + first * kPageSize), count * kPageSize);
}

struct TestKernel {
  static constexpr std::uint64_t kFrames = 1024;

  explicit TestKernel(riscv::PagingMode mode, unsigned harts = 3, unsigned asid_bits = 16,
                      riscv::Svpbmt memory_types = riscv::Svpbmt::kAbsent)
      : format(mode, memory_types), machine({physical_pages(0, kFrames)}, harts, asid_bits) {
    const std::array free{physical_pages(0, kFrames)};
    EXPECT_TRUE(frames.init(machine.phys_map(), free));
    root = std::move(*frames.allocate_zeroed());
    below = std::move(*frames.allocate_zeroed());
    const unsigned top = format.levels() - 1;
    const VirtualAddress window = format.kernel_half().start();
    const std::size_t index = (window.value() >> (12 + 9 * top)) & 511;
    static_cast<std::uint64_t*>(root.data())[index] = format.encode_table(below.address());
    space.emplace(format, root.address(), VirtualRange(window, 64 * kPageSize), frames);
    for (unsigned hart = 0; hart < harts; ++hart) {
      const AsHart as(hart);
      arch::Mmu::set_root(format, root.address());
    }
    allocated_before = frames.statistics().allocated;
  }
  /// Frames that are owned beyond those of the kernel itself.
  std::uint64_t in_use() { return frames.statistics().allocated - allocated_before; }

  riscv::Sv format;
  Machine machine;
  vm::FrameAllocator frames;
  vm::Frame root;
  vm::Frame below;
  std::optional<vm::KernelSpace> space;
  std::uint64_t allocated_before = 0;
};

/// Leaves the allocator with this many frames for a scope.
class Scarcity {
 public:
  Scarcity(vm::FrameAllocator& frames, std::uint64_t left) : held_(frames) {
    while (frames.available_frames() > left) {
      auto frame = frames.allocate();
      if (!frame) break;
      held_.push(std::move(*frame));
    }
  }
  std::uint64_t held() const { return held_.count(); }

 private:
  vm::FrameList held_;
};

inline const auto kAllModes =
    testing::Values(riscv::PagingMode::kSv39, riscv::PagingMode::kSv48, riscv::PagingMode::kSv57);
inline std::string mode_name(const testing::TestParamInfo<riscv::PagingMode>& info) {
  return "Sv" + std::to_string(riscv::Sv(info.param).virtual_bits());
}

}  // namespace quoll::test
