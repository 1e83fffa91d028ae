// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What a program is given when it starts (arguments, environment), randomness, and its end.
#include <cstring>

#include "calls.hpp"

namespace quoll::wasi::calls {
namespace {

// Counts the NUL behind each string.
WasiResult<std::uint32_t> total_size(std::span<const std::string_view> strings) {
  std::uint64_t total = 0;
  for (const std::string_view string : strings) total += string.size() + 1;
  if (total > UINT32_MAX || strings.size() > UINT32_MAX) return base::err(Errno::kOverflow);
  return static_cast<std::uint32_t>(total);
}

Done put_sizes(Call& call, std::span<const std::string_view> strings) {
  const std::uint32_t total = TRY(total_size(strings));
  TRY(call.memory.range(call.u32(0), sizeof(std::uint32_t)));
  TRY(call.memory.store<std::uint32_t>(call.u32(1), total));
  return call.memory.store<std::uint32_t>(call.u32(0), static_cast<std::uint32_t>(strings.size()));
}

// An array of addresses, and the strings that they name, NUL-terminated.
Done put_strings(Call& call, std::span<const std::string_view> strings) {
  const std::uint32_t total = TRY(total_size(strings));
  const auto count = static_cast<std::uint32_t>(strings.size());
  const auto addresses = TRY(call.memory.array(call.u32(0), count, sizeof(std::uint32_t)));
  const auto bytes = TRY(call.memory.range(call.u32(1), total));
  std::size_t at = 0;
  for (std::size_t i = 0; i < strings.size(); ++i) {
    base::store_le<std::uint32_t>(&addresses[i * sizeof(std::uint32_t)],
                                  call.u32(1) + static_cast<std::uint32_t>(at));
    if (!strings[i].empty()) std::memcpy(&bytes[at], strings[i].data(), strings[i].size());
    at += strings[i].size();
    bytes[at++] = std::byte{0};
  }
  return {};
}

}  // namespace

Done args_get(Call& call) {
  return put_strings(call, call.process.arguments());
}
Done args_sizes_get(Call& call) {
  return put_sizes(call, call.process.arguments());
}
Done environ_get(Call& call) {
  return put_strings(call, call.process.environment());
}
Done environ_sizes_get(Call& call) {
  return put_sizes(call, call.process.environment());
}

Done random_get(Call& call) {
  const auto buffer = TRY(call.memory.range(call.u32(0), call.u32(1)));
  if (buffer.empty()) return {};
  return call.process.host().random(buffer).transform_error(to_errno);
}

Done proc_exit(Call& call) {
  call.exit_status = call.u32(0);
  return {};
}

Done sched_yield(Call& call) {
  call.process.host().yield();
  return {};
}

}  // namespace quoll::wasi::calls
