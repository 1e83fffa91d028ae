// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Operations on vectors whose results have lanes of another width or kind.
#include <bit>
#include <limits>

#include "interpret/floats.hpp"
#include "interpret/vectors.hpp"

namespace quoll::wasm {
namespace {

enum class Sign : std::uint8_t { kSigned, kUnsigned };
enum class Part : std::uint8_t { kLow, kHigh };

/// A lane with the width of R, extended by its sign or with zeros.
template <typename R, Sign S, typename T>
[[gnu::always_inline]] inline R extended(T lane) {
  if constexpr (S == Sign::kSigned) {
    return static_cast<R>(static_cast<std::make_signed_t<T>>(lane));
  } else {
    return lane;
  }
}

/// A lane with the width of R, or the nearest number that has it. Its own is signed.
template <typename R, Sign S, typename T>
[[gnu::always_inline]] inline R narrowed(T lane) {
  constexpr std::int32_t kHalf = std::int32_t{1} << (sizeof(R) * 8 - 1);
  constexpr std::int32_t kLeast = S == Sign::kSigned ? -kHalf : 0;
  constexpr std::int32_t kMost = S == Sign::kSigned ? kHalf - 1 : 2 * kHalf - 1;
  std::int32_t value = static_cast<std::make_signed_t<T>>(lane);
  value = value < kLeast ? kLeast : value;
  return static_cast<R>(value > kMost ? kMost : value);
}

/// Products of two pairs of neighbours, added.
template <typename R, typename T>
[[gnu::always_inline]] inline R pair_dot(const VectorBits& a, const VectorBits& b, std::size_t i) {
  const auto product = [&](std::size_t k) {
    return extended<std::uint32_t, Sign::kSigned>(lane_of<T>(a, k)) *
           extended<std::uint32_t, Sign::kSigned>(lane_of<T>(b, k));
  };
  return static_cast<R>(product(2 * i) + product(2 * i + 1));
}
/// The same of bytes, which can be too large in one case only.
[[gnu::always_inline]] inline std::int32_t byte_dot(const VectorBits& a, const VectorBits& b,
                                                    std::size_t i) {
  constexpr std::int32_t kMost = std::numeric_limits<std::int16_t>::max();
  const auto sum = static_cast<std::int32_t>(pair_dot<std::uint32_t, std::uint8_t>(a, b, i));
  return sum > kMost ? kMost : sum;
}

template <typename R, Sign S, Part P>
[[gnu::always_inline]] inline void extend(std::uint8_t* d, const std::uint8_t* a) {
  const VectorBits v = {peek<std::uint64_t>(a + (P == Part::kLow ? 0 : kVectorBytes / 2)), 0};
  write_lanes<R>(d, [&](std::size_t i) { return extended<R, S>(lane_of<Half<R>>(v, i)); });
}

template <typename R, Sign S, Part P>
[[gnu::always_inline]] inline void extended_product(std::uint8_t* d, const std::uint8_t* a,
                                                    const std::uint8_t* b) {
  constexpr std::size_t kFrom = P == Part::kLow ? 0 : kVectorBytes / 2;
  using Wide = std::conditional_t<sizeof(R) == 8, std::uint64_t, std::uint32_t>;
  const VectorBits x = {peek<std::uint64_t>(a + kFrom), 0};
  const VectorBits y = {peek<std::uint64_t>(b + kFrom), 0};
  write_lanes<R>(d, [&](std::size_t i) {
    return extended<Wide, S>(lane_of<Half<R>>(x, i)) * extended<Wide, S>(lane_of<Half<R>>(y, i));
  });
}

template <typename R, Sign S>
[[gnu::always_inline]] inline void pairwise_sum(std::uint8_t* d, const std::uint8_t* a) {
  const auto v = peek<VectorBits>(a);
  write_lanes<R>(d, [&](std::size_t i) {
    return extended<R, S>(lane_of<Half<R>>(v, 2 * i)) +
           extended<R, S>(lane_of<Half<R>>(v, 2 * i + 1));
  });
}

template <typename R, Sign S>
[[gnu::always_inline]] inline void narrow(std::uint8_t* d, const std::uint8_t* a,
                                          const std::uint8_t* b) {
  using T = detail::IntegerOf<sizeof(R) * 2>;
  const auto x = peek<VectorBits>(a);
  const auto y = peek<VectorBits>(b);
  write_lanes<R>(d, [&](std::size_t i) {
    const VectorBits& from = i < kLaneCount<T> ? x : y;
    return narrowed<R, S>(lane_of<T>(from, i % kLaneCount<T>));
  });
}

/// Both lanes of doubles as integers, in the low half; the high one is zero.
template <typename I>
[[gnu::always_inline]] inline void saturate_doubles(std::uint8_t* d, const std::uint8_t* a) {
  const double low = peek<double>(a);
  const double high = peek<double>(a + sizeof(double));
  poke(d, floats::saturate<I>(low));
  poke(d + sizeof(I), floats::saturate<I>(high));
  poke(d + kVectorBytes / 2, std::uint64_t{0});
}

template <typename F, typename I>
[[gnu::always_inline]] inline void convert_integers(std::uint8_t* d, const std::uint8_t* a) {
  if constexpr (sizeof(F) == sizeof(I)) {
    each_lane<F, I>(d, [](I lane) { return static_cast<F>(lane); }, a);
  } else {
    const I low = peek<I>(a);
    const I high = peek<I>(a + sizeof(I));
    poke(d, static_cast<F>(low));
    poke(d + sizeof(F), static_cast<F>(high));
  }
}

/// Two lanes of one kind to two of the other.
template <typename To, typename From>
[[gnu::always_inline]] inline void resize_floats(std::uint8_t* d, const std::uint8_t* a) {
  const From low = peek<From>(a);
  const From high = peek<From>(a + sizeof(From));
  poke(d, static_cast<To>(low));
  poke(d + sizeof(To), static_cast<To>(high));
  if constexpr (sizeof(To) < sizeof(From)) poke(d + kVectorBytes / 2, std::uint64_t{0});
}

template <Operation Op, typename R>
[[gnu::always_inline]] inline void converted(std::uint8_t* d, const std::uint8_t* a) {
  if constexpr (Op == Operation::kExtendLowS) {
    extend<R, Sign::kSigned, Part::kLow>(d, a);
  } else if constexpr (Op == Operation::kExtendLowU) {
    extend<R, Sign::kUnsigned, Part::kLow>(d, a);
  } else if constexpr (Op == Operation::kExtendHighS) {
    extend<R, Sign::kSigned, Part::kHigh>(d, a);
  } else if constexpr (Op == Operation::kExtendHighU) {
    extend<R, Sign::kUnsigned, Part::kHigh>(d, a);
  } else if constexpr (Op == Operation::kExtaddS) {
    pairwise_sum<R, Sign::kSigned>(d, a);
  } else if constexpr (Op == Operation::kExtaddU) {
    pairwise_sum<R, Sign::kUnsigned>(d, a);
  } else if constexpr (Op == Operation::kSatI32S) {
    each_lane<std::int32_t, float>(
        d, [](float lane) { return floats::saturate<std::int32_t>(lane); }, a);
  } else if constexpr (Op == Operation::kSatI32U) {
    each_lane<std::uint32_t, float>(
        d, [](float lane) { return floats::saturate<std::uint32_t>(lane); }, a);
  } else if constexpr (Op == Operation::kSatZeroS) {
    saturate_doubles<std::int32_t>(d, a);
  } else if constexpr (Op == Operation::kSatZeroU) {
    saturate_doubles<std::uint32_t>(d, a);
  } else if constexpr (Op == Operation::kConvertI32S) {
    convert_integers<R, std::int32_t>(d, a);
  } else if constexpr (Op == Operation::kConvertI32U) {
    convert_integers<R, std::uint32_t>(d, a);
  } else if constexpr (Op == Operation::kDemote) {
    resize_floats<float, double>(d, a);
  } else {
    static_assert(Op == Operation::kPromote);
    resize_floats<double, float>(d, a);
  }
}

template <Operation Op, typename R>
[[gnu::always_inline]] inline void converted(std::uint8_t* d, const std::uint8_t* a,
                                             const std::uint8_t* b) {
  if constexpr (Op == Operation::kNarrowS) {
    narrow<R, Sign::kSigned>(d, a, b);
  } else if constexpr (Op == Operation::kNarrowU) {
    narrow<R, Sign::kUnsigned>(d, a, b);
  } else if constexpr (Op == Operation::kExtmulLowS) {
    extended_product<R, Sign::kSigned, Part::kLow>(d, a, b);
  } else if constexpr (Op == Operation::kExtmulLowU) {
    extended_product<R, Sign::kUnsigned, Part::kLow>(d, a, b);
  } else if constexpr (Op == Operation::kExtmulHighS) {
    extended_product<R, Sign::kSigned, Part::kHigh>(d, a, b);
  } else if constexpr (Op == Operation::kExtmulHighU) {
    extended_product<R, Sign::kUnsigned, Part::kHigh>(d, a, b);
  } else {
    static_assert(Op == Operation::kDot);
    const auto x = peek<VectorBits>(a);
    const auto y = peek<VectorBits>(b);
    write_lanes<R>(d, [&](std::size_t i) {
      if constexpr (sizeof(R) == 2) {
        return byte_dot(x, y, i);
      } else {
        return pair_dot<R, Half<R>>(x, y, i);
      }
    });
  }
}

template <Operation Op, typename R>
[[gnu::always_inline]] inline void converted(std::uint8_t* d, const std::uint8_t* a,
                                             const std::uint8_t* b, const std::uint8_t* c) {
  static_assert(Op == Operation::kDotAdd);
  const auto x = peek<VectorBits>(a);
  const auto y = peek<VectorBits>(b);
  const auto z = peek<VectorBits>(c);
  write_lanes<R>(d, [&](std::size_t i) {
    const std::int32_t sum = byte_dot(x, y, 2 * i) + byte_dot(x, y, 2 * i + 1);
    return lane_of<R>(z, i) + static_cast<R>(sum);
  });
}

template <Operation Op, typename R, unsigned Operands>
void vector_convert(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const std::uint8_t* a = vector_at(pc, fp, kFieldA);
  if constexpr (Operands == 1) {
    converted<Op, R>(vector_at(pc, fp, kFieldB), a);
  } else if constexpr (Operands == 2) {
    converted<Op, R>(vector_at(pc, fp, kFieldC), a, vector_at(pc, fp, kFieldB));
  } else {
    converted<Op, R>(vector_at(pc, fp, kFieldD), a, vector_at(pc, fp, kFieldB),
                     vector_at(pc, fp, kFieldC));
  }
  QUOLL_WASM_NEXT(2);
}

template <Opcode O>
constexpr Handler handler_of() {
  constexpr const OpcodeInfo& kRow = info(O);
  if constexpr (kRow.family == Family::kVectorConvert) {
    return &vector_convert<kRow.operation, Lane<kRow.lanes>, kRow.operand_count>;
  } else {
    return nullptr;
  }
}

}  // namespace

Handler handlers::vector_convert(Opcode op) {
  switch (op) {
#define V(id, number, text, immediates, signature, family, operation, lanes) \
  case Opcode::k##id:                                                        \
    return handler_of<Opcode::k##id>();
#include <quoll/wasm/vector_opcodes.inc>
#undef V
    default:
      return nullptr;
  }
}

}  // namespace quoll::wasm
