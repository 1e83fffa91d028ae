// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The forms of new that the kernel has.
#include <cstddef>
#include <new>

namespace {
struct alignas(64) Wide {
  std::byte bytes[64];
};
}  // namespace

extern "C" void* use_nothrow_forms(std::size_t count, int form) {
  switch (form) {
    case 0:
      return new (std::nothrow) int;
    case 1:
      return new (std::nothrow) int[count];
    case 2:
      return new (std::nothrow) Wide;
    default:
      return new (std::nothrow) Wide[count];
  }
}
