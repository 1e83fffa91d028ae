// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What handlers call out of line: host functions and the translator.
#pragma once

#include <cstdint>

#include "interpret/handler.hpp"

namespace quoll::wasm {

/// Calls a host function whose arguments start at `frame`. Unless the machine is still running
/// afterwards, the run ends or pauses.
void run_host_call(Machine& machine, Func* func, std::uint8_t* frame);

/// Brings the results of the host function in `machine` into the form that slots have. False: one
/// of them is a function of another store, and the run has ended.
bool finish_host_call(Machine& machine);

/// Translates a function and lets callers reach the result. False when memory is short.
bool translate_function(Func& func);

}  // namespace quoll::wasm
