// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A program from its bytes to its end: what the end is, and what is said about it.
#include <gtest/gtest.h>

#include <quoll/wasi/run.hpp>
#include <quoll/wasm/memory_provider.hpp>

#include "../unit/wasi/fake_host.hpp"
#include "module_builder.hpp"

namespace quoll::wasi::testing {
namespace {

class RunTest : public ::testing::Test {
 protected:
  End run(const Bytes& bytes) {
    const wasm::EngineConfig engine{.memory = wasm::host_memory_provider(),
                                    .max_memory_bytes = std::uint64_t{16} << 20};
    const std::string_view arguments[] = {"app.wasm"};
    const ProcessSpec process{.arguments = arguments,
                              .environment = {},
                              .streams = {FakeHost::kInput, FakeHost::kOutput, FakeHost::kErrors},
                              .preopens = {}};
    return wasi::run(
        {.host = host_, .engine = engine, .process = process, .module = bytes, .name = "app.wasm"});
  }

  FakeHost host_;
};

const Bytes kExitType = function_type({kI32}, {});

TEST_F(RunTest, ReturnsFromStart) {
  const End end = run(program({}));
  EXPECT_EQ(end.kind, abi::EndKind::kExited);
  EXPECT_EQ(end.status, 0u);
  EXPECT_EQ(host_.errors, "");
}

TEST_F(RunTest, LoadsALibraryAndDoesNothingElse) {
  const End end = run(module({}));
  EXPECT_EQ(end.kind, abi::EndKind::kExited);
  EXPECT_EQ(end.status, 0u);
  EXPECT_EQ(host_.errors, "");
}

TEST_F(RunTest, ExitsWithTheProgramsStatus) {
  for (const char* interface : {"wasi_snapshot_preview1", "wasi_unstable"}) {
    // i32.const 7, call 0, unreachable
    const End end = run(program(kExitType, interface, "proc_exit", {0x41, 7, 0x10, 0, 0x00}));
    EXPECT_EQ(end.kind, abi::EndKind::kExited);
    EXPECT_EQ(end.status, 7u);
  }
  EXPECT_EQ(host_.errors, "");
}

TEST_F(RunTest, NamesRuleAndOffsetOfAMalformedModule) {
  const End end = run({0x00, 'a', 's', 'm', 0x01, 0x00, 0x00});
  EXPECT_EQ(end.kind, abi::EndKind::kLoadFailed);
  EXPECT_TRUE(host_.errors.starts_with("quoll: app.wasm: malformed module: ")) << host_.errors;
  EXPECT_NE(host_.errors.find(" at byte 0x"), std::string::npos) << host_.errors;
  EXPECT_TRUE(host_.errors.ends_with("\n"));
}

TEST_F(RunTest, NamesRuleAndOffsetOfAnInvalidModule) {
  // i32.add on an empty stack
  const End end = run(program({0x6a}));
  EXPECT_EQ(end.kind, abi::EndKind::kLoadFailed);
  EXPECT_TRUE(host_.errors.starts_with("quoll: app.wasm: invalid module: type mismatch at byte 0x"))
      << host_.errors;
}

TEST_F(RunTest, RefusesEveryTruncationOfAProgram) {
  const Bytes whole = program(kExitType, "wasi_unstable", "proc_exit", {0x41, 7, 0x10, 0});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    host_.errors.clear();
    const End end = run(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    // Cut between two sections it can be a module still, of a program that has no start.
    if (end.kind == abi::EndKind::kExited) continue;
    EXPECT_EQ(end.kind, abi::EndKind::kLoadFailed);
    EXPECT_NE(host_.errors.find(" at byte 0x"), std::string::npos) << size << host_.errors;
  }
}

TEST_F(RunTest, SaysWhereATrapHappened) {
  const End end = run(program({0x00}));
  EXPECT_EQ(end.kind, abi::EndKind::kTrapped);
  EXPECT_TRUE(host_.errors.starts_with("quoll: app.wasm: trap: unreachable (function 0, offset 0x"))
      << host_.errors;
}

TEST_F(RunTest, ReportsATrapOfTheStartFunction) {
  const End end = run(module({section(1, list({function_type({}, {})})), section(3, list({{0x00}})),
                              section(8, {0x00}), section(10, list({body({0x00})}))}));
  EXPECT_EQ(end.kind, abi::EndKind::kTrapped);
  EXPECT_TRUE(host_.errors.starts_with("quoll: app.wasm: trap: unreachable")) << host_.errors;
}

TEST_F(RunTest, TrapsWhenRecursionHasNoEnd) {
  const End end = run(program({0x10, 0x00}));
  EXPECT_EQ(end.kind, abi::EndKind::kTrapped);
  EXPECT_TRUE(host_.errors.starts_with("quoll: app.wasm: trap: call stack exhausted"))
      << host_.errors;
}

TEST_F(RunTest, GrowsMemoryOnlyAsFarAsItMay) {
  // loop: memory.grow 1, i32.const -1, i32.ne, br_if 0, end
  const End end = run(program({0x03, 0x40, 0x41, 1, 0x40, 0x00, 0x41, 0x7f, 0x47, 0x0d, 0, 0x0b}));
  EXPECT_EQ(end.kind, abi::EndKind::kExited);
  EXPECT_EQ(host_.errors, "");
}

TEST_F(RunTest, TrapsWithTheNameOfAnUnknownImportWhenItIsCalled) {
  const End unused = run(program(kExitType, "env", "mystery", {}));
  EXPECT_EQ(unused.kind, abi::EndKind::kExited) << "it links";
  const End called = run(program(kExitType, "env", "mystery", {0x41, 7, 0x10, 0}));
  EXPECT_EQ(called.kind, abi::EndKind::kTrapped);
  EXPECT_NE(host_.errors.find("env.mystery"), std::string::npos) << host_.errors;
}

TEST_F(RunTest, DoesNotKnowAFunctionOfAnotherType) {
  const Bytes type = function_type({kI64}, {});
  const End end = run(program(type, "wasi_snapshot_preview1", "proc_exit", {0x42, 7, 0x10, 0}));
  EXPECT_EQ(end.kind, abi::EndKind::kTrapped);
  EXPECT_NE(host_.errors.find("wasi_snapshot_preview1.proc_exit"), std::string::npos)
      << host_.errors;
}

TEST_F(RunTest, RefusesAnImportThatIsNoFunction) {
  const End end =
      run(module({section(2, list({join({name("env"), name("m"), {0x02, 0x00, 1}})}))}));
  EXPECT_EQ(end.kind, abi::EndKind::kLoadFailed);
  EXPECT_NE(host_.errors.find("env.m"), std::string::npos) << host_.errors;
}

TEST_F(RunTest, PrintsNamesOfAModuleWithoutTheirControlCharacters) {
  run(program(kExitType, "e\x1b[31mv", std::string(3000, 'n'), {0x41, 7, 0x10, 0}));
  EXPECT_EQ(host_.errors.find('\x1b'), std::string::npos);
  EXPECT_LT(host_.errors.size(), 600u);
  EXPECT_TRUE(host_.errors.ends_with("\n"));
}

TEST_F(RunTest, AnswersEnosysForWhatIsNotOffered) {
  // proc_raise(0) != 52 ? unreachable
  const Bytes type = function_type({kI32}, {kI32});
  const End end = run(program(type, "wasi_snapshot_preview1", "proc_raise",
                              {0x41, 0, 0x10, 0, 0x41, 52, 0x47, 0x04, 0x40, 0x00, 0x0b}));
  EXPECT_EQ(end.kind, abi::EndKind::kExited) << host_.errors;
}

}  // namespace
}  // namespace quoll::wasi::testing
