// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The test device (`sifive,test0`): one register that ends the machine.
#pragma once

#include <cstdint>

namespace quoll::drivers::test_device {

/// What ends the machine with `status`; the device knows "pass" and "fail with a code".
constexpr std::uint32_t command_for(std::uint8_t status) noexcept {
  constexpr std::uint32_t kPass = 0x5555;
  constexpr std::uint32_t kFail = 0x3333;
  return status == 0 ? kPass : kFail | (std::uint32_t{status} << 16);
}

}  // namespace quoll::drivers::test_device
