// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The allocator of ASIDs over this machine's words.
#include <quoll/kernel/mem/asid_allocator.hpp>

namespace quoll::vm {

template class BasicAsidAllocator<MachineAsids>;

}  // namespace quoll::vm
