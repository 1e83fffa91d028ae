// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What a kernel asks of the loader. The kernel defines one object of this type in the section
// `.loader_config`; the loader reads it from the ELF file before anything is mapped:
//
//     [[gnu::section(".loader_config"), gnu::used]]
//     const quoll::handoff::LoaderConfig loader_config{.kernel_stack_pages = 4};
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include <quoll/base/result.hpp>

namespace quoll::handoff {

inline constexpr std::uint64_t kLoaderConfigMagic = 0x464E4F434C4C5551;  // "QULLCONF"
inline constexpr std::uint32_t kLoaderConfigVersion = 1;
inline constexpr char kLoaderConfigSection[] = ".loader_config";
inline constexpr std::uint32_t kMaxKernelStackPages = 256;
inline constexpr std::uint32_t kMaxGuardPages = 256;

/// The section's content.
struct LoaderConfig {
  std::uint64_t magic = kLoaderConfigMagic;
  std::uint32_t version = kLoaderConfigVersion;
  std::uint32_t size = 40;
  /// Pages of each hart's stack; 1 to `kMaxKernelStackPages`.
  std::uint32_t kernel_stack_pages = 4;
  /// Unmapped pages on each side of every stack and TLS block; 1 to `kMaxGuardPages`.
  std::uint32_t guard_pages = 1;
  /// None is defined yet; a set bit is refused.
  std::uint64_t flags = 0;
  std::uint64_t reserved = 0;
};
static_assert(sizeof(LoaderConfig) == 40 && std::is_trivially_copyable_v<LoaderConfig>);

/// Why a kernel's configuration is refused.
enum class LoaderConfigError : std::uint8_t {
  kWrongSize,
  kWrongMagic,
  kWrongVersion,
  kBadStackSize,
  kBadGuardSize,
  kUnknownFlags,
};

/// The reason in words, for the console.
constexpr const char* to_string(LoaderConfigError error) noexcept {
  switch (error) {
    case LoaderConfigError::kWrongSize:
      return "has the wrong size";
    case LoaderConfigError::kWrongMagic:
      return "has the wrong magic number";
    case LoaderConfigError::kWrongVersion:
      return "has a version that this loader does not know";
    case LoaderConfigError::kBadStackSize:
      return "asks for a stack of 0 or more than 256 pages";
    case LoaderConfigError::kBadGuardSize:
      return "asks for 0 or more than 256 guard pages";
    case LoaderConfigError::kUnknownFlags:
      return "sets flags that this loader does not know";
  }
  return "is refused";
}

/// Reads and checks the section's bytes.
inline base::Result<LoaderConfig, LoaderConfigError> read_loader_config(
    std::span<const std::byte> section) noexcept {
  LoaderConfig config;
  if (section.size() != sizeof config) return base::err(LoaderConfigError::kWrongSize);
  std::memcpy(&config, section.data(), sizeof config);
  if (config.magic != kLoaderConfigMagic) return base::err(LoaderConfigError::kWrongMagic);
  if (config.version != kLoaderConfigVersion) return base::err(LoaderConfigError::kWrongVersion);
  if (config.size != sizeof config) return base::err(LoaderConfigError::kWrongSize);
  if (config.kernel_stack_pages == 0 || config.kernel_stack_pages > kMaxKernelStackPages) {
    return base::err(LoaderConfigError::kBadStackSize);
  }
  if (config.guard_pages == 0 || config.guard_pages > kMaxGuardPages) {
    return base::err(LoaderConfigError::kBadGuardSize);
  }
  if (config.flags != 0) return base::err(LoaderConfigError::kUnknownFlags);
  return config;
}

}  // namespace quoll::handoff
