// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Which calls a stopped thread stands in, and at which byte of the module each of them is. Offsets
// are counted here from the bytes that the test itself has written.
#include <gtest/gtest.h>
#include <ostream>
#include <random>
#include <vector>

#include "guest.hpp"
#include "translate/trap_sites.hpp"

namespace quoll::wasm {
namespace {

using test::Bytes;
using test::Code;
using test::ModuleBuilder;

constexpr ValueType kI32 = ValueType::kI32;
constexpr ValueType kI64 = ValueType::kI64;
constexpr ValueType kF64 = ValueType::kF64;

struct Seen {
  std::uint32_t function;
  std::uint64_t offset;
  friend bool operator==(const Seen&, const Seen&) = default;
};
std::ostream& operator<<(std::ostream& out, const Seen& seen) {
  return out << seen.function << " at " << seen.offset;
}

std::vector<Seen> all(Activations activations) {
  std::vector<Seen> out;
  const std::uint64_t count = activations.count();
  Activation next;
  while (activations.next(next)) {
    EXPECT_EQ(next.is_host, next.byte_offset == Activation::kNoOffset);
    out.push_back({next.function_index, next.byte_offset});
  }
  EXPECT_EQ(out.size(), count);
  return out;
}
std::vector<Seen> all(test::Guest& guest) {
  return all(guest.store().execution()->activations());
}

constexpr std::uint64_t kHost = Activation::kNoOffset;

/// Where the byte is that stands so many bytes behind the declaration of no locals.
std::uint64_t at(const test::Guest& guest, std::uint32_t function, const Code& before) {
  const Module& module = guest.module();
  const FunctionBody& body = module.bodies()[function - module.imported_function_count()];
  return body.code.offset + 1 + before.bytes().size();
}

Code get(std::uint32_t local) {
  return Code(Opcode::kLocalGet, local);
}
Code set(std::uint32_t local) {
  return Code(Opcode::kLocalSet, local);
}

TEST(TrapSites, AreReadAsTheyWereWritten) {
  const unsigned seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    SiteTable table;
    std::vector<TrapSite> sites;
    TrapSite last;
    for (int i = 0; i < 100; ++i) {
      // Boundaries of both forms: 15 and 16, and those of LEB128.
      constexpr std::uint32_t kSteps[] = {0, 1, 2, 14, 15, 16, 17, 127, 128, 16383, 16384, 5000000};
      last.word += kSteps[random() % std::size(kSteps)];
      last.offset += kSteps[random() % std::size(kSteps)];
      sites.push_back(last);
      ASSERT_TRUE(table.try_add(last));
    }
    SiteReader reader(table.bytes());
    TrapSite read;
    for (const TrapSite& site : sites) {
      ASSERT_TRUE(reader.next(read)) << "seed " << seed;
      ASSERT_EQ(read.word, site.word) << "seed " << seed;
      ASSERT_EQ(read.offset, site.offset) << "seed " << seed;
    }
    EXPECT_FALSE(reader.next(read));
  }
}

TEST(TrapSites, TakeAByteEachWhereCodeIsDense) {
  SiteTable table;
  for (std::uint32_t i = 1; i <= 100; ++i) ASSERT_TRUE(table.try_add({i * 4, i * 9}));
  EXPECT_EQ(table.bytes().size(), 100u);
}

TEST(Activations, NameEveryCallerAndTheByteOfItsCall) {
  ModuleBuilder m;
  const auto binary = m.type({kI32, kI32}, {kI32});
  const Code in_divide = get(0) + get(1);
  const auto divide = m.function(binary, in_divide + Opcode::kI32DivU);
  const Code in_middle = get(0) + Code::i32(1) + Opcode::kI32Add + get(1);
  const auto middle = m.function(binary, in_middle + Code(Opcode::kCall, divide));
  const Code in_outer = Code::i32(70000) + set(0) + get(0) + get(1);
  const auto outer =
      m.function(binary, in_outer + Code(Opcode::kCall, middle) + Code::i32(1) + Opcode::kI32Add);
  test::Guest guest(m.build());
  guest.trap(outer, {Value::i32(1), Value::i32(0)});
  const std::vector<Seen> wanted = {{divide, at(guest, divide, in_divide)},
                                    {middle, at(guest, middle, in_middle)},
                                    {outer, at(guest, outer, in_outer)}};
  EXPECT_EQ(all(guest), wanted);
  EXPECT_EQ(all(guest), wanted) << "looking changes nothing";

  EXPECT_EQ(guest.value(outer, {Value::i32(1), Value::i32(7)}).as_i32(), 10001u);
  EXPECT_TRUE(all(guest).empty()) << "what has returned has no activations";
}

/// Instructions that are merged with their neighbours, in front of and around one that traps.
TEST(Activations, AreExactAmongMergedInstructions) {
  const Code before[] = {
      // A comparison taken over by its branch.
      get(0) + get(1) + Opcode::kI32LtS + Code::block(Opcode::kIf) + Opcode::kNop + Opcode::kElse +
          Opcode::kNop + Opcode::kEnd,
      get(1) + Opcode::kI32Eqz + Code::block(Opcode::kIf) + Opcode::kEnd,
      // A result that goes straight to a local, pinned or not.
      get(0) + Code::i32(3) + Opcode::kI32Add + set(0),
      get(0) + Code::i32(100000) + Opcode::kI32Mul + set(2) + get(2) + get(2) + Opcode::kI32Add +
          set(2),
      // Constants and locals as operands, and addresses folded into offsets.
      Code::i32(8) + Code(Opcode::kI32Load, 2, 4) + Opcode::kDrop,
      Code::i32(16) + get(0) + Code(Opcode::kI32Store, 2, 0),
      // Code that cannot be reached is not translated.
      Code::block(Opcode::kBlock) + Code(Opcode::kBr, 0) + Code::i32(1) + Code::i32(0) +
          Opcode::kI32DivU + Opcode::kDrop + Opcode::kEnd,
      // A loop, whose head makes everything settle.
      Code::i32(3) + set(2) + Code::block(Opcode::kLoop) + get(2) + Code::i32(1) + Opcode::kI32Sub +
          Code(Opcode::kLocalTee, 2) + Code(Opcode::kBrIf, 0) + Opcode::kEnd,
      // A result in the accumulator that is dropped; floating point.
      get(0) + Opcode::kF64ConvertI32S + Opcode::kF64Sqrt + Opcode::kDrop};
  const unsigned seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 300; ++round) {
    Code code;
    for (unsigned i = random() % 12; i > 0; --i) code += before[random() % std::size(before)];
    const bool divides = random() % 2 == 0;
    if (divides) {
      code += get(0) + get(1);
    } else {
      code += Code::i32(-1);
    }
    const Code trapping = divides ? Code(Opcode::kI32RemS) : Code(Opcode::kI32Load8U, 0, 1);
    Code after;
    for (unsigned i = random() % 4; i > 0; --i) after += before[random() % std::size(before)];
    ModuleBuilder m;
    m.memory(1);
    const auto type = m.type({kI32, kI32}, {});
    const auto inner = m.function(type, code + trapping + Opcode::kDrop + after, {{1, kI32}});
    Code calling;
    for (unsigned i = random() % 6; i > 0; --i) calling += before[random() % std::size(before)];
    calling += get(0) + get(1);
    const auto outer = m.function(type, calling + Code(Opcode::kCall, inner) + after, {{1, kI32}});
    test::Guest guest(m.build());
    guest.trap(outer, {Value::i32(5), Value::i32(0)});
    // One group of locals takes two bytes more than none.
    EXPECT_EQ(all(guest), (std::vector<Seen>{{inner, at(guest, inner, code) + 2},
                                             {outer, at(guest, outer, calling) + 2}}))
        << "seed " << seed << ", round " << round;
  }
}

