// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A heap that has no more, for a while.
#pragma once

namespace quoll::async::testing {

/// As long as it lives, allocations of this thread that can fail do.
class FailingNew {
 public:
  FailingNew();
  FailingNew(const FailingNew&) = delete;
  FailingNew& operator=(const FailingNew&) = delete;
  ~FailingNew();
};

}  // namespace quoll::async::testing
