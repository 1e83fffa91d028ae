// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <cstddef>
#include <cstdlib>
#include <new>

#include <quoll/test_support/failing_new.hpp>

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
