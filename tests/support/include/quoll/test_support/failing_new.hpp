// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// operator new that fails when it is told to.
#pragma once

namespace quoll::test {

/// Lets `count` allocations of `new (std::nothrow)` on this thread succeed and all further ones
/// fail, until the scope ends.
class FailingNew {
 public:
  explicit FailingNew(unsigned count);
  FailingNew(const FailingNew&) = delete;
  FailingNew& operator=(const FailingNew&) = delete;
  ~FailingNew();
};

}  // namespace quoll::test
