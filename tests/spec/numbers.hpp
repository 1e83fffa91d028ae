// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Numbers: in digits, for reports. They need nothing of a standard library but its headers.
#pragma once

#include <cstdint>
#include <string>

namespace quoll::spec {

/// In decimals.
std::string decimal(std::uint64_t number);

/// All sixteen hexadecimal digits.
std::string hexadecimal(std::uint64_t number);

}  // namespace quoll::spec
