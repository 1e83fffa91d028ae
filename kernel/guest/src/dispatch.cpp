// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "dispatch.hpp"

#include <algorithm>
#include <array>

#include <quoll/abi/syscall.hpp>

#include "call.hpp"
#include "fault.hpp"

namespace quoll::guest {
namespace {

using abi::Syscall;

}  // namespace

constexpr CallHandlers kHandlers = [] {
  CallHandlers handlers{};
  const auto set = [&handlers](Syscall call, CallHandler handler) {
    handlers[static_cast<std::size_t>(call)] = handler;
  };
  set(Syscall::kClockGet, call_clock_get);
  set(Syscall::kFileRead, call_file_read);
  set(Syscall::kHandleStat, call_handle_stat);
  set(Syscall::kHandleClose, call_handle_close);
  set(Syscall::kDirectoryOpen, call_directory_open);
  set(Syscall::kDirectoryRead, call_directory_read);
  set(Syscall::kMemoryReserve, call_memory_reserve);
  set(Syscall::kMemoryCommit, call_memory_commit);
  set(Syscall::kMemoryDecommit, call_memory_decommit);
  set(Syscall::kMemoryGuard, call_memory_guard);
  set(Syscall::kMemoryRelease, call_memory_release);
  set(Syscall::kRandom, call_random);
  set(Syscall::kFaultUpcall, call_fault_upcall);
  set(Syscall::kLog, call_log);
  return handlers;
}();

CallArguments call_arguments(const arch::UserContext& context) noexcept {
  CallArguments arguments;
  std::copy_n(context.x.begin() + arch::kRegA0, std::size(arguments.a), arguments.a);
  return arguments;
}

void set_result(Guest& guest, CallResult result) noexcept {
  guest.context().x[arch::kRegA0] = static_cast<std::uint64_t>(result.error);
  guest.context().x[arch::kRegA1] = result.value;
}

Next dispatch(Guest& guest, GuestEnd& end) {
  arch::UserContext& context = guest.context();
  const std::uint64_t number = context.x[arch::kRegA7];
  const CallRegisters arguments = call_registers(context);
  context.pc += kEcallSize;

  if (const CallHandler handler = handler_of(number)) [[likely]] {
    const CallResult result = handler(guest, arguments);
    if (result.error == kMustWait) [[unlikely]] {
      context.pc -= kEcallSize;
      return Next::kAwaitPage;
    }
    set_result(guest, result);
    return Next::kResume;
  }
  switch (static_cast<Syscall>(number)) {
    case Syscall::kExit:
      end = end_by_exit(arguments.a[0], arguments.a[1]);
      return Next::kEnd;
    case Syscall::kYield:
      set_result(guest, ok());
      return Next::kYield;
    case Syscall::kWaitMany:
    case Syscall::kStreamRead:
    case Syscall::kStreamWrite:
      return Next::kWait;
    case Syscall::kFaultReturn: {
      // On success every register comes from the frame, a0 and a1 too.
      const auto returned = return_from_fault(guest, arguments.a[0]);
      if (!returned && returned.error() == kMustWait) {
        context.pc -= kEcallSize;
        return Next::kAwaitPage;
      }
      if (!returned) set_result(guest, fail(returned.error()));
      return Next::kResume;
    }
    default:
      set_result(guest, fail(abi::Error::kBadCall));
      return Next::kResume;
  }
}

}  // namespace quoll::guest
