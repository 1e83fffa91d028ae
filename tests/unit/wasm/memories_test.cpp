// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Memories and tables that are not the first, or have 64-bit addresses: accesses at their edges,
// ranges between them, limits, and what is left when the features are off.
#include <gtest/gtest.h>
#include <string>
#include <tuple>
#include <vector>

#include "accesses.hpp"
#include "guest.hpp"

namespace quoll::wasm {
namespace {

using test::Bytes;
using test::Code;
using test::ModuleBuilder;

constexpr ValueType kI32 = ValueType::kI32;
constexpr ValueType kI64 = ValueType::kI64;
constexpr AddressType k32 = AddressType::k32;
constexpr AddressType k64 = AddressType::k64;

Code get(std::uint32_t local) {
  return Code(Opcode::kLocalGet, local);
}
Value address(AddressType type, std::uint64_t bits) {
  return Value::from_bits(value_type(type), bits);
}
/// A function of the guest's that takes these arguments.
Value call(test::Guest& guest, std::string_view name, const std::vector<Value>& arguments = {}) {
  return guest.value(guest.module().find_export(name)->index, arguments);
}
TrapKind trap(test::Guest& guest, std::string_view name, const std::vector<Value>& arguments) {
  return guest.trap(guest.module().find_export(name)->index, arguments).kind;
}

struct Place {
  std::uint32_t memory;
  AddressType type;
};

class EveryFarAccess : public testing::TestWithParam<std::tuple<std::uint16_t, Place>> {};

/// Whether `address + offset + width`, counted without end, is at most `size`.
bool fits(std::uint64_t address, std::uint64_t offset, std::uint64_t width, std::uint64_t size) {
  __extension__ using Wide = unsigned __int128;
  return Wide{address} + offset + width <= size;
}

/// The last bytes of a memory of one page, and addresses and offsets around 2^32 and 2^64, as
/// operands of every class: in a slot, a constant, pinned locals and the accumulator.
TEST_P(EveryFarAccess, IsExactAtTheLastByte) {
  const auto [index, place] = GetParam();
  const OpcodeInfo& op = kOpcodes[index];
  const auto opcode = static_cast<Opcode>(index);
  const std::uint64_t width = test::width_of(op);
  constexpr std::uint64_t kSize = kWasmPageSize;
  constexpr std::uint64_t kTop = ~std::uint64_t{0};
  const ValueType type = value_type(place.type);
  std::vector<std::uint64_t> addresses = {
      0,     16,         kSize - width, kSize - width + 1,  kSize - 1,
      kSize, 0x7fffffff, 0x80000000,    0xffffffff - width, 0xffffffff};
  std::vector<std::uint64_t> offsets = {
      0, 5, kSize - width, kSize - width + 1, 0x80000000, 0xffffffff - kSize, 0xffffffff};
  if (place.type == k64) {
    for (const std::uint64_t far : {kTop - 7, kTop - width, kTop - width + 1, kTop,
                                    std::uint64_t{1} << 63, std::uint64_t{1} << 32}) {
      addresses.push_back(far);
      offsets.push_back(far);
    }
    addresses.push_back(kTop - 4);  // with an offset of 5 the sum is 0
  }
  for (const std::uint64_t offset : offsets) {
    ModuleBuilder m;
    if (place.memory == 1) m.memory(3);
    m.memory(1, place.type);
    const auto run = m.type({type}, {});
    const Code value = test::access_value(op);
    const Code access = Code::access(opcode, place.memory, offset) + test::after_access(op);
    const Code zero = Code::constant(type, 0);
    const Code add = place.type == k64 ? Opcode::kI64Add : Opcode::kI32Add;
    m.function(run, get(0) + value + access);
    // Used often enough, a local is pinned.
    m.function(run, get(0) + Opcode::kDrop + get(0) + Opcode::kDrop + get(0) + Opcode::kDrop +
                        get(0) + value + access);
    m.function(run, get(0) + zero + add + value + access);
    for (const std::uint64_t a : addresses)
      m.function(run, Code::constant(type, a) + value + access);
    test::Guest guest(m.build());
    for (std::uint32_t i = 0; i < addresses.size(); ++i) {
      const bool inside = fits(addresses[i], offset, width, kSize);
      for (const std::uint32_t f : {0u, 1u, 2u, 3 + i}) {
        const Outcome outcome = guest.call(f, {address(place.type, addresses[i])});
        EXPECT_EQ(outcome.returned(), inside) << op.text << " " << addresses[i] << "+" << offset;
        if (!inside) {
          EXPECT_EQ(outcome.trap.kind, TrapKind::kOutOfBoundsMemoryAccess);
          EXPECT_EQ(outcome.trap.function_index, f);
          EXPECT_EQ(outcome.trap.byte_offset, test::access_offset(guest.module(), f, access));
        }
      }
    }
  }
}

std::string name_of(const testing::TestParamInfo<EveryFarAccess::ParamType>& param) {
  const auto& [index, place] = param.param;
  return test::access_name(kOpcodes[index]) + (place.memory == 1 ? "_second" : "_first") +
         (place.type == k64 ? "64" : "32");
}

INSTANTIATE_TEST_SUITE_P(Table, EveryFarAccess,
                         testing::Combine(testing::ValuesIn(test::accesses()),
                                          testing::Values(Place{0, k64}, Place{1, k32},
                                                          Place{1, k64})),
                         name_of);

/// What every access writes and reads, in a memory of each kind, beside the first memory.
TEST(Memories, HoldWhatWasStoredInThemAlone) {
  for (const Place place : {Place{0, k64}, Place{1, k32}, Place{1, k64}}) {
    for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{8}}) {
      const ValueType type = value_type(place.type);
      ModuleBuilder m;
      if (place.memory == 1) m.memory(1);
      m.memory(1, place.type);
      const auto store = m.type({type, kI64, ValueType::kF64, ValueType::kF32}, {});
      m.export_as(
          "store", ExternKind::kFunction,
          m.function(
              store,
              get(0) + get(1) + Code::access(Opcode::kI64Store, place.memory, offset) + get(0) +
                  get(2) + Code::access(Opcode::kF64Store, place.memory, offset + 8) + get(0) +
                  get(3) + Code::access(Opcode::kF32Store, place.memory, offset + 16) + get(0) +
                  Code::i32(-2) + Code::access(Opcode::kI32Store8, place.memory, offset + 20)));
      const auto reader = [&](const char* name, Opcode opcode, std::uint64_t at, ValueType result) {
        m.export_as(name, ExternKind::kFunction,
                    m.function(m.type({type}, {result}),
                               get(0) + Code::access(opcode, place.memory, offset + at)));
      };
      reader("i64", Opcode::kI64Load, 0, kI64);
      reader("high", Opcode::kI64Load32S, 4, kI64);
      reader("f64", Opcode::kF64Load, 8, ValueType::kF64);
      reader("f32", Opcode::kF32Load, 16, ValueType::kF32);
      reader("i8", Opcode::kI32Load8S, 20, kI32);
      reader("u8", Opcode::kI32Load8U, 20, kI32);
      test::Guest guest(m.build());
      const Value at = address(place.type, 100);
      const Outcome stored =
          guest.call(guest.module().find_export("store")->index,
                     {at, Value::i64(0x8182838485868788), Value::f64(2.5), Value::f32(-1.5f)});
      ASSERT_TRUE(stored.returned());
      EXPECT_EQ(call(guest, "i64", {at}).as_i64(), 0x8182838485868788u);
      EXPECT_EQ(call(guest, "high", {at}).as_i64(), 0xffffffff81828384u);
      EXPECT_EQ(call(guest, "f64", {at}).as_f64(), 2.5);
      EXPECT_EQ(call(guest, "f32", {at}).as_f32(), -1.5f);
      EXPECT_EQ(call(guest, "i8", {at}).as_i32(), 0xfffffffeu);
      EXPECT_EQ(call(guest, "u8", {at}).as_i32(), 0xfeu);
      const Memory& own = guest.instance().memory(place.memory);
      EXPECT_EQ(own.bytes()[100 + offset], 0x88);
      if (place.memory == 1) {
        for (const std::uint8_t byte : guest.instance().memory(0).bytes()) ASSERT_EQ(byte, 0);
      }
    }
  }
}