TEST(Activations, AreExactInFramesThatNeedMoves) {
  for (const std::uint32_t locals : {8180u, 8191u, 9000u}) {
    ModuleBuilder m;
    const auto type = m.type({kI32, kF64}, {kI32});
    const Code before = get(1) + set(2 + locals) + get(2 + locals) + get(2 + locals);
    const Code code = before + Opcode::kF64Add;
    const auto inner = m.function(type, code + Opcode::kI32TruncF64S, {{locals, kI64}, {1, kF64}});
    const auto outer =
        m.function(type, get(0) + get(1) + Code(Opcode::kCall, inner), {{locals, kI64}, {1, kF64}});
    test::Guest guest(m.build());
    const WasmTrap trap = guest.trap(outer, {Value::i32(0), Value::f64(1e300)});
    EXPECT_EQ(trap.kind, TrapKind::kIntegerOverflow);
    // Two groups of locals: the count of the first takes two bytes.
    EXPECT_EQ(all(guest), (std::vector<Seen>{{inner, at(guest, inner, code) + 5},
                                             {outer, at(guest, outer, get(0) + get(1)) + 5}}));
  }
}

TEST(Activations, OfEndlessRecursionAreAllThere) {
  ModuleBuilder m;
  const auto none = m.type({}, {});
  const auto deeper = m.function(none, Code(Opcode::kNop) + Code(Opcode::kCall, 0));
  const auto starter = m.function(none, Code(Opcode::kCall, deeper));
  test::Guest guest(m.build());
  EXPECT_EQ(guest.trap(starter).kind, TrapKind::kCallStackExhausted);
  const std::vector<Seen> seen = all(guest);
  ASSERT_GT(seen.size(), 10000u);
  // The innermost did not come to its first instruction.
  EXPECT_EQ(seen.front(), (Seen{deeper, at(guest, deeper, {}) - 1}));
  for (std::size_t i = 1; i + 1 < seen.size(); ++i) {
    ASSERT_EQ(seen[i], (Seen{deeper, at(guest, deeper, Opcode::kNop)}));
  }
  EXPECT_EQ(seen.back(), (Seen{starter, at(guest, starter, {})}));
}

