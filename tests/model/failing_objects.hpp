// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The program's `operator new (std::nothrow)`: fails when it is told to. What the kernel's rooms
// allocate comes from it; the model's own containers do not use it.
#pragma once

#include <cstdint>

namespace quoll::model {

/// Lets `count` such allocations succeed and all further ones fail, until the scope ends.
class ObjectAllowance {
 public:
  explicit ObjectAllowance(std::uint32_t count);
  ObjectAllowance(const ObjectAllowance&) = delete;
  ObjectAllowance& operator=(const ObjectAllowance&) = delete;
  ~ObjectAllowance();
};

}  // namespace quoll::model