TEST(Memories, GrowOneByOne) {
  ModuleBuilder m;
  m.memory(1);
  m.memory(2, k64, 4);
  const auto narrow = m.type({kI32}, {kI32});
  const auto wide = m.type({kI64}, {kI64});
  m.export_as("grow0", ExternKind::kFunction,
              m.function(narrow, get(0) + Code(Opcode::kMemoryGrow, 0)));
  m.export_as("grow1", ExternKind::kFunction,
              m.function(wide, get(0) + Code(Opcode::kMemoryGrow, 1)));
  m.export_as("size0", ExternKind::kFunction,
              m.function(m.type({}, {kI32}), Code(Opcode::kMemorySize, 0)));
  m.export_as("size1", ExternKind::kFunction,
              m.function(m.type({}, {kI64}), Code(Opcode::kMemorySize, 1)));
  test::Guest guest(m.build());
  EXPECT_EQ(call(guest, "grow1", {Value::i64(2)}).as_i64(), 2u);
  EXPECT_EQ(call(guest, "size0").as_i32(), 1u);
  EXPECT_EQ(call(guest, "size1").as_i64(), 4u);
  constexpr std::uint64_t kFailed = ~std::uint64_t{0};
  for (const std::uint64_t more :
       {std::uint64_t{1}, std::uint64_t{1} << 32, std::uint64_t{1} << 48, kFailed, kFailed - 3}) {
    EXPECT_EQ(call(guest, "grow1", {Value::i64(more)}).as_i64(), kFailed) << more;
  }
  EXPECT_EQ(call(guest, "grow0", {Value::i32(3)}).as_i32(), 1u);
  EXPECT_EQ(call(guest, "size1").as_i64(), 4u);
}

