// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "thread.hpp"

#include <algorithm>

#include <quoll/abi/syscall.hpp>
#include <quoll/arch/current.hpp>
#include <quoll/arch/record.hpp>
#include <quoll/base/scope_exit.hpp>
#include <quoll/kernel/exec/exec.hpp>
#include <quoll/kernel/tracing/trace.hpp>

#include "dispatch.hpp"
#include "fault.hpp"
#include "log_target.hpp"
#include "page_wait.hpp"
#include "quick.hpp"
#include "wait.hpp"

namespace quoll::guest {
namespace {

// Long enough for the longest name, cause and four full addresses.
constexpr std::size_t kMaxReport = 256;

abi::FaultKind fault_kind(const arch::UserExit& exit) {
  switch (exit.kind) {
    case arch::UserExitKind::kIllegalInstruction:
      return abi::FaultKind::kIllegalInstruction;
    case arch::UserExitKind::kMisaligned:
      return abi::FaultKind::kMisaligned;
    case arch::UserExitKind::kBreakpoint:
      return abi::FaultKind::kBreakpoint;
    default:
      break;
  }
  switch (exit.access) {
    case mem::Access::kWrite:
      return abi::FaultKind::kStore;
    case mem::Access::kExecute:
      return abi::FaultKind::kFetch;
    case mem::Access::kRead:
      return abi::FaultKind::kLoad;
  }
  return abi::FaultKind::kLoad;
}

bool has_address(abi::FaultKind kind) {
  return kind != abi::FaultKind::kIllegalInstruction && kind != abi::FaultKind::kBreakpoint;
}

Next end_by_fault(const Fault& fault, GuestEnd& end) {
  end.reason = EndReason::kFaulted;
  end.fault = fault.kind;
  end.address = fault.address;
  end.pc = fault.pc;
  end.cause = fault.cause;
  end.region_start = fault.region_start;
  end.region_end = fault.region_end;
  return Next::kEnd;
}

Fault fault_of(Guest& guest, const arch::UserExit& exit) {
  Fault fault;
  fault.kind = fault_kind(exit);
  fault.pc = guest.context().pc;
  if (has_address(fault.kind)) fault.address = exit.address;
  return fault;
}

// The guest's handler, else its end.
Next deliver_or_end(Guest& guest, const Fault& fault, GuestEnd& end) {
  return deliver_fault(guest, fault) ? Next::kResume : end_by_fault(fault, end);
}

// A fault in user mode: demand paging first.
Next handle_fault(Guest& guest, const arch::UserExit& exit, GuestEnd& end) {
  Fault fault = fault_of(guest, exit);
  if (exit.kind != arch::UserExitKind::kPageFault) return deliver_or_end(guest, fault, end);
  const mem::VirtualAddress address(exit.address);
  const std::uint64_t begun = trace::begin(trace::Group::kFault);
  const vm::FaultOutcome outcome = guest.space().handle_fault(address, exit.access);
  trace::record_since<trace::Event::kFault>(begun, exit.access, outcome, trace::FaultOrigin::kGuest,
                                            exit.address);
  if (outcome == vm::FaultOutcome::kResolved) return Next::kResume;
  if (outcome == vm::FaultOutcome::kMustWait) {
    guest.await_page(guest.space().page_request(address));
    return Next::kAwaitPage;
  }
  explain(guest, outcome, fault);
  return deliver_or_end(guest, fault, end);
}

// The page that a fault or a call has waited for did not come.
Next give_up_page(Guest& guest, const arch::UserExit& exit, GuestEnd& end) {
  if (exit.kind == arch::UserExitKind::kSyscall) {
    guest.context().pc += kEcallSize;
    set_result(guest, fail(abi::Error::kBadAddress));
    return Next::kResume;
  }
  Fault fault = fault_of(guest, exit);
  explain(guest, vm::FaultOutcome::kUnavailable, fault);
  return deliver_or_end(guest, fault, end);
}

// A system call for the trace: what was called, and since when; 0: it is not recorded.
struct TracedCall {
  std::uint64_t begun = 0;
  std::uint64_t number = 0;
};

// What stands for an error when the guest was killed in the call.
constexpr std::uint64_t kNoResult = 0xff;

// Its one record, with the result that the guest finds.
void note_call(const TracedCall& call, std::uint64_t error, std::uint64_t value) {
  constexpr std::uint64_t kLargest = 0xff;
  arch::trace_local().write<trace::Event::kSyscall>(trace::now(), std::min(call.number, kLargest),
                                                    error, value, call.begun);
}
void note_call(const TracedCall& call, Guest& guest) {
  // After `fault_return` the registers are those of the interrupted code.
  if (call.number == static_cast<std::uint64_t>(abi::Syscall::kFaultReturn)) {
    note_call(call, 0, 0);
  } else {
    note_call(call, guest.context().x[arch::kRegA0], guest.context().x[arch::kRegA1]);
  }
}

// The end of a call that waited.
void note_waited(TracedCall& call, Guest& guest, bool has_result) {
  if (call.begun == 0) return;
  if (has_result) {
    note_call(call, guest);
  } else {
    note_call(call, kNoResult, 0);
  }
  call = {};
}

// As `dispatch`. A call that waits is left in `waiting`, for its end.
Next traced_dispatch(Guest& guest, GuestEnd& end, TracedCall& waiting) {
  const TracedCall call{trace::now(), guest.context().x[arch::kRegA7]};
  const Next next = dispatch(guest, end);
  if (next == Next::kResume || next == Next::kYield) [[likely]] {
    note_call(call, guest);
  } else if (next == Next::kWait) {
    waiting = call;
  } else if (next == Next::kEnd) {
    note_call(call, 0, end.exit_status);
  }
  return next;
}

// Where a guest's thread has paused.
struct Pause {
  GuestEnd end;         // if that was its end
  TracedCall call;      // if a call waits
  arch::UserExit exit;  // what it came out of user mode for
};

// User mode, and all that needs no suspension.
Next run_until_pause(Guest& guest, Pause& pause) {
  guest.space().activate();
  guest.enters_hart(arch::Harts::id(), exec::now());
  const base::ScopeExit leave([&guest] { guest.leaves_hart(exec::now()); });
  for (;;) {
    if (guest.killed()) [[unlikely]] {
      pause.end.reason = EndReason::kInterrupted;
      return Next::kEnd;
    }
    pause.exit = exec::enter_user(guest.context(), guest.kill_token());
    const arch::UserExitKind kind = pause.exit.kind;
    Next next = Next::kResume;
    if (kind == arch::UserExitKind::kSyscall) [[likely]] {
      next = trace::enabled(trace::Group::kSyscall) ? traced_dispatch(guest, pause.end, pause.call)
                                                    : dispatch(guest, pause.end);
    } else if (kind == arch::UserExitKind::kInterrupt || kind == arch::UserExitKind::kHandled) {
      if (exec::should_yield()) next = Next::kYield;
    } else {
      next = handle_fault(guest, pause.exit, pause.end);
    }
    if (next != Next::kResume) return next;
  }
}

WaitingCall waiting_call(Guest& guest) {
  const CallArguments arguments = call_arguments(guest.context());
  switch (static_cast<abi::Syscall>(guest.context().x[arch::kRegA7])) {
    case abi::Syscall::kStreamRead:
      return call_stream_read(guest, arguments);
    case abi::Syscall::kStreamWrite:
      return call_stream_write(guest, arguments);
    default:
      return call_wait_many(guest, arguments);
  }
}

// What a call that waited came to. A guest that was killed meanwhile is found so before user mode.
Next end_wait(Guest& guest, const base::Result<CallResult, WaitOutcome>& result, TracedCall& call) {
  if (result && result->error == kMustWait) {
    guest.context().pc -= kEcallSize;
    call = {};
    return Next::kAwaitPage;
  }
  const bool has_result = result || result.error() == WaitOutcome::kOutOfMemory;
  if (has_result) set_result(guest, result ? *result : fail(abi::Error::kNoMemory));
  note_waited(call, guest, has_result);
  return Next::kResume;
}

// The cause of a fault and the region that it was in, where there are any.
std::size_t describe_cause(std::span<char> out, const GuestEnd& end) {
  const char* const cause = to_string(end.cause);
  if (cause == nullptr) return 0;
  if (end.region_end == 0) return log::format_to(out, ", {}", cause);
  return log::format_to(out, ", {}: region {:#x} to {:#x}", cause, end.region_start,
                        end.region_end);
}

// The kernel's line about a guest that it had to end: on the log, and where the guest's own
// messages go.
async::Task<base::Result<void, device::StreamError>> report(Guest& guest, const GuestEnd& end) {
  char text[kMaxReport];
  std::size_t size = 0;
  if (end.reason == EndReason::kPanicked) {
    size = log::format_to(text, "quoll: {}: killed by a kernel panic\n", guest.name());
    log::error(kTarget, "{}: killed by a kernel panic", guest.name());
  } else {
    char why[kMaxReport];
    const std::string_view cause(why, describe_cause(why, end));
    size = log::format_to(text, "quoll: {}: killed: {} at {:#x} (pc {:#x}{})\n", guest.name(),
                          to_string(end.fault), end.address, end.pc, cause);
    log::error(kTarget, "{}: killed: {} at {:#x} (pc {:#x}{})", guest.name(), to_string(end.fault),
               end.address, end.pc, cause);
  }
  if (guest.error_stream() == nullptr) co_return {};
  std::span<const std::byte> rest = std::as_bytes(std::span(text, size));
  while (!rest.empty()) {
    const auto written = co_await guest.error_stream()->write(rest, guest.kill_token());
    if (!written) co_return base::err(written.error());
    rest = rest.subspan(*written);
  }
  co_return {};
}

// The guest's life, up to the end that it comes to.
async::Task<GuestEnd> serve(GuestRef guest) {
  Pause pause;
  const std::uint64_t task = (co_await async::current_task()).id();
  tracing::note_guest(guest->id(), task, guest->name());
  serve_quickly(*guest);
  trace::record<trace::Event::kGuestStart>(guest->id(), task);
  for (Next next = Next::kResume; next != Next::kEnd;) {
    next = run_until_pause(*guest, pause);
    if (next == Next::kYield) co_await exec::yield_now();
    if (next == Next::kWait) {
      const auto result = co_await waiting_call(*guest);
      next = end_wait(*guest, result, pause.call);
    }
    if (next == Next::kAwaitPage) {
      PageWait wait(guest->awaited_page());
      if (wait.begin()) (void)co_await wait.complete(guest->kill_token());
      while (!wait.end()) (void)co_await wait.complete();
      if (wait.failed()) next = give_up_page(*guest, pause.exit, pause.end);
    }
  }
  co_return pause.end;
}

// What is left to do when it is over, also when a panic in one of its system calls was its end.
async::Task<void> bury(GuestRef guest, async::Task<GuestEnd> life) {
  async::Task<GuestEnd> living = std::move(life);
  const auto lived = co_await std::move(living).contained();
  living = {};
  GuestEnd end;
  end.reason = EndReason::kPanicked;
  if (lived) end = *lived;
  if (end.reason == EndReason::kFaulted || end.reason == EndReason::kPanicked) {
    // The stream may be what the panic came from: it is not to keep the guest from ending.
    (void)(co_await report(*guest, end).contained()).has_value();
  }
  exec::forget_user(guest->context());
  trace::record<trace::Event::kGuestEnd>(end.reason, guest->id(), end.status());
  guest->finish(end);
}

}  // namespace

async::Task<void> run_thread(GuestRef guest) {
  // Both coroutines are made now, so that a guest that has started does not lack one of them.
  async::Task<GuestEnd> life = serve(guest);
  if (!life.valid()) return {};
  return bury(std::move(guest), std::move(life));
}

}  // namespace quoll::guest
