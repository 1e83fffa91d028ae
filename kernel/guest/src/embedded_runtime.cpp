// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/kernel/guest/embedded_runtime.hpp>

extern "C" {
extern const std::byte quoll_runtime_start[];
extern const std::byte quoll_runtime_end[];
extern const std::byte quoll_runtime_zb_start[];
extern const std::byte quoll_runtime_zb_end[];
}

namespace quoll::guest {

std::span<const std::byte> embedded_runtime(bool bit_manipulation) noexcept {
  if (bit_manipulation) return {quoll_runtime_zb_start, quoll_runtime_zb_end};
  return {quoll_runtime_start, quoll_runtime_end};
}

}  // namespace quoll::guest