/// A module may import one memory twice; the copy in registers then grows with the other.
TEST(Memories, ImportedTwiceGrowTogether) {
  ModuleBuilder m;
  m.import_memory("env", "memory", 1);
  m.import_memory("env", "memory", 1);
  m.export_as("grow", ExternKind::kFunction,
              m.function(m.type({}, {kI32}), Code::i32(1) + Code(Opcode::kMemoryGrow, 1) +
                                                 Code::i32(kWasmPageSize) + Code::i32(7) +
                                                 Code(Opcode::kI32Store8, 0, 0) +
                                                 Code(Opcode::kMemorySize, 0) + Opcode::kI32Add));
  test::Guest guest(m.build());
  Memory* memory = guest.store().create_memory({{1, 3, true}});
  ASSERT_NE(memory, nullptr);
  ASSERT_TRUE(guest.linker().define("env", "memory", Extern::of(memory)));
  EXPECT_EQ(call(guest, "grow").as_i32(), 3u);
  EXPECT_EQ(memory->bytes()[kWasmPageSize], 7);
}

TEST(Memories, CopyBetweenEachOther) {
  for (const AddressType to : {k32, k64}) {
    for (const AddressType from : {k32, k64}) {
      ModuleBuilder m;
      m.memory(1, to);
      m.memory(1, from);
      const ValueType count = value_type(narrower(to, from));
      m.export_as(
          "copy", ExternKind::kFunction,
          m.function(m.type({value_type(to), value_type(from), count}, {kI32}),
                     get(0) + get(1) + get(2) + Code(Opcode::kMemoryCopy, 0, 1) + Code::i32(1)));
      m.export_as(
          "back", ExternKind::kFunction,
          m.function(m.type({value_type(from), value_type(to), count}, {kI32}),
                     get(0) + get(1) + get(2) + Code(Opcode::kMemoryCopy, 1, 0) + Code::i32(1)));
      test::Guest guest(m.build());
      const Memory& second = guest.instance().memory(1);
      second.bytes()[kWasmPageSize - 2] = 0xab;
      second.bytes()[kWasmPageSize - 1] = 0xcd;
      const auto n = [&](std::uint64_t bits) { return Value::from_bits(count, bits); };
      call(guest, "copy", {address(to, 5), address(from, kWasmPageSize - 2), n(2)});
      EXPECT_EQ(guest.instance().memory(0).bytes()[6], 0xcd);
      call(guest, "back", {address(from, 0), address(to, 6), n(1)});
      EXPECT_EQ(second.bytes()[0], 0xcd);
      call(guest, "copy", {address(to, kWasmPageSize), address(from, kWasmPageSize), n(0)});
      constexpr auto kOutside = TrapKind::kOutOfBoundsMemoryAccess;
      EXPECT_EQ(trap(guest, "copy", {address(to, 5), address(from, kWasmPageSize - 1), n(2)}),
                kOutside);
      EXPECT_EQ(trap(guest, "copy", {address(to, kWasmPageSize - 1), address(from, 0), n(2)}),
                kOutside);
      EXPECT_EQ(trap(guest, "copy", {address(to, kWasmPageSize + 1), address(from, 0), n(0)}),
                kOutside);
      // The sums wrap to what would fit.
      const std::uint64_t top = ~std::uint64_t{0};
      EXPECT_EQ(trap(guest, "copy", {address(to, top), address(from, 0), n(2)}), kOutside);
      EXPECT_EQ(trap(guest, "copy", {address(to, 0), address(from, top), n(2)}), kOutside);
      EXPECT_EQ(trap(guest, "copy", {address(to, 1), address(from, 1), n(top)}), kOutside);
    }
  }
}

