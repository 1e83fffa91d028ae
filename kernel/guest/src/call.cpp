// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "call.hpp"

#include <quoll/kernel/mem/user_copy.hpp>

namespace quoll::guest {
namespace {

abi::Error to_abi(vm::CopyError error) {
  return error == vm::CopyError::kOutOfMemory ? abi::Error::kNoMemory : abi::Error::kBadAddress;
}

}  // namespace

base::Result<void, abi::Error> copy_in(Guest& guest, void* to, std::uint64_t from,
                                       std::size_t size) {
  return vm::copy_from_user(guest.space(), to, mem::VirtualAddress(from), size)
      .transform_error(to_abi);
}

base::Result<void, abi::Error> copy_out(Guest& guest, std::uint64_t to, const void* from,
                                        std::size_t size) {
  return vm::copy_to_user(guest.space(), mem::VirtualAddress(to), from, size)
      .transform_error(to_abi);
}

}  // namespace quoll::guest
