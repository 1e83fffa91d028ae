// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "failing_new.hpp"

#include <cstddef>
#include <new>

namespace {
thread_local bool fails = false;
}  // namespace

namespace quoll::async::testing {
FailingNew::FailingNew() {
  fails = true;
}
FailingNew::~FailingNew() {
  fails = false;
}
}  // namespace quoll::async::testing

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return fails ? nullptr : ::operator new(size);
}
