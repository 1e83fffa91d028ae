// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Copies between the kernel and a guest. User memory is copied, never borrowed.
#pragma once

#include <cstddef>

#include <quoll/base/result.hpp>
#include <quoll/kernel/mem/address_space.hpp>
#include <quoll/kernel/mem/error.hpp>
#include <quoll/mem/address.hpp>

namespace quoll::vm {

/// Copies `size` bytes out of a guest's memory. Pages that are not there yet are filled in; the
/// space becomes the active one of this hart if it is not. A length of 0 touches nothing.
///
/// *Context*: task, with no lock held.
base::Result<void, CopyError> copy_from_user(AddressSpace& space, void* to,
                                             mem::VirtualAddress from, std::size_t size);
/// Copies `size` bytes into a guest's memory.
base::Result<void, CopyError> copy_to_user(AddressSpace& space, mem::VirtualAddress to,
                                           const void* from, std::size_t size);

}  // namespace quoll::vm
