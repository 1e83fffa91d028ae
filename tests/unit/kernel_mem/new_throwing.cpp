// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The forms of new that must not link.
#include <cstddef>
#include <new>

namespace {
struct alignas(64) Wide {
  std::byte bytes[64];
};
}  // namespace

extern "C" void* use_throwing_forms(std::size_t count, int form) {
  switch (form) {
    case 0:
      return new int;
    case 1:
      return new int[count];
    case 2:
      return new Wide;
    default:
      return new Wide[count];
  }
}
