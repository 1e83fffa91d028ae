// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// One inline function for each system call; docs/abi.md says what they do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <quoll/abi/error.hpp>
#include <quoll/abi/syscall.hpp>
#include <quoll/abi/types.hpp>
#include <quoll/base/result.hpp>

namespace quoll::runtime {

template <typename T>
using CallResult = base::Result<T, abi::Error>;

namespace detail {

struct Answer {
  std::uint64_t error;
  std::uint64_t value;
};

// SAFETY: the one place where the boundary is crossed. The kernel changes a0 and a1 only, and
// memory that it was given.
inline Answer call(abi::Syscall number, std::uint64_t first = 0, std::uint64_t second = 0,
                   std::uint64_t third = 0, std::uint64_t fourth = 0) {
  register std::uint64_t a0 asm("a0") = first;
  register std::uint64_t a1 asm("a1") = second;
  register std::uint64_t a2 asm("a2") = third;
  register std::uint64_t a3 asm("a3") = fourth;
  register std::uint64_t a7 asm("a7") = static_cast<std::uint64_t>(number);
  asm volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a3), "r"(a7) : "memory");
  return {a0, a1};
}

// SAFETY: addresses cross the boundary as numbers.
inline std::uint64_t address(const volatile void* pointer) {
  return reinterpret_cast<std::uint64_t>(pointer);
}

inline CallResult<std::uint64_t> value_of(Answer answer) {
  if (answer.error != 0) return base::err(static_cast<abi::Error>(answer.error));
  return answer.value;
}

inline CallResult<void> nothing_of(Answer answer) {
  if (answer.error != 0) return base::err(static_cast<abi::Error>(answer.error));
  return {};
}

}  // namespace detail

[[noreturn]] inline void exit(abi::EndKind kind, std::uint64_t status) {
  detail::call(abi::Syscall::kExit, static_cast<std::uint64_t>(kind), status);
  __builtin_unreachable();
}

inline void yield() {
  detail::call(abi::Syscall::kYield);
}

inline CallResult<std::uint64_t> wait_many(std::span<abi::WaitItem> items, std::uint64_t deadline) {
  return detail::value_of(
      detail::call(abi::Syscall::kWaitMany, detail::address(items.data()), items.size(), deadline));
}

inline CallResult<std::uint64_t> stream_read(abi::Handle stream, std::span<std::byte> to) {
  return detail::value_of(
      detail::call(abi::Syscall::kStreamRead, stream, detail::address(to.data()), to.size()));
}

inline CallResult<std::uint64_t> stream_write(abi::Handle stream, std::span<const std::byte> from) {
  return detail::value_of(
      detail::call(abi::Syscall::kStreamWrite, stream, detail::address(from.data()), from.size()));
}

inline CallResult<std::uint64_t> file_read(abi::Handle file, std::span<std::byte> to,
                                           std::uint64_t offset) {
  return detail::value_of(
      detail::call(abi::Syscall::kFileRead, file, detail::address(to.data()), to.size(), offset));
}

inline CallResult<abi::Stat> handle_stat(abi::Handle handle) {
  abi::Stat stat{};
  TRY(detail::nothing_of(detail::call(abi::Syscall::kHandleStat, handle, detail::address(&stat))));
  return stat;
}

inline CallResult<void> handle_close(abi::Handle handle) {
  return detail::nothing_of(detail::call(abi::Syscall::kHandleClose, handle));
}

inline CallResult<std::uint64_t> directory_open(abi::Handle directory, std::string_view name) {
  return detail::value_of(detail::call(abi::Syscall::kDirectoryOpen, directory,
                                       detail::address(name.data()), name.size()));
}

inline CallResult<std::uint64_t> directory_read(abi::Handle directory, std::uint64_t cookie,
                                                std::span<std::byte> to) {
  return detail::value_of(detail::call(abi::Syscall::kDirectoryRead, directory, cookie,
                                       detail::address(to.data()), to.size()));
}

inline CallResult<std::uint64_t> memory_reserve(std::uint64_t bytes) {
  return detail::value_of(detail::call(abi::Syscall::kMemoryReserve, bytes));
}

inline CallResult<void> memory_commit(std::uint64_t address, std::uint64_t bytes) {
  return detail::nothing_of(detail::call(abi::Syscall::kMemoryCommit, address, bytes));
}

inline CallResult<void> memory_decommit(std::uint64_t address, std::uint64_t bytes) {
  return detail::nothing_of(detail::call(abi::Syscall::kMemoryDecommit, address, bytes));
}

inline CallResult<void> memory_guard(std::uint64_t address, std::uint64_t bytes) {
  return detail::nothing_of(detail::call(abi::Syscall::kMemoryGuard, address, bytes));
}

inline CallResult<void> memory_release(std::uint64_t address) {
  return detail::nothing_of(detail::call(abi::Syscall::kMemoryRelease, address));
}

inline CallResult<void> random(std::span<std::byte> to) {
  return detail::nothing_of(
      detail::call(abi::Syscall::kRandom, detail::address(to.data()), to.size()));
}

inline CallResult<void> fault_upcall(std::uint64_t handler, std::uint64_t stack_top) {
  return detail::nothing_of(detail::call(abi::Syscall::kFaultUpcall, handler, stack_top));
}

inline CallResult<void> fault_return(const abi::FaultFrame& frame) {
  return detail::nothing_of(detail::call(abi::Syscall::kFaultReturn, detail::address(&frame)));
}

}  // namespace quoll::runtime
