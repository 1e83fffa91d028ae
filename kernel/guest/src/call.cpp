// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "call.hpp"

#include <utility>

#include <quoll/kernel/mem/user_copy.hpp>
#include <quoll/mem/page_size.hpp>

namespace quoll::guest {
namespace {

// Why nothing was copied; notes the page that was missing, if that is why.
abi::Error refusal(Guest& guest, vm::CopyError error, std::uint64_t address, std::size_t size) {
  switch (error) {
    case vm::CopyError::kBadAddress:
      return abi::Error::kBadAddress;
    case vm::CopyError::kOutOfMemory:
      return abi::Error::kNoMemory;
    case vm::CopyError::kMustWait:
      break;
  }
  // The first that is being got. None: it has come meanwhile, and the next attempt finds it.
  const mem::VirtualAddress first = mem::VirtualAddress(address).align_down(mem::kPageSize);
  const std::uint64_t pages = mem::pages_for(size + (address - first.value()));
  vm::PageRequestRef request;
  for (std::uint64_t i = 0; i < pages && !request; ++i) {
    request = guest.space().page_request(first + i * mem::kPageSize);
  }
  guest.await_page(std::move(request));
  return kMustWait;
}

}  // namespace

base::Result<void, abi::Error> copy_in(Guest& guest, void* to, std::uint64_t from,
                                       std::size_t size) {
  const auto copied = vm::copy_from_user(guest.space(), to, mem::VirtualAddress(from), size);
  if (!copied) [[unlikely]]
    return base::err(refusal(guest, copied.error(), from, size));
  return {};
}

base::Result<void, abi::Error> copy_out(Guest& guest, std::uint64_t to, const void* from,
                                        std::size_t size) {
  const auto copied = vm::copy_to_user(guest.space(), mem::VirtualAddress(to), from, size);
  if (!copied) [[unlikely]]
    return base::err(refusal(guest, copied.error(), to, size));
  return {};
}

}  // namespace quoll::guest
