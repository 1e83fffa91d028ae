// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "failing_new.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>

namespace {
constexpr unsigned kNever = ~0U;
thread_local unsigned left = kNever;
}  // namespace

namespace quoll::test {
FailingNew::FailingNew(unsigned count) {
  left = count;
}
FailingNew::~FailingNew() {
  left = kNever;
}
}  // namespace quoll::test

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  if (left == 0) return nullptr;
  if (left != kNever) --left;
  return ::operator new(size);
}
