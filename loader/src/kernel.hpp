// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The embedded kernel: found intact, and put where it runs.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include <quoll/base/result.hpp>
#include <quoll/elf/image.hpp>
#include <quoll/handoff/extent.hpp>
#include <quoll/handoff/image_seal.hpp>
#include <quoll/handoff/loader_config.hpp>

#include "frame_alloc.hpp"
#include "mapping.hpp"

namespace quoll::loader {

enum class SealError : std::uint8_t { kNotSealed, kWrongSize, kWrongHash };

/// The reason in words; completes "the kernel image …".
constexpr const char* to_string(SealError error) noexcept {
  switch (error) {
    case SealError::kNotSealed:
      return "has no seal";
    case SealError::kWrongSize:
      return "does not have the size that its seal names";
    case SealError::kWrongHash:
      return "is corrupt: its XXH3 is not the one that its seal names";
  }
  return "is refused";
}

/// Checks the file against its seal.
base::Result<void, SealError> check_seal(std::span<const std::byte> file,
                                         const handoff::ImageSeal& seal) noexcept;

enum class ConfigError : std::uint8_t { kNoSection };

/// A kernel that has its memory.
struct LoadedKernel {
  handoff::VirtualExtent pages;
  std::uint64_t load_bias = 0;
  std::uint64_t entry = 0;
  /// The TLS template, relocated; `tls_size` bytes of TLS block begin with it.
  std::span<const std::byte> tls_content;
  std::uint64_t tls_size = 0;
};

enum class LoadError : std::uint8_t {
  kOutOfMemory,
  kDoesNotFit,
  kZeroFilledConstants,
};

constexpr const char* to_string(LoadError error) noexcept {
  switch (error) {
    case LoadError::kOutOfMemory:
      return "needs more memory than there is";
    case LoadError::kDoesNotFit:
      return "does not fit into its part of the address space";
    case LoadError::kZeroFilledConstants:
      return "has zero-filled memory that is not writable";
  }
  return "is refused";
}

/// Maps the kernel's segments into `area`: code and constants in place, writable segments in
/// frames of their own, relocated; then what RELRO names read-only.
///
/// *Requires*: the file begins on a page.
base::Result<LoadedKernel, LoadError> load_kernel(const elf::Image& image,
                                                  handoff::VirtualExtent area,
                                                  FrameAllocator& frames,
                                                  PageTableBuilder& tables) noexcept;

}  // namespace quoll::loader
