// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// System calls that touch no object: the clock, randomness, the log.
#include <algorithm>
#include <cstddef>

#include <quoll/base/printable.hpp>
#include <quoll/kernel/guest/services.hpp>

#include "call.hpp"

namespace quoll::guest {
namespace {

using abi::Error;
using base::err;

base::Result<std::uint64_t, Error> clock_get(CallRegisters arguments) {
  const std::uint64_t monotonic = services().monotonic_ns();
  switch (static_cast<abi::Clock>(arguments.a[0])) {
    case abi::Clock::kMonotonic:
      return monotonic;
    case abi::Clock::kRealtime:
      if (services().realtime_offset_ns() == 0) return err(Error::kUnsupported);
      return monotonic + services().realtime_offset_ns();
  }
  return err(Error::kBadArgument);
}

base::Result<void, Error> random(Guest& guest, CallRegisters arguments) {
  const std::uint64_t length = bounded_length(arguments.a[1]);
  std::byte chunk[256];
  for (std::uint64_t done = 0; done < length;) {
    const std::size_t size = std::min<std::uint64_t>(sizeof chunk, length - done);
    services().random({chunk, size});
    TRY(copy_out(guest, arguments.a[0] + done, chunk, size));
    done += size;
  }
  return {};
}

base::Result<void, Error> log_text(Guest& guest, CallRegisters arguments) {
  const std::size_t length = std::min(arguments.a[1], abi::kMaxLogText);
  if (length == 0) return {};
  char text[abi::kMaxLogText];
  TRY(copy_in(guest, text, arguments.a[0], length));
  // A guest must not be able to forge lines or steer the terminal.
  base::make_printable(std::span(text, length));
  services().log_for_guest(guest.name(), {text, length});
  return {};
}

}  // namespace

CallResult call_clock_get(Guest&, CallRegisters arguments) {
  return to_call_result(clock_get(arguments));
}

CallResult call_random(Guest& guest, CallRegisters arguments) {
  return to_call_result(random(guest, arguments));
}

CallResult call_log(Guest& guest, CallRegisters arguments) {
  return to_call_result(log_text(guest, arguments));
}

}  // namespace quoll::guest
