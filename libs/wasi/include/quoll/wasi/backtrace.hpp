// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Backtraces: which functions of a program had been called when it trapped.
#pragma once

#include <cstdint>

#include <quoll/abi/types.hpp>
#include <quoll/wasi/message.hpp>
#include <quoll/wasm/activation.hpp>

namespace quoll::wasi {

/// How many activations are printed: the innermost, and behind a count of those left out the
/// outermost.
struct BacktraceLength {
  std::uint64_t innermost = 0;
  std::uint64_t outermost = 0;
};
BacktraceLength backtrace_length(abi::Backtrace style);

/// The lines of a backtrace, one after another:
///
///       0: in wasi_snapshot_preview1.fd_write (host)
///       1: 0x1a3 in print (function 7)
///          ... 9984 more ...
///
/// Functions are called by their name in the custom section `name`, else by that of an export, and
/// imports by module and name. Nothing is allocated.
class BacktraceLines {
 public:
  BacktraceLines(const wasm::Activations& activations, BacktraceLength length);

  /// Writes the next line; false when there is none.
  bool next(Message& out);

 private:
  wasm::Activations activations_;
  BacktraceLength length_;
  std::uint64_t count_;
  unsigned width_;
  std::uint64_t number_ = 0;  ///< of the next activation
};

}  // namespace quoll::wasi
