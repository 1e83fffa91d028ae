// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What `start` puts into a new guest's address space.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <quoll/base/result.hpp>
#include <quoll/kernel/guest/runtime_image.hpp>
#include <quoll/kernel/mem/address_space.hpp>

namespace quoll::guest {

/// Maps text and constants from the image's own frames, and a private copy of its data.
base::Result<void, vm::SpaceError> load_image(vm::AddressSpace& space, const RuntimeImage& image);

/// The start stack; an unmapped page lies below it.
base::Result<mem::VirtualRange, vm::SpaceError> map_stack(vm::AddressSpace& space);

/// A read-only copy of `bytes`, at the start of a page.
base::Result<mem::VirtualRange, vm::SpaceError> map_constant(vm::AddressSpace& space,
                                                             std::span<const std::byte> bytes);

}  // namespace quoll::guest
