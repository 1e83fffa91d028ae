// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What a system call says in a0.
#pragma once

#include <cstdint>
#include <string_view>

namespace quoll::abi {

/// The result of a system call. `kOk` is zero; the value, if any, is in a1.
enum class Error : std::uint64_t {
  kOk = 0,
  kBadCall = 1,       ///< no system call has this number
  kBadHandle = 2,     ///< the handle is not open, or is of the wrong kind for this call
  kBadAddress = 3,    ///< part of a buffer is not mapped for the guest, or not for this access
  kBadArgument = 4,   ///< a number is out of range, unaligned, or contradicts another
  kDenied = 5,        ///< the handle lacks the right
  kNoMemory = 6,      ///< the guest's limit or the machine's memory is exhausted
  kNoHandles = 7,     ///< the guest's handle table is full
  kNotFound = 8,      ///< no entry of that name
  kNotDirectory = 9,  ///< the entry is no directory
  kBadName = 10,      ///< empty, too long, ".", "..", or holds '/' or NUL
  kClosed = 11,       ///< the other end of the stream is closed
  kTimedOut = 12,     ///< the deadline passed first
  kIo = 13,           ///< the device failed
  kUnsupported = 14,  ///< the object cannot do this at all
};

/// A short name, for logs.
constexpr std::string_view to_string(Error error) {
  switch (error) {
    case Error::kOk:
      return "ok";
    case Error::kBadCall:
      return "bad call";
    case Error::kBadHandle:
      return "bad handle";
    case Error::kBadAddress:
      return "bad address";
    case Error::kBadArgument:
      return "bad argument";
    case Error::kDenied:
      return "denied";
    case Error::kNoMemory:
      return "no memory";
    case Error::kNoHandles:
      return "no handles";
    case Error::kNotFound:
      return "not found";
    case Error::kNotDirectory:
      return "not a directory";
    case Error::kBadName:
      return "bad name";
    case Error::kClosed:
      return "closed";
    case Error::kTimedOut:
      return "timed out";
    case Error::kIo:
      return "i/o error";
    case Error::kUnsupported:
      return "unsupported";
  }
  return "unknown error";
}

}  // namespace quoll::abi
