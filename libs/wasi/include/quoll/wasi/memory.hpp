// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The program's memory, for the length of one call.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include <quoll/base/bits.hpp>
#include <quoll/base/checked.hpp>
#include <quoll/base/result.hpp>
#include <quoll/wasi/errno.hpp>

namespace quoll::wasi {

template <typename T>
using WasiResult = base::Result<T, Errno>;

/// A view of linear memory as it is now: it may move between calls, never within one.
class GuestMemory {
 public:
  GuestMemory() = default;
  explicit GuestMemory(std::span<std::byte> bytes) : bytes_(bytes) {}

  /// The bytes at `address`. *Errors*: kFault when they do not all lie in the memory.
  WasiResult<std::span<std::byte>> range(std::uint32_t address, std::uint64_t length) const {
    if (!base::fits_within<std::uint64_t>(address, length, bytes_.size())) {
      return base::err(Errno::kFault);
    }
    return bytes_.subspan(address, static_cast<std::size_t>(length));
  }

  /// An array of `count` elements of `size` bytes each at `address`.
  WasiResult<std::span<std::byte>> array(std::uint32_t address, std::uint32_t count,
                                         std::uint32_t size) const {
    return range(address, std::uint64_t{count} * size);
  }

  template <std::integral T>
  WasiResult<T> load(std::uint32_t address) const {
    const auto bytes = TRY(range(address, sizeof(T)));
    return base::load_le<T>(bytes.data());
  }

  template <std::integral T>
  WasiResult<void> store(std::uint32_t address, T value) const {
    const auto bytes = TRY(range(address, sizeof(T)));
    base::store_le<T>(bytes.data(), value);
    return {};
  }

  WasiResult<void> store(std::uint32_t address, std::span<const std::byte> value) const {
    const auto bytes = TRY(range(address, value.size()));
    if (!value.empty()) std::memcpy(bytes.data(), value.data(), value.size());
    return {};
  }

 private:
  std::span<std::byte> bytes_;
};

}  // namespace quoll::wasi
