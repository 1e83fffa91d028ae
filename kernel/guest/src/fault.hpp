// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The fault upcall: what the kernel does with a fault that demand paging did not resolve.
#pragma once

#include <quoll/abi/types.hpp>
#include <quoll/kernel/guest/guest.hpp>

#include "call.hpp"

namespace quoll::guest {

/// One fault, as the report and the frame name it.
struct Fault {
  abi::FaultKind kind{};
  std::uint64_t address = 0;
  std::uint64_t pc = 0;
  abi::FaultCause cause = abi::FaultCause::kNone;
  std::uint64_t region_start = 0;
  std::uint64_t region_end = 0;
};

/// Completes what is told of an access that demand paging did not resolve.
void explain(Guest& guest, vm::FaultOutcome outcome, Fault& fault);

/// Makes the guest go on in its handler; false when it has none, is in it already, or the frame
/// cannot be written: then the guest is to end.
bool deliver_fault(Guest& guest, const Fault& fault);

/// `fault_return`: goes on from the frame. An error goes to the guest like that of any call.
/// *Errors*: `kBadArgument`, `kBadAddress`.
base::Result<void, abi::Error> return_from_fault(Guest& guest, std::uint64_t address);

}  // namespace quoll::guest
