// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The error numbers of WASI preview 1 that this room answers, and where they come from.
#pragma once

#include <cstdint>

#include <quoll/abi/error.hpp>

namespace quoll::wasi {

/// What a function returns to the program.
enum class Errno : std::uint16_t {
  kSuccess = 0,
  kAcces = 2,
  kBadf = 8,
  kExist = 20,
  kFault = 21,
  kInval = 28,
  kIo = 29,
  kIsdir = 31,
  kMfile = 33,
  kNametoolong = 37,
  kNoent = 44,
  kNomem = 48,
  kNosys = 52,
  kNotdir = 54,
  kNotsup = 58,
  kOverflow = 61,
  kPipe = 64,
  kRofs = 69,
  kSpipe = 70,
  kTimedout = 73,
  kNotcapable = 76,
};

/// What a refusal of the system underneath is called in WASI.
constexpr Errno to_errno(abi::Error error) {
  switch (error) {
    case abi::Error::kOk:
      return Errno::kSuccess;
    case abi::Error::kBadCall:
      return Errno::kNosys;
    case abi::Error::kBadHandle:
      return Errno::kBadf;
    case abi::Error::kBadAddress:
      return Errno::kFault;
    case abi::Error::kBadArgument:
      return Errno::kInval;
    case abi::Error::kDenied:
      return Errno::kAcces;
    case abi::Error::kNoMemory:
      return Errno::kNomem;
    case abi::Error::kNoHandles:
      return Errno::kMfile;
    case abi::Error::kNotFound:
      return Errno::kNoent;
    case abi::Error::kNotDirectory:
      return Errno::kNotdir;
    case abi::Error::kBadName:
      return Errno::kInval;
    case abi::Error::kClosed:
      return Errno::kPipe;
    case abi::Error::kTimedOut:
      return Errno::kTimedout;
    case abi::Error::kIo:
      return Errno::kIo;
    case abi::Error::kUnsupported:
      return Errno::kNotsup;
  }
  return Errno::kIo;
}

}  // namespace quoll::wasi
