// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Which instruction set extensions a guest may use, from the device tree.
#pragma once

#include <cstdint>
#include <string_view>

#include <quoll/fdt/device_tree.hpp>

namespace quoll::guest {

/// Bits of `abi::features` that an ISA string (`rv64imafdc_zba_zbb`) names.
std::uint64_t features_of_isa(std::string_view isa) noexcept;

/// What all available harts of the machine have in common; none when any of them does not say.
std::uint64_t features_of_machine(const fdt::DeviceTree& tree) noexcept;

}  // namespace quoll::guest