TEST(Memories, AreFilledAndInitialised) {
  for (const AddressType type : {k32, k64}) {
    const ValueType at = value_type(type);
    ModuleBuilder m;
    m.memory(1);
    m.memory(1, type);
    m.passive_data("quoll");
    m.export_as("fill", ExternKind::kFunction,
                m.function(m.type({at, kI32, at}, {kI32}),
                           get(0) + get(1) + get(2) + Code(Opcode::kMemoryFill, 1) + Code::i32(1)));
    m.export_as(
        "init", ExternKind::kFunction,
        m.function(m.type({at, kI32, kI32}, {kI32}),
                   get(0) + get(1) + get(2) + Code(Opcode::kMemoryInit, 0, 1) + Code::i32(1)));
    test::Guest guest(m.build());
    const Memory& memory = guest.instance().memory(1);
    call(guest, "fill", {address(type, kWasmPageSize - 1), Value::i32(0x1ff), address(type, 1)});
    EXPECT_EQ(memory.bytes()[kWasmPageSize - 1], 0xff);
    call(guest, "init", {address(type, kWasmPageSize - 2), Value::i32(1), Value::i32(2)});
    EXPECT_EQ(memory.bytes()[kWasmPageSize - 1], 'o');
    constexpr auto kOutside = TrapKind::kOutOfBoundsMemoryAccess;
    const std::uint64_t top = ~std::uint64_t{0};
    EXPECT_EQ(trap(guest, "fill", {address(type, 1), Value::i32(0), address(type, top)}), kOutside);
    EXPECT_EQ(trap(guest, "fill", {address(type, top), Value::i32(0), address(type, 2)}), kOutside);
    EXPECT_EQ(trap(guest, "init", {address(type, top), Value::i32(0), Value::i32(2)}), kOutside);
    EXPECT_EQ(trap(guest, "init", {address(type, 0), Value::i32(4), Value::i32(2)}), kOutside);
    EXPECT_EQ(trap(guest, "init", {address(type, 0), Value::i32(1), Value::i32(0xffffffff)}),
              kOutside);
    EXPECT_EQ(guest.instance().memory(0).bytes()[0], 0);
  }
}

/// More than 32 bits can address: only what is touched takes memory.
TEST(Memories, Of64BitsReachBeyondFourGigabytes) {
  constexpr std::uint64_t kPages = kMaxMemoryPages + 2;
  ModuleBuilder m;
  m.memory(kPages, k64);
  m.export_as(
      "store", ExternKind::kFunction,
      m.function(m.type({kI64, kI64}, {kI64}), get(0) + get(1) + Code(Opcode::kI64Store, 0, 8) +
                                                   get(0) + Code(Opcode::kI64Load, 0, 8)));
  m.export_as("far", ExternKind::kFunction,
              m.function(m.type({kI64}, {kI64}),
                         get(0) + Code(Opcode::kI64Load, 0, kPages * kWasmPageSize - 8)));
  test::Guest guest(m.build());
  constexpr std::uint64_t kEnd = kPages * kWasmPageSize;
  EXPECT_EQ(call(guest, "store", {Value::i64(kEnd - 16), Value::i64(99)}).as_i64(), 99u);
  EXPECT_EQ(call(guest, "far", {Value::i64(0)}).as_i64(), 99u);
  EXPECT_EQ(trap(guest, "far", {Value::i64(1)}), TrapKind::kOutOfBoundsMemoryAccess);
  EXPECT_EQ(trap(guest, "store", {Value::i64(kEnd - 15), Value::i64(1)}),
            TrapKind::kOutOfBoundsMemoryAccess);
  EXPECT_EQ(call(guest, "store", {Value::i64(kEnd - 16 - (std::uint64_t{1} << 32)), Value::i64(7)})
                .as_i64(),
            7u);
  EXPECT_EQ(call(guest, "far", {Value::i64(0)}).as_i64(), 99u) << "the upper half counts";
}

