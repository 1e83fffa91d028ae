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

/// What a guest finds mapped when it starts, the image aside.
struct FirstMappings {
  mem::VirtualRange stack;
  mem::VirtualAddress time_page;
  mem::VirtualAddress module_start;
  mem::VirtualRange start_block;  ///< read-only once it is filled
};
/// What these are made of.
struct FirstContents {
  vm::VmoRef time_page;
  vm::VmoRef module_pages;  ///< null when the module is empty
  std::uint64_t start_block_bytes = 0;
};
/// Maps all of it in one place, chosen as one, with a guard below the stack: so it shares page
/// tables, and says nothing of where else the guest has memory.
/// *Requires*: nobody else maps anything meanwhile.
base::Result<FirstMappings, vm::SpaceError> map_first(vm::AddressSpace& space,
                                                      const FirstContents& contents);
/// Copies bytes to the start of what `map_first` kept for them; nobody can write there any more.
base::Result<void, vm::SpaceError> fill_constant(vm::AddressSpace& space, mem::VirtualRange range,
                                                 std::span<const std::byte> bytes);

}  // namespace quoll::guest
