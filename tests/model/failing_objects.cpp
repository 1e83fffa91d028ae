// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "failing_objects.hpp"

#include <cstddef>
#include <new>

#include "operation.hpp"

namespace {
std::uint32_t left = quoll::model::kPlenty;
}  // namespace

namespace quoll::model {
ObjectAllowance::ObjectAllowance(std::uint32_t count) {
  left = count;
}
ObjectAllowance::~ObjectAllowance() {
  left = kPlenty;
}
}  // namespace quoll::model

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  if (left == 0) return nullptr;
  if (left != quoll::model::kPlenty) --left;
  return ::operator new(size);
}