TEST(Activations, OfIndirectCallsThatFail) {
  ModuleBuilder m;
  const auto unary = m.type({kI32}, {});
  const auto other = m.type({kI64}, {});
  m.table(4);
  const auto wrong = m.function(other, {});
  const Code before = get(0) + get(0);
  const auto caller = m.function(unary, before + Code(Opcode::kCallIndirect, unary, 0));
  const auto outer = m.function(unary, get(0) + Code(Opcode::kCall, caller));
  m.elements(1, {wrong, caller});
  test::Guest guest(m.build());
  const struct {
    std::int32_t index;
    TrapKind kind;
  } rows[] = {{0, TrapKind::kUninitializedElement},
              {1, TrapKind::kIndirectCallTypeMismatch},
              {9, TrapKind::kUndefinedElement}};
  for (const auto& row : rows) {
    EXPECT_EQ(guest.trap(outer, {Value::i32(static_cast<std::uint32_t>(row.index))}).kind,
              row.kind);
    EXPECT_EQ(all(guest), (std::vector<Seen>{{caller, at(guest, caller, before)},
                                             {outer, at(guest, outer, get(0))}}));
  }
}

TEST(Activations, OfEveryOtherInstructionThatTraps) {
  const struct {
    Code before;
    Code code;
    TrapKind kind;
  } rows[] = {
      {{}, Opcode::kUnreachable, TrapKind::kUnreachable},
      {Code::i64(1) + Code::i64(0), Code(Opcode::kI64DivU) + Opcode::kDrop,
       TrapKind::kIntegerDivideByZero},
      {Code::i32(-2147483647 - 1) + Code::i32(-1), Code(Opcode::kI32DivS) + Opcode::kDrop,
       TrapKind::kIntegerOverflow},
      {Code::constant(kF64, 0x7ff8000000000000u), Code(Opcode::kI64TruncF64U) + Opcode::kDrop,
       TrapKind::kInvalidConversionToInteger},
      {Code::constant(kF64, 0x43f0000000000000u), Code(Opcode::kI64TruncF64U) + Opcode::kDrop,
       TrapKind::kIntegerOverflow},
      {Code::i32(65535), Code(Opcode::kI32Load16U, 1, 0) + Opcode::kDrop,
       TrapKind::kOutOfBoundsMemoryAccess},
      {Code::i32(-1) + Code::constant(kF64, 0), Code(Opcode::kF64Store, 3, 0),
       TrapKind::kOutOfBoundsMemoryAccess},
      {Code::i32(0) + Code::i32(1) + Code::i32(65536), Code(Opcode::kMemoryCopy, 0, 0),
       TrapKind::kOutOfBoundsMemoryAccess},
      {Code::i32(65536) + Code::i32(1) + Code::i32(1), Code(Opcode::kMemoryFill, 0),
       TrapKind::kOutOfBoundsMemoryAccess},
      {Code::i32(3), Code(Opcode::kTableGet, 0) + Opcode::kDrop, TrapKind::kOutOfBoundsTableAccess},
      {Code::i32(2) + Code::i32(0) + Code::i32(2), Code(Opcode::kTableCopy, 0, 0),
       TrapKind::kOutOfBoundsTableAccess},
      {Code::i32(0) + Code::i32(1) + Code::i32(1), Code(Opcode::kTableInit, 0, 0),
       TrapKind::kOutOfBoundsTableAccess},
  };
  for (const auto& row : rows) {
    ModuleBuilder m;
    m.memory(1);
    m.table(3);
    const auto none = m.type({}, {});
    const auto trapping = m.function(none, row.before + row.code);
    const auto outer = m.function(none, Code(Opcode::kCall, trapping) + Opcode::kNop);
    m.elements(0, {trapping});
    test::Guest guest(m.build());
    EXPECT_EQ(guest.trap(outer).kind, row.kind);
    EXPECT_EQ(all(guest), (std::vector<Seen>{{trapping, at(guest, trapping, row.before)},
                                             {outer, at(guest, outer, {})}}))
        << text(row.kind);
  }
}

