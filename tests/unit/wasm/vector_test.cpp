// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Vectors among other values: in frames, calls, blocks, global variables, and seen by the host.
#include <gtest/gtest.h>
#include <random>
#include <vector>

#include "guest.hpp"

namespace quoll::wasm {
namespace {

using test::Bytes;
using test::Code;
using test::ModuleBuilder;

constexpr ValueType kI32 = ValueType::kI32;
constexpr ValueType kI64 = ValueType::kI64;
constexpr ValueType kF32 = ValueType::kF32;
constexpr ValueType kF64 = ValueType::kF64;
constexpr ValueType kV128 = ValueType::kV128;

Code get(std::uint32_t local) {
  return Code(Opcode::kLocalGet, local);
}

void expect_vector(const Value& value, std::uint64_t low, std::uint64_t high) {
  EXPECT_EQ(value.type(), kV128);
  EXPECT_EQ(value.bits(), low);
  EXPECT_EQ(value.high_bits(), high);
}

/// Adds up lane 0 of vectors and numbers, each times a weight of its own.
Code weighted(Code value, ValueType type, std::int64_t weight) {
  switch (type) {
    case kV128:
      value += Code(Opcode::kI64x2ExtractLane) + Code::raw({1});
      break;
    case kI32:
      value += Opcode::kI64ExtendI32U;
      break;
    case kF32:
      value += Opcode::kI64TruncSatF32U;
      break;
    case kF64:
      value += Opcode::kI64TruncSatF64U;
      break;
    default:
      break;
  }
  return value + Code::i64(weight) + Opcode::kI64Mul;
}

/// The constant `n` of a type; a vector has it in its upper half.
Code constant(ValueType type, std::uint64_t n) {
  switch (type) {
    case kV128:
      return Code::v128(~n, n);
    case kF32:
      return Code::constant(type, std::bit_cast<std::uint32_t>(static_cast<float>(n)));
    case kF64:
      return Code::constant(type, std::bit_cast<std::uint64_t>(static_cast<double>(n)));
    default:
      return Code::constant(type, n);
  }
}

/// A local of each type between vectors, so that no slot is the local's number: each keeps what it
/// was given, with few locals, with more than are looked up in a table, and beyond 16 bits.
TEST(VectorLocals, KeepTheirValuesAmongOthers) {
  for (const std::uint32_t groups : {4u, 60u, 400u, 3000u}) {
    const ValueType types[] = {kI32, kV128, kF64, kV128, kF32, kI64};
    std::vector<test::Locals> locals;
    Code code;
    Code sum = Code::i64(0);
    std::uint64_t expected = 0;
    for (std::uint32_t i = 0; i < groups; ++i) {
      const ValueType type = types[i % std::size(types)];
      locals.push_back({i % 3 + 1, type});
    }
    std::uint32_t local = 0;
    for (const test::Locals& group : locals) {
      for (std::uint32_t k = 0; k < group.count; ++k, ++local) {
        code += constant(group.type, local) + Code(Opcode::kLocalSet, local);
        sum += weighted(get(local), group.type, local + 3) + Opcode::kI64Add;
        expected += std::uint64_t{local} * (local + 3);
      }
    }
    ModuleBuilder m;
    const auto f = m.function(m.type({}, {kI64}), code + sum, locals);
    test::Guest guest(m.build());
    EXPECT_EQ(guest.value(f).as_i64(), expected) << groups;
  }
}

TEST(VectorLocals, AreZeroAtFirst) {
  for (const std::uint32_t others : {1u, 9000u}) {
    ModuleBuilder m;
    const auto dirty =
        m.function(m.type({}, {}), Code::v128(~0ull, ~0ull) + Code(Opcode::kLocalSet, others),
                   {{others, kI64}, {1, kV128}});
    const auto f = m.function(m.type({}, {kV128}), get(others), {{others, kI64}, {1, kV128}});
    test::Guest guest(m.build());
    EXPECT_TRUE(guest.call(dirty, {}).returned());
    expect_vector(guest.value(f), 0, 0);
  }
}

/// A local that was pushed is what it was then, whatever is written to it before it is used.
TEST(VectorLocals, ArePushedByValue) {
  ModuleBuilder m;
  const auto type = m.type({kV128}, {kV128});
  const auto f = m.function(type, get(0) + get(0) + Opcode::kV128Not + Code(Opcode::kLocalSet, 0) +
                                      get(0) + Opcode::kI64x2Sub);
  test::Guest guest(m.build());
  // x - ~x = 2x + 1
  expect_vector(guest.value(f, {Value::v128(5, 7)}), 11, 15);
}

/// What a caller gives in each place arrives there, whichever types stand around it, and results
/// come back likewise: directly, through a table, and from another depth of the stack.
TEST(VectorCalls, MixVectorsAndNumbers) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  const ValueType all[] = {kV128, kI32, kI64, kF32, kF64, kV128};
  for (int round = 0; round < 60; ++round) {
    ModuleBuilder::Types types(1 + random() % 12);
    for (ValueType& type : types) type = all[random() % std::size(all)];
    // Gives its parameters back in reverse, with a number in front.
    ModuleBuilder::Types reversed(types.rbegin(), types.rend());
    reversed.insert(reversed.begin(), kI32);
    ModuleBuilder m;
    const auto type = m.type(types, reversed);
    Code body = Code::i32(77);
    for (std::size_t i = types.size(); i-- > 0;) body += get(static_cast<std::uint32_t>(i));
    const auto reverse = m.function(type, body);
    Code give;
    for (std::uint32_t i = 0; i < types.size(); ++i) give += constant(types[i], i + 100);
    const auto sum_type = m.type(reversed, {kI64});
    Code sum = Code::i64(0);
    std::uint64_t expected = 0;
    for (std::uint32_t i = 0; i < reversed.size(); ++i) {
      sum += weighted(get(i), reversed[i], i + 1) + Opcode::kI64Add;
      expected += (i == 0 ? 77 : std::uint64_t{100} + types.size() - i) * (i + 1);
    }
    const auto summed = m.function(sum_type, sum);
    const auto start = m.type({}, {kI64});
    m.table(1);
    m.elements(0, {reverse});
    const Code direct = give + Code(Opcode::kCall, reverse) + Code(Opcode::kCall, summed);
    const Code indirect =
        give + Code::i32(0) + Code(Opcode::kCallIndirect, type, 0) + Code(Opcode::kCall, summed);
    const auto f = m.function(start, direct);
    const auto g = m.function(
        start, Code::v128(1, 2) + indirect + Code(Opcode::kLocalSet, 0) + Opcode::kDrop + get(0),
        {{1, kI64}});
    const auto far = m.function(start, direct, {{9000, kV128}});
    test::Guest guest(m.build());
    EXPECT_EQ(guest.value(f).as_i64(), expected);
    EXPECT_EQ(guest.value(g).as_i64(), expected);
    EXPECT_EQ(guest.value(far).as_i64(), expected);
  }
}

/// (i32, v128, f64) -> (v128, i64, v128): the vectors swapped with their halves exchanged.
struct VectorHost {
  HostOutcome outcome = HostOutcome::ok();
  static HostOutcome call(void* context, Instance&, std::uint64_t* slots) {
    const std::uint64_t number = slots[0] & 0xffffffffu;
    const std::uint64_t low = slots[1];
    const std::uint64_t high = slots[2];
    const auto real = static_cast<std::uint64_t>(std::bit_cast<double>(slots[3]));
    slots[0] = high;
    slots[1] = low;
    slots[2] = number + real;
    slots[3] = low + 1;
    slots[4] = high + 1;
    return static_cast<VectorHost*>(context)->outcome;
  }
};
constexpr ValueType kHostParameters[] = {kI32, kV128, kF64};
constexpr ValueType kHostResults[] = {kV128, kI64, kV128};

Bytes host_guest() {
  ModuleBuilder m;
  const auto type = m.type({kI32, kV128, kF64}, {kV128, kI64, kV128});
  m.import_function("env", "host", type);
  m.function(type, get(0) + get(1) + get(2) + Code(Opcode::kCall, 0));
  return m.build();
}

TEST(VectorHostFunctions, GetAndGiveTwoSlots) {
  VectorHost host;
  test::Guest guest(host_guest());
  ASSERT_TRUE(guest.linker().define_function("env", "host", {kHostParameters, kHostResults},
                                             {&VectorHost::call, &host}));
  for (const std::uint32_t f : {0u, 1u}) {
    std::vector<Value> results;
    EXPECT_TRUE(
        guest.call(f, {Value::i32(5), Value::v128(10, 20), Value::f64(7)}, &results).returned());
    ASSERT_EQ(results.size(), 3u);
    expect_vector(results[0], 20, 10);
    EXPECT_EQ(results[1].as_i64(), 12u);
    expect_vector(results[2], 11, 21);
  }
}

TEST(VectorHostFunctions, MaySuspend) {
  VectorHost host;
  host.outcome = HostOutcome::suspended();
  test::Guest guest(host_guest());
  ASSERT_TRUE(guest.linker().define_function("env", "host", {kHostParameters, kHostResults},
                                             {&VectorHost::call, &host}));
  std::vector<Value> results(3);
  const Outcome outcome =
      guest.call(1, {Value::i32(5), Value::v128(10, 20), Value::f64(7)}, &results);
  ASSERT_EQ(outcome.kind, Outcome::Kind::kSuspended);
  Execution& thread = *guest.store().execution();
  for (std::uint64_t i = 0; i < 5; ++i) thread.pending_slots()[i] = 1000 + i;
  EXPECT_TRUE(thread.resume(results).returned());
  expect_vector(results[0], 1000, 1001);
  EXPECT_EQ(results[1].as_i64(), 1002u);
  expect_vector(results[2], 1003, 1004);
}

/// Vectors go along with branches: into loops as parameters, out of blocks beside numbers, and
/// through tables, where they move by a distance that is no multiple of their size.
TEST(VectorBlocks, CarryVectorsAlong) {
  for (const std::uint32_t others : {0u, 9000u}) {
    ModuleBuilder m;
    const auto triple = m.type({}, {kI32, kV128, kI64});
    const auto loop = m.type({kV128, kI32}, {kV128, kI32});
    const auto f_type = m.type({kI32}, {kV128});
    const std::uint32_t vector = 1 + others;
    // Counts local 0 down, with a vector that is doubled each time.
    const Code doubled = Code(Opcode::kLocalSet, 0) + Code(Opcode::kLocalTee, vector) +
                         get(vector) + Opcode::kI64x2Add + get(0) + Code::i32(1) + Opcode::kI32Sub +
                         Code(Opcode::kLocalTee, 0) + get(0) + Code(Opcode::kBrIf, 0);
    const Code counted = Code::v128(1, 3) + get(0) + Code(Opcode::kLoop, loop) + doubled +
                         Opcode::kEnd + Opcode::kDrop;
    std::vector<test::Locals> locals = {{1, kV128}};
    if (others != 0) locals.insert(locals.begin(), {others, kI64});
    const auto count = m.function(f_type, counted, locals);
    // Leaves by label 0 or 1, with a number under the values.
    const Code values = Code::i64(1) + Code::i32(2) + Code::v128(3, 4) + Code::i64(5);
    const Code inner = Code(Opcode::kBlock, triple) + values + get(0) + Code::raw({0x0e, 1, 0, 1}) +
                       Opcode::kEnd + Code(Opcode::kI64x2Splat) + Opcode::kI64x2Add +
                       Code(Opcode::kLocalSet, vector) + Opcode::kDrop + Code::i32(6) +
                       get(vector) + get(vector) + Opcode::kI64x2Add + Code::i64(7);
    const auto leave = m.function(f_type,
                                  Code(Opcode::kBlock, triple) + inner + Opcode::kEnd +
                                      Opcode::kI64x2Splat + Opcode::kI64x2Add +
                                      Code(Opcode::kLocalSet, vector) + Opcode::kDrop + get(vector),
                                  locals);
    // One value, that leaves from a height above its place, or goes on.
    const Code one = Code::block(Opcode::kBlock, kV128) + Code::i32(9) + Code::v128(3, 4) + get(0) +
                     Code(Opcode::kBrIf, 0) + Opcode::kI32x4Neg + Code(Opcode::kLocalSet, vector) +
                     Opcode::kDrop + get(vector) + Opcode::kEnd;
    const auto single = m.function(f_type, one, locals);
    const auto returned =
        m.function(f_type,
                   Code::i32(9) + Code::v128(3, 4) + get(0) + Code(Opcode::kBrIf, 0) +
                       Opcode::kI32x4Neg + Opcode::kReturn,
                   locals);
    test::Guest guest(m.build());
    expect_vector(guest.value(count, {Value::i32(10)}), 1 << 10, 3 << 10);
    // Twice (3, 4) and 5, and 7; or (3, 4) and 5 as they left.
    expect_vector(guest.value(leave, {Value::i32(0)}), 23, 25);
    expect_vector(guest.value(leave, {Value::i32(1)}), 8, 9);
    for (const std::uint32_t f : {single, returned}) {
      expect_vector(guest.value(f, {Value::i32(1)}), 3, 4);
      expect_vector(guest.value(f, {Value::i32(0)}), 0xfffffffd, 0xfffffffc);
    }
  }
}

TEST(VectorBlocks, SelectIsTypedOrNot) {
  for (const std::uint32_t others : {0u, 9000u}) {
    ModuleBuilder m;
    const auto type = m.type({kI32, kV128, kV128}, {kV128});
    const Code operands = get(1) + get(2) + get(0);
    const Code typed = Code(Opcode::kSelectTyped) + Code::raw({1, 0x7b});
    std::vector<test::Locals> locals = {{1, kV128}};
    if (others != 0) locals.insert(locals.begin(), {others, kI64});
    const std::uint32_t vector = 3 + others;
    const Code kept = Code(Opcode::kLocalSet, vector) + get(vector);
    const std::uint32_t functions[] = {
        m.function(type, operands + Opcode::kSelect, locals),
        m.function(type, operands + typed, locals),
        m.function(type, operands + Opcode::kSelect + kept, locals),
        m.function(type,
                   get(1) + Opcode::kV128Not + get(2) + Opcode::kV128Not + get(0) + typed +
                       Opcode::kV128Not,
                   locals)};
    test::Guest guest(m.build());
    for (const std::uint32_t f : functions) {
      expect_vector(guest.value(f, {Value::i32(1), Value::v128(1, 2), Value::v128(3, 4)}), 1, 2);
      expect_vector(guest.value(f, {Value::i32(0), Value::v128(1, 2), Value::v128(3, 4)}), 3, 4);
    }
  }
}

TEST(VectorGlobals, AreReadAndWrittenWhole) {
  for (const std::uint32_t others : {0u, 9000u}) {
    ModuleBuilder m;
    m.global(kI64, Code::i64(1));
    m.global(kV128, Code::v128(11, 12));
    m.global(kI64, Code::i64(2));
    m.export_as("g", ExternKind::kGlobal, 1);
    std::vector<test::Locals> locals = {{1, kV128}};
    if (others != 0) locals.insert(locals.begin(), {others, kI64});
    const auto swap = m.function(m.type({kV128}, {kV128}),
                                 Code(Opcode::kGlobalGet, 1) + Code(Opcode::kLocalSet, 1 + others) +
                                     get(0) + Code(Opcode::kGlobalSet, 1) + get(1 + others),
                                 locals);
    const auto sum =
        m.function(m.type({}, {kI64}),
                   Code(Opcode::kGlobalGet, 0) + Code(Opcode::kGlobalGet, 2) + Opcode::kI64Add);
    test::Guest guest(m.build());
    expect_vector(guest.value(swap, {Value::v128(21, 22)}), 11, 12);
    Global* global = guest.instance().find_global("g");
    ASSERT_NE(global, nullptr);
    expect_vector(global->get(), 21, 22);
    EXPECT_FALSE(global->set(Value::i64(1)));
    EXPECT_TRUE(global->set(Value::v128(31, 32)));
    expect_vector(guest.value(swap, {Value::v128(1, 1)}), 31, 32);
    EXPECT_EQ(guest.value(sum).as_i64(), 3u);
  }
}

TEST(VectorMemory, LanesTouchNothingElse) {
  ModuleBuilder m;
  m.memory(1);
  m.data(0, "abcdefghijklmnopqrstuvwxyz");
  const auto load_type = m.type({kI32, kV128}, {kV128});
  const auto store_type = m.type({kI32, kV128}, {});
  const auto load =
      m.function(load_type, get(0) + get(1) + Code(Opcode::kV128Load16Lane, 0, 2) + Code::raw({5}));
  const Code loaded = get(0) + get(1) + Code(Opcode::kV128Load16Lane, 0, 2) + Code::raw({5});
  const auto into_local =
      m.function(load_type, loaded + Code(Opcode::kLocalSet, 2) + get(2), {{1, kV128}});
  const auto over_itself =
      m.function(load_type, loaded + Code(Opcode::kLocalSet, 1) + get(1), {{1, kV128}});
  const auto store = m.function(
      store_type, get(0) + get(1) + Code(Opcode::kV128Store16Lane, 0, 2) + Code::raw({5}));
  test::Guest guest(m.build());
  for (const std::uint32_t f : {load, into_local, over_itself}) {
    expect_vector(guest.value(f, {Value::i32(1), Value::v128(~0ull, ~0ull)}), ~0ull,
                  0xffffffff6564ffffu);
  }
  EXPECT_TRUE(guest.call(store, {Value::i32(7), Value::v128(0, 0x5a590000u)}).returned());
  const auto* bytes = guest.instance().memory()->data();
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(bytes), 13), "abcdefghiYZlm");
}

