// SPDX-License-Identifier: Apache-2.0 OR MIT
#pragma once

#include <quoll/abi/types.hpp>

namespace quoll::runtime {

/// Where a broken invariant of the runtime itself is told.
void complain_to(abi::Handle stream);

}  // namespace quoll::runtime