TEST(Activations, OfAStartFunction) {
  ModuleBuilder m;
  const auto none = m.type({}, {});
  const auto bad = m.function(none, Code(Opcode::kNop) + Opcode::kUnreachable);
  const auto start = m.function(none, Code(Opcode::kCall, bad));
  m.start(start);
  const Bytes bytes = m.build();
  const auto module = Module::decode(bytes);
  ASSERT_TRUE(module.has_value());
  const Engine engine(test::host_config());
  Store store(engine);
  const auto instance = Linker(store).instantiate(**module);
  ASSERT_FALSE(instance.has_value());
  const std::uint64_t body = (*module)->bodies()[0].code.offset;
  const std::uint64_t start_body = (*module)->bodies()[1].code.offset;
  EXPECT_EQ(all(store.execution()->activations()),
            (std::vector<Seen>{{bad, body + 2}, {start, start_body + 1}}));
}

TEST(Activations, AreNoneWhereASegmentDoesNotFit) {
  ModuleBuilder m;
  m.memory(1);
  m.data(65536, "x");
  const Bytes bytes = m.build();
  const auto module = Module::decode(bytes);
  const Engine engine(test::host_config());
  Store store(engine);
  EXPECT_EQ(store.execution()->activations().count(), 0u);
  EXPECT_FALSE(Linker(store).instantiate(**module).has_value());
  EXPECT_EQ(store.execution()->activations().count(), 0u);
}

/// A host function that does what the test says, and notes what it sees.
struct Host {
  HostOutcome outcome = HostOutcome::ok();
  std::int64_t calls_back = -1;  ///< the function
  std::vector<Seen> seen;
  std::vector<Seen> seen_after;

