// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The functions of the interface: their names, types and bodies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <quoll/wasi/errno.hpp>
#include <quoll/wasi/memory.hpp>
#include <quoll/wasi/process.hpp>
#include <quoll/wasi/types.hpp>

namespace quoll::wasi {

/// One call that a program makes. `arguments` are slots as the engine has them: an i32 counts by
/// its lower half.
struct Call {
  Process& process;
  GuestMemory memory;
  std::span<const std::uint64_t> arguments;
  Dialect dialect;
  std::optional<std::uint32_t> exit_status{};  ///< set by proc_exit: the program ends now

  std::uint32_t u32(std::size_t index) const {
    return static_cast<std::uint32_t>(arguments[index]);
  }
  std::uint64_t u64(std::size_t index) const { return arguments[index]; }
};

/// A function that programs may import.
struct Function {
  using Body = WasiResult<void> (*)(Call& call);

  std::string_view name;
  std::string_view parameters;  ///< one letter each: 'i' for i32, 'I' for i64
  bool returns_errno;           ///< false for proc_exit alone, which returns nothing
  Body body;
};

/// The longest list of parameters of any function.
inline constexpr std::size_t kMaxParameters = 9;

/// All functions of preview 1, sorted by name.
std::span<const Function> functions();

/// The function of that name, or nullptr.
const Function* find_function(std::string_view name);

/// The dialect that a module name stands for, if it is one of ours.
std::optional<Dialect> dialect_of(std::string_view module_name);

/// Makes the call. When `call.exit_status` is set afterwards, the program must not go on.
/// *Requires*: as many arguments as the function has parameters.
Errno invoke(const Function& function, Call& call);

}  // namespace quoll::wasi
