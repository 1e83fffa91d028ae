// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Vectors as handlers see them: sixteen bytes in two slots, which are read and written lane by
// lane.
//
// A machine without vector registers has few free ones while a handler runs, so a result is written
// as soon as nothing that it may lie on top of is needed any more. The slots of a result are those
// of an operand, or apart from all of them: work on equal lanes goes on half by half, and other
// work takes its operands into registers first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "interpret/handlers.hpp"

namespace quoll::wasm {

inline constexpr std::size_t kVectorBytes = 16;

namespace detail {

template <Lanes L>
constexpr auto lane_type() {
  if constexpr (L == Lanes::kI8x16) {
    return std::uint8_t{};
  } else if constexpr (L == Lanes::kI16x8) {
    return std::uint16_t{};
  } else if constexpr (L == Lanes::kI32x4) {
    return std::uint32_t{};
  } else if constexpr (L == Lanes::kF32x4) {
    return float{};
  } else if constexpr (L == Lanes::kF64x2) {
    return double{};
  } else {
    return std::uint64_t{};
  }
}

template <std::size_t Bytes>
using IntegerOf = std::conditional_t<
    Bytes == 1, std::uint8_t,
    std::conditional_t<Bytes == 2, std::uint16_t,
                       std::conditional_t<Bytes == 4, std::uint32_t, std::uint64_t>>>;

}  // namespace detail

/// What a lane holds: integers without sign, which operations give them where they need one.
template <Lanes L>
using Lane = decltype(detail::lane_type<L>());
/// An integer as wide as T.
template <typename T>
using Mask = detail::IntegerOf<sizeof(T)>;
/// Integers of half the width of T.
template <typename T>
using Half = detail::IntegerOf<sizeof(T) / 2>;

template <typename T>
inline constexpr std::size_t kLaneCount = kVectorBytes / sizeof(T);

/// The slots that a field of the cell names.
[[gnu::always_inline]] inline const std::uint8_t* vector_at(const std::uint8_t* pc,
                                                            const std::uint8_t* fp,
                                                            std::uint32_t field) {
  return fp + peek<std::uint16_t>(pc + field);
}
[[gnu::always_inline]] inline std::uint8_t* vector_at(const std::uint8_t* pc, std::uint8_t* fp,
                                                      std::uint32_t field) {
  return fp + peek<std::uint16_t>(pc + field);
}

/// How much is read before something is written, where lanes of operands and result are equal.
#if defined(__SSE2__) || defined(__ARM_NEON)
inline constexpr std::size_t kStepBytes = 16;
#else
inline constexpr std::size_t kStepBytes = 8;
#endif

/// Lets each lane of the result, an R, be what `f` gives for the lanes, each a T, of the sources.
template <typename R, typename T, typename F, typename... Source>
[[gnu::always_inline]] inline void each_lane(std::uint8_t* result, F f, Source... sources) {
  static_assert(sizeof(R) == sizeof(T));
  constexpr std::size_t kCount = kStepBytes / sizeof(T);
#pragma clang loop unroll(full)
  for (std::size_t step = 0; step < kVectorBytes; step += kStepBytes) {
    R values[kCount];
#pragma clang loop unroll(full)
    for (std::size_t i = 0; i < kCount; ++i) {
      values[i] = f(peek<T>(sources + step + i * sizeof(T))...);
    }
#pragma clang loop unroll(full)
    for (std::size_t i = 0; i < kCount; ++i) poke(result + step + i * sizeof(R), values[i]);
  }
}

/// Lane `i` of a vector in registers.
template <typename T>
[[gnu::always_inline]] inline T lane_of(const VectorBits& v, std::size_t i) {
  constexpr std::size_t kPerWord = kWordBytes / sizeof(T);
  const std::uint64_t word = i < kPerWord ? v.low : v.high;
  return static_cast<T>(word >> (i % kPerWord * sizeof(T) * 8 % 64));
}

/// Lets lane `i` of the result, an R, be what `f` gives for `i`, which reads no memory.
template <typename R, typename F>
[[gnu::always_inline]] inline void write_lanes(std::uint8_t* result, F f) {
#pragma clang loop unroll(full)
  for (std::size_t i = 0; i < kLaneCount<R>; ++i) {
    poke(result + i * sizeof(R), static_cast<R>(f(i)));
  }
}

}  // namespace quoll::wasm