  static HostOutcome call(void* context, Instance& caller, std::uint64_t*) {
    auto& self = *static_cast<Host*>(context);
    const Execution& thread = *caller.store().execution();
    self.seen = all(thread.activations());
    if (self.calls_back >= 0) {
      const auto function = static_cast<std::uint32_t>(self.calls_back);
      self.calls_back = -1;
      EXPECT_FALSE(caller.invoke(function).returned());
    }
    self.seen_after = all(thread.activations());
    return self.outcome;
  }
};
const FuncType kNone{};

struct HostGuest {
  static Bytes build() {
    ModuleBuilder m;
    const auto none = m.type({}, {});
    m.import_function("a", "unused", none);
    m.import_function("env", "host", none);
    m.function(none, Code(Opcode::kNop) + Code(Opcode::kCall, 1));
    m.function(none, Code(Opcode::kCall, 2) + Opcode::kNop);
    m.table(1);
    m.function(none, Code::i32(0) + Code(Opcode::kCallIndirect, 0, 0));
    m.elements(0, {1});
    m.function(none, Code(Opcode::kNop) + Opcode::kUnreachable);
    return m.build();
  }
  HostGuest() : guest(build()) {
    EXPECT_TRUE(guest.linker().define_function("env", "host", kNone, {&Host::call, &host}));
    guest.linker().set_unknown_functions(UnknownFunctions::kTrap);
  }
  std::vector<Seen> chain() const {
    return {{1, kHost}, {2, at(guest, 2, Opcode::kNop)}, {3, at(guest, 3, {})}};
  }

  Host host;
  test::Guest guest;
};

TEST(Activations, HoldTheHostFunctionThatTraps) {
  HostGuest g;
  g.host.outcome = HostOutcome::trapped(TrapKind::kHostError);
  g.guest.trap(3);
  EXPECT_EQ(all(g.guest), g.chain());
  EXPECT_EQ(g.host.seen, g.chain()) << "seen from inside";
  Activation first;
  ASSERT_TRUE(g.guest.store().execution()->activations().next(first));
  EXPECT_TRUE(first.is_host);
  ASSERT_EQ(first.instance, &g.guest.instance());
  EXPECT_EQ(first.instance->module().function_import(first.function_index).name, "host");

  g.guest.trap(4);
  EXPECT_EQ(all(g.guest), (std::vector<Seen>{{1, kHost}, {4, at(g.guest, 4, Code::i32(0))}}))
      << "called through a table";
  g.guest.trap(1);
  EXPECT_EQ(all(g.guest), (std::vector<Seen>{{1, kHost}})) << "called directly";
}

TEST(Activations, HoldAnUnknownImport) {
  HostGuest g;
  g.guest.trap(0);
  EXPECT_EQ(all(g.guest), (std::vector<Seen>{{0, kHost}}));
}

TEST(Activations, GoThroughHostFunctionsThatCallBack) {
  HostGuest g;
  g.host.calls_back = 5;
  EXPECT_TRUE(g.guest.call(3, {}).returned());
  EXPECT_EQ(g.host.seen, g.chain());
  EXPECT_EQ(g.host.seen_after, g.chain()) << "the inner run is over";

  // From inside the inner run.
  g.host.calls_back = 2;
  g.host.outcome = HostOutcome::trapped(TrapKind::kHostError);
  g.guest.trap(3);
  std::vector<Seen> nested = g.chain();
  nested.insert(nested.begin(), {{1, kHost}, {2, at(g.guest, 2, Opcode::kNop)}});
  EXPECT_EQ(g.host.seen, nested);
  EXPECT_EQ(g.host.seen_after, g.chain());
  EXPECT_EQ(all(g.guest), g.chain());
}

