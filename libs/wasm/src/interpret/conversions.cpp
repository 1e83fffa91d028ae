// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Conversions between integers and floating point.
#include <bit>

#include "interpret/floats.hpp"
#include "interpret/handlers.hpp"

namespace quoll::wasm {
namespace {

template <typename I, typename F, Operand A, Operand D>
void truncate(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const F x = QUOLL_WASM_GET_FLOAT(F, A, kFieldA);
  if (!floats::Range<F, I>::contains(x)) [[unlikely]] {
    if (x != x) QUOLL_WASM_TRAP(kInvalidConversionToInteger);
    QUOLL_WASM_TRAP(kIntegerOverflow);
  }
  QUOLL_WASM_PUT(D, kFieldB, widen(static_cast<I>(x)));
  QUOLL_WASM_NEXT(2);
}

template <typename I, typename F, Operand A, Operand D>
void saturate(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  QUOLL_WASM_PUT(D, kFieldB, widen(floats::saturate<I, F>(QUOLL_WASM_GET_FLOAT(F, A, kFieldA))));
  QUOLL_WASM_NEXT(2);
}

template <typename F, Operand A, Operand D>
void float_bits(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  QUOLL_WASM_PUT(D, kFieldB,
                 widen(std::bit_cast<floats::Bits<F>>(QUOLL_WASM_GET_FLOAT(F, A, kFieldA))));
  QUOLL_WASM_NEXT(2);
}

template <typename I, typename F, Operand A, Operand D>
void convert(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  using Raw = std::make_unsigned_t<I>;
  const F result = static_cast<F>(static_cast<I>(QUOLL_WASM_GET(Raw, A, kFieldA)));
  QUOLL_WASM_PUT_FLOAT(F, D, kFieldB, result);
  QUOLL_WASM_NEXT(2);
}

template <typename F, Operand A, Operand D>
void bits_float(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const F result = std::bit_cast<F>(QUOLL_WASM_GET(floats::Bits<F>, A, kFieldA));
  QUOLL_WASM_PUT_FLOAT(F, D, kFieldB, result);
  QUOLL_WASM_NEXT(2);
}

template <typename From, typename To, Operand A, Operand D>
void resize(QUOLL_WASM_REGISTERS) QUOLL_WASM_HANDLER {
  const To result = static_cast<To>(QUOLL_WASM_GET_FLOAT(From, A, kFieldA));
  QUOLL_WASM_PUT_FLOAT(To, D, kFieldB, result);
  QUOLL_WASM_NEXT(2);
}

/// Handlers for the basic classes of a result, and of operands that `Wide` widens to pins.
template <bool Wide, typename Make>
constexpr auto make_basic(Make make) {
  return make_handlers<kTwoOperands>([make]<std::size_t I>() -> Handler {
    constexpr Operand a = operand_digit<I, 0>();
    constexpr Operand d = operand_digit<I, 1>();
    if constexpr ((is_basic(a) || (Wide && is_pin(a))) && is_basic(d)) {
      return make.template operator()<a, d>();
    } else {
      return nullptr;
    }
  });
}

template <typename I, typename F>
constexpr auto kTruncate =
    make_basic<false>([]<Operand A, Operand D>() -> Handler { return &truncate<I, F, A, D>; });
template <typename I, typename F>
constexpr auto kSaturate =
    make_basic<false>([]<Operand A, Operand D>() -> Handler { return &saturate<I, F, A, D>; });
template <typename F>
constexpr auto kFloatBits =
    make_basic<false>([]<Operand A, Operand D>() -> Handler { return &float_bits<F, A, D>; });
template <typename I, typename F>
constexpr auto kConvert =
    make_basic<true>([]<Operand A, Operand D>() -> Handler { return &convert<I, F, A, D>; });
template <typename F>
constexpr auto kBitsFloat =
    make_basic<true>([]<Operand A, Operand D>() -> Handler { return &bits_float<F, A, D>; });
template <typename From, typename To>
constexpr auto kResize =
    make_basic<false>([]<Operand A, Operand D>() -> Handler { return &resize<From, To, A, D>; });

template <typename F>
Handler find_to_int(Operation op, std::size_t index) {
  switch (op) {
    case Operation::kTruncI32S:
      return kTruncate<std::int32_t, F>[index];
    case Operation::kTruncI32U:
      return kTruncate<std::uint32_t, F>[index];
    case Operation::kTruncI64S:
      return kTruncate<std::int64_t, F>[index];
    case Operation::kTruncI64U:
      return kTruncate<std::uint64_t, F>[index];
    case Operation::kSatI32S:
      return kSaturate<std::int32_t, F>[index];
    case Operation::kSatI32U:
      return kSaturate<std::uint32_t, F>[index];
    case Operation::kSatI64S:
      return kSaturate<std::int64_t, F>[index];
    case Operation::kSatI64U:
      return kSaturate<std::uint64_t, F>[index];
    case Operation::kReinterpret:
      return kFloatBits<F>[index];
    default:
      return nullptr;
  }
}

template <typename F>
Handler find_from_int(Operation op, std::size_t index) {
  switch (op) {
    case Operation::kConvertI32S:
      return kConvert<std::int32_t, F>[index];
    case Operation::kConvertI32U:
      return kConvert<std::uint32_t, F>[index];
    case Operation::kConvertI64S:
      return kConvert<std::int64_t, F>[index];
    case Operation::kConvertI64U:
      return kConvert<std::uint64_t, F>[index];
    case Operation::kReinterpret:
      return kBitsFloat<F>[index];
    default:
      return nullptr;
  }
}

}  // namespace

namespace handlers {

Handler int_to_float(Operation op, Width width, Operand a, Operand d) {
  const std::size_t index = operand_index(a, d);
  return width == Width::k32 ? find_from_int<float>(op, index) : find_from_int<double>(op, index);
}

Handler float_to_int(Operation op, Width width, Operand a, Operand d) {
  const std::size_t index = operand_index(a, d);
  return width == Width::k32 ? find_to_int<float>(op, index) : find_to_int<double>(op, index);
}

Handler float_to_float(Operation op, Operand a, Operand d) {
  const std::size_t index = operand_index(a, d);
  return op == Operation::kDemote ? kResize<double, float>[index] : kResize<float, double>[index];
}

}  // namespace handlers
}  // namespace quoll::wasm