TEST(Tables, Of64BitsCountIndicesInFull) {
  ModuleBuilder m;
  m.table(2, k64);
  m.table(2);
  const auto nothing = m.type({}, {kI32});
  const auto f = m.function(nothing, Code::i32(77));
  m.elements(Code::i64(1), {f});
  m.export_as("f", ExternKind::kFunction, f);
  m.export_as("call", ExternKind::kFunction,
              m.function(m.type({kI64}, {kI32}), get(0) + Code(Opcode::kCallIndirect, nothing, 0)));
  m.export_as(
      "null", ExternKind::kFunction,
      m.function(m.type({kI64}, {kI32}), get(0) + Code(Opcode::kTableGet, 0) + Opcode::kRefIsNull));
  m.export_as("grow", ExternKind::kFunction,
              m.function(m.type({kI64}, {kI64}), Code(Opcode::kRefNull) + Code::raw({0x70}) +
                                                     get(0) + Code(Opcode::kTableGrow, 0)));
  m.export_as("size", ExternKind::kFunction,
              m.function(m.type({}, {kI64}), Code(Opcode::kTableSize, 0)));
  m.export_as("copy", ExternKind::kFunction,
              m.function(m.type({kI32, kI64, kI32}, {kI32}),
                         get(0) + get(1) + get(2) + Code(Opcode::kTableCopy, 1, 0) + get(0) +
                             Code(Opcode::kTableGet, 1) + Opcode::kRefIsNull));
  m.export_as(
      "fill", ExternKind::kFunction,
      m.function(m.type({kI64, kI64}, {kI32}), get(0) + Code(Opcode::kRefFunc, f) + get(1) +
                                                   Code(Opcode::kTableFill, 0) + Code::i32(1)));
  test::Guest guest(m.build());
  constexpr std::uint64_t kWrapped = (std::uint64_t{1} << 32) + 1;
  constexpr std::uint64_t kTop = ~std::uint64_t{0};
  EXPECT_EQ(call(guest, "call", {Value::i64(1)}).as_i32(), 77u);
  EXPECT_EQ(trap(guest, "call", {Value::i64(0)}), TrapKind::kUninitializedElement);
  EXPECT_EQ(trap(guest, "call", {Value::i64(kWrapped)}), TrapKind::kUndefinedElement);
  EXPECT_EQ(call(guest, "null", {Value::i64(1)}).as_i32(), 0u);
  EXPECT_EQ(trap(guest, "null", {Value::i64(kWrapped)}), TrapKind::kOutOfBoundsTableAccess);
  EXPECT_EQ(call(guest, "grow", {Value::i64(kTop)}).as_i64(), kTop);
  EXPECT_EQ(call(guest, "grow", {Value::i64(kMaxTableElements - 1)}).as_i64(), kTop);
  EXPECT_EQ(call(guest, "grow", {Value::i64(3)}).as_i64(), 2u);
  EXPECT_EQ(call(guest, "size").as_i64(), 5u);
  EXPECT_EQ(call(guest, "copy", {Value::i32(0), Value::i64(1), Value::i32(1)}).as_i32(), 0u);
  EXPECT_EQ(trap(guest, "copy", {Value::i32(0), Value::i64(kWrapped), Value::i32(1)}),
            TrapKind::kOutOfBoundsTableAccess);
  EXPECT_EQ(trap(guest, "fill", {Value::i64(2), Value::i64(kTop)}),
            TrapKind::kOutOfBoundsTableAccess);
  call(guest, "fill", {Value::i64(2), Value::i64(3)});
  EXPECT_EQ(call(guest, "null", {Value::i64(4)}).as_i32(), 0u);
}

TEST(Memories, AreImportedByTheTypeOfTheirAddresses) {
  for (const AddressType supplied : {k32, k64}) {
    ModuleBuilder m;
    m.import_memory("env", "memory", 1);
    const Bytes bytes = m.build();
    const Engine engine(test::host_config());
    const auto module = engine.decode(bytes);
    ASSERT_TRUE(module.has_value());
    Store store(engine);
    Linker linker(store);
    ASSERT_TRUE(
        linker.define("env", "memory", Extern::of(store.create_memory({{1, 1, true}, supplied}))));
    const auto instance = linker.instantiate(**module);
    ASSERT_EQ(instance.has_value(), supplied == k32);
    if (!instance) {
      EXPECT_EQ(instance.error().rule, LinkRule::kIncompatibleImport);
    }
  }
}

