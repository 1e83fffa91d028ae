// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// In host tests a panic that unwinds is an ordinary exception.
#include <quoll/base/panic.hpp>
#include <quoll/test_support/panic.hpp>

namespace quoll::base {

void continue_panic() {
  throw test_support::Panic();
}

}  // namespace quoll::base
