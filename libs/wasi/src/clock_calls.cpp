// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Clocks. Processor time is the time since the start: a program has one thread, and what others
// take of its hart is not told apart.
#include "calls.hpp"

namespace quoll::wasi::calls {

WasiResult<std::uint64_t> read_clock(Process& process, std::uint32_t clock) {
  switch (static_cast<ClockId>(clock)) {
    case ClockId::kRealtime:
      return process.host().clock(abi::Clock::kRealtime).transform_error(to_errno);
    case ClockId::kMonotonic:
      return process.host().clock(abi::Clock::kMonotonic).transform_error(to_errno);
    case ClockId::kProcessCputime:
    case ClockId::kThreadCputime: {
      const std::uint64_t now =
          TRY(process.host().clock(abi::Clock::kMonotonic).transform_error(to_errno));
      return now - process.started_ns();
    }
  }
  return base::err(Errno::kInval);
}

Done clock_res_get(Call& call) {
  if (call.u32(0) > static_cast<std::uint32_t>(ClockId::kThreadCputime)) {
    return base::err(Errno::kInval);
  }
  return call.memory.store<std::uint64_t>(call.u32(1), call.process.host().clock_resolution());
}

// The second argument, how old the answer may be, changes nothing: the answer is never old.
Done clock_time_get(Call& call) {
  const std::uint64_t now = TRY(read_clock(call.process, call.u32(0)));
  return call.memory.store<std::uint64_t>(call.u32(2), now);
}

}  // namespace quoll::wasi::calls
