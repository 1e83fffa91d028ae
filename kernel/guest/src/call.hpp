// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What one system call gets and gives, and how handlers reach user memory.
#pragma once

#include <cstdint>
#include <type_traits>

#include <quoll/abi/error.hpp>
#include <quoll/abi/limits.hpp>
#include <quoll/base/result.hpp>
#include <quoll/kernel/guest/guest.hpp>

namespace quoll::guest {

/// a0 to a5 as the guest left them: hostile.
struct CallArguments {
  std::uint64_t a[6];
};

/// The same where they were saved, for calls that return before the registers change. Hostile as
/// well, but nobody changes them meanwhile.
struct CallRegisters {
  const std::uint64_t (&a)[6];
};

/// What goes into a0 and a1; two registers, so that handlers return it without memory.
struct CallResult {
  abi::Error error = abi::Error::kOk;
  std::uint64_t value = 0;
};

inline CallRegisters call_registers(const arch::UserContext& context) noexcept {
  const std::uint64_t* const first = &context.x[arch::kRegA0];
  // SAFETY: a0 to a5 are six neighbours in `x`.
  return {*reinterpret_cast<const std::uint64_t(*)[6]>(first)};
}

/// The arguments of the call that the guest is in.
CallArguments call_arguments(const arch::UserContext& context) noexcept;
/// What the guest finds when it goes on.
void set_result(Guest& guest, CallResult result) noexcept;

/// A call that returns at once. It may panic, and wakes tasks if it has to, but neither waits nor
/// arms a timer; of the guest's registers it sees its arguments only.
using CallHandler = CallResult (*)(Guest&, CallRegisters);

constexpr CallResult ok(std::uint64_t value = 0) noexcept {
  return {abi::Error::kOk, value};
}
constexpr CallResult fail(abi::Error error) noexcept {
  return {error, 0};
}

/// No error that a guest sees: a page of its memory comes later, nothing was done, and the call is
/// made once more when the page has come. `Guest::awaited_page` says which.
inline constexpr auto kMustWait = static_cast<abi::Error>(~std::uint64_t{0});
/// The same question for the quick way: no error that a guest sees has the highest bit.
constexpr bool must_wait(abi::Error error) noexcept {
  return static_cast<std::int64_t>(error) < 0;
}

/// The same from a `Result`.
inline CallResult to_call_result(const base::Result<std::uint64_t, abi::Error>& result) noexcept {
  return result ? ok(*result) : fail(result.error());
}
inline CallResult to_call_result(const base::Result<void, abi::Error>& result) noexcept {
  return result ? ok() : fail(result.error());
}

/// What a guest's length is cut to.
constexpr std::uint64_t bounded_length(std::uint64_t length) noexcept {
  return length < abi::kMaxTransfer ? length : abi::kMaxTransfer;
}

/// Copies between the kernel and a guest whose address space is active on this hart.
/// *Errors*: `kBadAddress`, `kNoMemory`, `kMustWait`. Whoever cannot begin again after the last one
/// awaits the page (page_wait.hpp) and copies once more.
base::Result<void, abi::Error> copy_in(Guest& guest, void* to, std::uint64_t from,
                                       std::size_t size);
base::Result<void, abi::Error> copy_out(Guest& guest, std::uint64_t to, const void* from,
                                        std::size_t size);

/// A structure that a guest passed, copied once.
template <typename T>
base::Result<T, abi::Error> read_structure(Guest& guest, std::uint64_t address) {
  static_assert(std::is_trivially_copyable_v<T>);
  T value;
  TRY(copy_in(guest, &value, address, sizeof value));
  return value;
}

/// A structure for a guest. It has no padding, so no kernel bytes leak with it.
template <typename T>
base::Result<void, abi::Error> write_structure(Guest& guest, std::uint64_t address,
                                               const T& value) {
  static_assert(std::has_unique_object_representations_v<T>);
  return copy_out(guest, address, &value, sizeof value);
}

// The handlers, by the files that hold them.

// calls_object.cpp
CallResult call_file_read(Guest& guest, CallRegisters arguments);
CallResult call_handle_stat(Guest& guest, CallRegisters arguments);
CallResult call_handle_close(Guest& guest, CallRegisters arguments);
CallResult call_directory_open(Guest& guest, CallRegisters arguments);
CallResult call_directory_read(Guest& guest, CallRegisters arguments);

// calls_memory.cpp
CallResult call_memory_reserve(Guest& guest, CallRegisters arguments);
CallResult call_memory_commit(Guest& guest, CallRegisters arguments);
CallResult call_memory_decommit(Guest& guest, CallRegisters arguments);
CallResult call_memory_guard(Guest& guest, CallRegisters arguments);
CallResult call_memory_release(Guest& guest, CallRegisters arguments);

// calls_plain.cpp
CallResult call_clock_get(Guest& guest, CallRegisters arguments);
CallResult call_random(Guest& guest, CallRegisters arguments);
CallResult call_log(Guest& guest, CallRegisters arguments);

// fault.cpp
CallResult call_fault_upcall(Guest& guest, CallRegisters arguments);

}  // namespace quoll::guest
