// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The system calls that wait, as coroutines.
#pragma once

#include <quoll/async/task.hpp>

#include "call.hpp"

namespace quoll::guest {

/// What a waiting call came to: a result for the guest, or its end.
enum class WaitOutcome : std::uint8_t {
  kKilled,       ///< the guest was killed while it waited: the call does not return
  kOutOfMemory,  ///< no memory for the wait
};

using WaitingCall = async::Task<base::Result<CallResult, WaitOutcome>>;

WaitingCall call_wait_many(Guest& guest, CallArguments arguments);
WaitingCall call_stream_read(Guest& guest, CallArguments arguments);
WaitingCall call_stream_write(Guest& guest, CallArguments arguments);

}  // namespace quoll::guest