TEST(Activations, OfASuspendedRun) {
  HostGuest g;
  g.host.outcome = HostOutcome::suspended();
  EXPECT_EQ(g.guest.call(3, {}).kind, Outcome::Kind::kSuspended);
  EXPECT_EQ(all(g.guest), g.chain());
  g.guest.store().execution()->abandon();
  EXPECT_TRUE(all(g.guest).empty());
  g.host.outcome = HostOutcome::exited(3);
  EXPECT_EQ(g.guest.call(3, {}).kind, Outcome::Kind::kExited);
  EXPECT_TRUE(all(g.guest).empty());
}

TEST(Activations, GoThroughOtherInstances) {
  ModuleBuilder l;
  const auto none = l.type({}, {});
  const auto back = l.import_function("env", "host", none);
  const auto bad = l.function(none, Code(Opcode::kCall, back));
  l.export_as("bad", ExternKind::kFunction, bad);
  const Bytes library_bytes = l.build();
  ModuleBuilder m;
  const auto imported = m.import_function("lib", "bad", m.type({}, {}));
  const auto f = m.function(0, Code(Opcode::kNop) + Code(Opcode::kCall, imported));
  const auto outer = m.function(0, Code(Opcode::kCall, f));
  test::Guest guest(m.build());
  Host host;
  host.outcome = HostOutcome::trapped(TrapKind::kHostError);
  Linker linker(guest.store());
  ASSERT_TRUE(linker.define_function("env", "host", kNone, {&Host::call, &host}));
  const auto module = Module::decode(library_bytes);
  const auto lib = linker.instantiate(**module);
  ASSERT_TRUE(guest.linker().define_instance("lib", **lib));
  guest.trap(outer);
  EXPECT_EQ(all(guest), (std::vector<Seen>{{back, kHost},
                                           {bad, (*module)->bodies()[0].code.offset + 1},
                                           {f, at(guest, f, Opcode::kNop)},
                                           {outer, at(guest, outer, {})}}));
  Activations walk = guest.store().execution()->activations();
  Activation next;
  for (const Instance* instance : {*lib, *lib, &guest.instance(), &guest.instance()}) {
    ASSERT_TRUE(walk.next(next));
    EXPECT_EQ(next.instance, instance);
  }
}

TEST(Activations, OfAFaultInAHostFunction) {
  struct Faulting {
    std::vector<Seen> seen;
    WasmTrap trap;
    static HostOutcome call(void* context, Instance& caller, std::uint64_t*) {
      auto& self = *static_cast<Faulting*>(context);
      Execution& thread = *caller.store().execution();
      self.trap = thread.trap_at_fault(TrapKind::kOutOfMemory, {.pc = 1, .cell = 2});
      self.seen = all(thread.activations());
      return HostOutcome::trapped(TrapKind::kOutOfMemory);
    }
  } host;
  test::Guest guest(HostGuest::build());
  ASSERT_TRUE(guest.linker().define_function("env", "host", kNone, {&Faulting::call, &host}));
  guest.linker().set_unknown_functions(UnknownFunctions::kTrap);
  guest.trap(3);
  EXPECT_EQ(host.seen, (std::vector<Seen>{
                           {1, kHost}, {2, at(guest, 2, Opcode::kNop)}, {3, at(guest, 3, {})}}));
  EXPECT_EQ(host.trap.kind, TrapKind::kOutOfMemory);
  EXPECT_EQ(host.trap.byte_offset, at(guest, 2, Opcode::kNop));
}

TEST(Activations, OfAFaultBeforeAnythingRuns) {
  test::Guest guest(HostGuest::build());
  Execution& thread = *guest.store().execution();
  const WasmTrap trap = thread.trap_at_fault(TrapKind::kOutOfMemory, {});
  EXPECT_EQ(trap.kind, TrapKind::kOutOfMemory);
  EXPECT_EQ(trap.function_index, WasmTrap::kNoFunction);
  EXPECT_EQ(thread.activations().count(), 0u);
}

}  // namespace
}  // namespace quoll::wasm