/// A store that does not fit writes nothing, not even the bytes that would.
TEST(VectorMemory, AStoreBeyondTheEndWritesNothing) {
  ModuleBuilder m;
  m.memory(1);
  const auto store = m.function(m.type({kI32}, {}),
                                get(0) + Code::v128(~0ull, ~0ull) + Code(Opcode::kV128Store, 0, 0));
  test::Guest guest(m.build());
  for (std::uint32_t beyond = 1; beyond < 16; ++beyond) {
    const auto at = static_cast<std::uint32_t>(kWasmPageSize - 16 + beyond);
    EXPECT_EQ(guest.trap(store, {Value::i32(at)}).kind, TrapKind::kOutOfBoundsMemoryAccess);
  }
  for (const std::uint8_t byte : guest.instance().memory()->bytes()) ASSERT_EQ(byte, 0);
}

TEST(VectorValidation, ChecksLanesAndTypes) {
  const auto rule = [](const Code& code) {
    ModuleBuilder m;
    m.memory(1);
    m.function(m.type({kV128, kI32}, {}), code + Opcode::kDrop);
    const Bytes bytes = m.build();
    const auto module = Module::decode(bytes);
    return module ? Rule::kOutOfMemory : module.error().rule;
  };
  EXPECT_EQ(rule(get(0) + Opcode::kI8x16ExtractLaneS + Code::raw({16})), Rule::kInvalidLane);
  EXPECT_EQ(rule(get(0) + Opcode::kI64x2ExtractLane + Code::raw({2})), Rule::kInvalidLane);
  EXPECT_EQ(rule(get(1) + get(0) + Code(Opcode::kV128Load32Lane, 0, 0) + Code::raw({4})),
            Rule::kInvalidLane);
  Code shuffle = get(0) + get(0) + Opcode::kI8x16Shuffle;
  for (int i = 0; i < 15; ++i) shuffle += Code::raw({31});
  EXPECT_EQ(rule(shuffle + Code::raw({32})), Rule::kInvalidLane);
  EXPECT_EQ(rule(get(1) + Code(Opcode::kV128Load, 5, 0)), Rule::kAlignmentTooLarge);
  EXPECT_EQ(rule(get(1) + Code(Opcode::kV128Load64Splat, 4, 0)), Rule::kAlignmentTooLarge);
  EXPECT_EQ(rule(get(1) + Opcode::kV128Not), Rule::kTypeMismatch);
  EXPECT_EQ(rule(get(0) + get(0) + Opcode::kI32x4Shl), Rule::kTypeMismatch);
}

/// A frame of vectors takes twice the room, and the stack's end is seen as exactly.
TEST(VectorStack, RecursionEndsInATrap) {
  ModuleBuilder m;
  const auto type = m.type({kV128, kI32}, {kV128});
  const auto f = m.function(type, get(0) + get(1) + Code(Opcode::kCall, 0), {{40, kV128}});
  test::Guest guest(m.build(), test::host_config(1 << 16));
  EXPECT_EQ(guest.trap(f, {Value::v128(1, 2), Value::i32(3)}).kind, TrapKind::kCallStackExhausted);
}

}  // namespace
}  // namespace quoll::wasm