Rule refusal(const ModuleBuilder& m, Features features = Features::all()) {
  const Bytes bytes = m.build();
  const auto module = Module::decode(bytes, features);
  EXPECT_FALSE(module.has_value());
  return module ? Rule::kOutOfMemory : module.error().rule;
}

TEST(Memories, HaveLimitsThatAreSaid) {
  ModuleBuilder wide;
  wide.memory(kMaxMemory64Pages + 1, k64);
  EXPECT_EQ(refusal(wide), Rule::kMemory64TooLarge);
  ModuleBuilder narrow;
  narrow.memory(kMaxMemoryPages + 1);
  EXPECT_EQ(refusal(narrow), Rule::kMemoryTooLarge);
  ModuleBuilder table;
  table.table(kMaxTable32Limit + 1);
  EXPECT_EQ(refusal(table), Rule::kTableTooLarge);
  ModuleBuilder many;
  for (std::uint32_t i = 0; i <= kMaxMemories; ++i) many.memory(0);
  EXPECT_EQ(refusal(many), Rule::kTooManyMemories);
  ModuleBuilder offset;
  offset.memory(1);
  offset.function(offset.type({}, {kI32}), Code::i32(0) + Code(Opcode::kI32Load, 0, 1ull << 32));
  EXPECT_EQ(refusal(offset), Rule::kOffsetOutOfRange);
}

/// What is valid, but more than there can be, is refused when an instance is made.
TEST(Memories, ThatAreTooLargeAreNotInstantiated) {
  const auto rule_of = [](const ModuleBuilder& m, std::uint64_t most_bytes) {
    EngineConfig config = test::host_config();
    config.max_memory_bytes = most_bytes;
    const Engine engine(config);
    const Bytes bytes = m.build();
    const auto module = engine.decode(bytes);
    EXPECT_TRUE(module.has_value());
    Store store(engine);
    Linker linker(store);
    const auto instance = linker.instantiate(**module);
    EXPECT_FALSE(instance.has_value());
    return instance ? LinkRule::kUnknownImport : instance.error().rule;
  };
  ModuleBuilder largest;
  largest.memory(kMaxMemory64Pages, k64);
  EXPECT_EQ(rule_of(largest, kDefaultMaxMemoryBytes), LinkRule::kTooLarge);
  EXPECT_EQ(rule_of(largest, ~std::uint64_t{0}), LinkRule::kTooLarge);
  ModuleBuilder small;
  small.memory(3);
  EXPECT_EQ(rule_of(small, 2 * kWasmPageSize), LinkRule::kTooLarge);
  ModuleBuilder table;
  table.table(~std::uint64_t{0}, k64);
  EXPECT_EQ(rule_of(table, kDefaultMaxMemoryBytes), LinkRule::kTooLarge);
}

/// The class of error is that of the edition without the feature, and its name is given.
TEST(Features, ThatAreOffAreNamed) {
  struct Case {
    Feature feature;
    RuleClass cls;
    ModuleBuilder module;
  };
  std::vector<Case> cases;
  const auto add = [&](Feature feature, RuleClass cls, auto&& make) {
    Case made{feature, cls, {}};
    make(made.module);
    cases.push_back(made);
  };
  add(Feature::kMultiMemory, RuleClass::kInvalid, [](ModuleBuilder& m) {
    m.memory(0);
    m.memory(0);
  });
  add(Feature::kMultiMemory, RuleClass::kMalformed, [](ModuleBuilder& m) {
    m.memory(0);
    m.function(m.type({}, {kI32}), Code::i32(0) + Code::access(Opcode::kI32Load, 0, 0));
  });
  add(Feature::kMultiMemory, RuleClass::kMalformed, [](ModuleBuilder& m) {
    m.memory(0);
    m.function(m.type({}, {kI32}), Code(Opcode::kMemorySize, 1));
  });
  add(Feature::kMemory64, RuleClass::kMalformed, [](ModuleBuilder& m) { m.memory(0, k64); });
  add(Feature::kMemory64, RuleClass::kMalformed, [](ModuleBuilder& m) { m.table(0, k64); });
  for (const Case& c : cases) {
    const Bytes bytes = c.module.build();
    const auto module = Module::decode(bytes, Features::all().without(c.feature));
    ASSERT_FALSE(module.has_value()) << name(c.feature);
    EXPECT_EQ(rule_class(module.error().rule), c.cls) << text(module.error().rule);
    EXPECT_EQ(module.error().missing, c.feature) << text(module.error().rule);
  }
}

}  // namespace
}  // namespace quoll::wasm
