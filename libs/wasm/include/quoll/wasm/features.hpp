// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Features: what of WebAssembly 3.0 modules may use. All of 2.0 is always on.
#pragma once

#include <cstdint>
#include <iterator>

namespace quoll::wasm {

// Every proposal that can be switched: enumerator, name.
#define QUOLL_WASM_FEATURES(X)                          \
  X(ExtendedConstants, "extended constant expressions") \
  X(Memory64, "64-bit memories and tables")             \
  X(MultiMemory, "multiple memories")                   \
  X(RelaxedVectors, "relaxed vector instructions")      \
  X(TailCalls, "tail calls")

enum class Feature : std::uint8_t {
#define QUOLL_WASM_FEATURE_ENUMERATOR(id, words) k##id,
  QUOLL_WASM_FEATURES(QUOLL_WASM_FEATURE_ENUMERATOR)
#undef QUOLL_WASM_FEATURE_ENUMERATOR
};

/// All of them.
inline constexpr Feature kFeatures[] = {
#define QUOLL_WASM_FEATURE_VALUE(id, words) Feature::k##id,
    QUOLL_WASM_FEATURES(QUOLL_WASM_FEATURE_VALUE)
#undef QUOLL_WASM_FEATURE_VALUE
};

/// The proposal's name.
const char* name(Feature feature) noexcept;

/// A set of features; all of them unless it is said otherwise.
class Features {
 public:
  constexpr Features() = default;
  static constexpr Features all() { return {}; }
  /// WebAssembly 2.0.
  static constexpr Features none() { return Features(0); }

  constexpr bool has(Feature feature) const { return (bits_ & bit(feature)) != 0; }
  constexpr Features with(Feature feature) const { return Features(bits_ | bit(feature)); }
  constexpr Features without(Feature feature) const { return Features(bits_ & ~bit(feature)); }
  friend constexpr bool operator==(Features, Features) = default;

 private:
  static constexpr std::uint32_t bit(Feature feature) {
    return 1u << static_cast<unsigned>(feature);
  }
  static constexpr std::uint32_t kAll = (1u << std::size(kFeatures)) - 1;
  explicit constexpr Features(std::uint32_t bits) : bits_(bits) {}

  std::uint32_t bits_ = kAll;
};

}  // namespace quoll::wasm
