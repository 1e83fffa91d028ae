// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A program from its bytes to its end: what the end is, and what is said about it.
#include <algorithm>
#include <gtest/gtest.h>
#include <string>

#include <quoll/wasi/run.hpp>
#include <quoll/wasm/memory_provider.hpp>

#include "../unit/wasi/fake_host.hpp"
#include "module_builder.hpp"

namespace quoll::wasi::testing {
namespace {

class RunTest : public ::testing::Test {
 protected:
  End run(const Bytes& bytes, abi::Backtrace backtrace = abi::Backtrace::kShort) {
    const wasm::EngineConfig engine{.memory = wasm::host_memory_provider(),
                                    .stack_bytes = stack_bytes_,
                                    .max_memory_bytes = std::uint64_t{16} << 20,
                                    .features = features_};
    const std::string_view arguments[] = {"app.wasm"};
    const ProcessSpec process{.arguments = arguments,
                              .environment = {},
                              .streams = {FakeHost::kInput, FakeHost::kOutput, FakeHost::kErrors},
                              .preopens = {}};
    const End end = wasi::run({.host = host_,
                               .engine = engine,
                               .process = process,
                               .module = bytes,
                               .name = "app.wasm",
                               .backtrace = backtrace,
                               .running = &running_});
    EXPECT_EQ(running_, nullptr) << "the thread is gone";
    return end;
  }

  FakeHost host_;
  std::uint64_t stack_bytes_ = wasm::kDefaultStackBytes;
  wasm::Features features_;
  wasm::Execution* running_ = nullptr;
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

TEST_F(RunTest, NamesTheFeatureThatIsOff) {
  const Bytes two_memories = module({section(5, list({{0x00, 0x01}, {0x00, 0x01}}))});
  EXPECT_EQ(run(two_memories).kind, abi::EndKind::kExited);
  features_ = wasm::Features::all().without(wasm::Feature::kMultiMemory);
  EXPECT_EQ(run(two_memories).kind, abi::EndKind::kLoadFailed);
  EXPECT_TRUE(host_.errors.starts_with("quoll: app.wasm: invalid module: multiple memories at "))
      << host_.errors;
  EXPECT_TRUE(host_.errors.ends_with(" without multiple memories\n")) << host_.errors;
}

TEST_F(RunTest, SaysThatAMemoryIsLargerThanAllowed) {
  // 257 pages, of 256 that there may be.
  const End end = run(module({section(5, list({{0x00, 0x81, 0x02}}))}));
  EXPECT_EQ(end.kind, abi::EndKind::kLoadFailed);
  EXPECT_EQ(host_.errors, "quoll: app.wasm: not linked: memory or table larger than allowed\n");
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

// An error value, as in the runtime, rather than the sanitizer's end of the program.
extern "C" const char* __asan_default_options() {
  return "allocator_may_return_null=1";
}

TEST_F(RunTest, TellsApartWhyItDoesNotStart) {
  const End typed = run(module(
      {section(1, list({function_type({kI32}, {})})), section(3, list({{0x00}})),
       section(7, list({join({name("_start"), {0x00, 0x00}})})), section(10, list({body({})}))}));
  EXPECT_EQ(typed.kind, abi::EndKind::kLoadFailed);
  EXPECT_EQ(host_.errors, "quoll: app.wasm: not loaded: _start has parameters or results\n");
  host_.errors.clear();
  stack_bytes_ = std::uint64_t{1} << 62;
  const End poor = run(program({}));
  EXPECT_EQ(poor.kind, abi::EndKind::kLoadFailed);
  EXPECT_EQ(host_.errors, "quoll: app.wasm: not loaded: no memory for the stack\n");
}

/// Function 0 is env.mystery; 1, _start, calls 2, which calls 3, which has that code. The names
/// are in the section `name`.
Bytes chain(const Bytes& code, const Bytes& innermost_name) {
  const Bytes names =
      list({join({{1}, name("begin")}), join({{2}, name("größe")}), join({{3}, innermost_name})});
  return module({section(1, list({function_type({}, {})})),
                 section(2, list({import_function("env", "mystery", 0)})),
                 section(3, list({{0x00}, {0x00}, {0x00}})),
                 section(7, list({join({name("_start"), {0x00, 0x01}})})),
                 section(10, list({body({0x10, 2}), body({0x01, 0x10, 3}), body(code)})),
                 section(0, join({name("name"), section(1, names)}))});
}

TEST_F(RunTest, PrintsWhatHadBeenCalled) {
  EXPECT_EQ(run(chain({0x00}, name("inner"))).kind, abi::EndKind::kTrapped);
  EXPECT_EQ(host_.errors,
            "quoll: app.wasm: trap: unreachable (function 3 inner, offset 0x41)\n"
            "  0: 0x41 in inner (function 3)\n"
            "  1: 0x3c in größe (function 2)\n"
            "  2: 0x36 in begin (function 1)\n");
}

TEST_F(RunTest, PrintsTheHostFunctionThatTrapped) {
  EXPECT_EQ(run(chain({0x10, 0}, name("inner"))).kind, abi::EndKind::kTrapped);
  EXPECT_TRUE(
      host_.errors.ends_with("\n"
                             "  0: in env.mystery (host)\n"
                             "  1: 0x41 in inner (function 3)\n"
                             "  2: 0x3c in größe (function 2)\n"
                             "  3: 0x36 in begin (function 1)\n"))
      << host_.errors;
}

TEST_F(RunTest, PrintsNoBacktraceWhenNoneIsWanted) {
  run(chain({0x00}, name("inner")), abi::Backtrace::kOff);
  EXPECT_EQ(host_.errors, "quoll: app.wasm: trap: unreachable (function 3 inner, offset 0x41)\n");
}

TEST_F(RunTest, LeavesOutTheMiddleOfWhatIsTooLong) {
  const struct {
    abi::Backtrace style;
    std::ptrdiff_t lines;
  } rows[] = {{abi::Backtrace::kShort, 1 + 24 + 1 + 8},
              {abi::Backtrace::kFull, 1 + 200 + 1 + 50},
              {static_cast<abi::Backtrace>(77), 1 + 24 + 1 + 8}};
  for (const auto& row : rows) {
    host_.errors.clear();
    run(program({0x10, 0x00}), row.style);
    EXPECT_EQ(std::ranges::count(host_.errors, '\n'), row.lines);
    EXPECT_NE(host_.errors.find(" more ...\n"), std::string::npos);
    EXPECT_NE(host_.errors.find(" in _start (function 0)\n"), std::string::npos)
        << "the name of the export, for want of another";
  }
}

TEST_F(RunTest, PrintsNamesOfFunctionsSafely) {
  const struct {
    std::string bytes;
    std::string shown;
  } rows[] = {{"a\x1b[31mb\n", "a\\x1b[31mb\\x0a"},
              {"\xc2\x9b"
               "1m",
               "\\xc2\\x9b1m"},
              {"\x9b\x80\xff", "\\x9b\\x80\\xff"},
              {"\u202egnp", "\\xe2\\x80\\xaegnp"},
              {std::string(200, 'n'), std::string(160, 'n') + "..."},
              {std::string(159, 'n') + "ö", std::string(159, 'n') + "..."}};
  for (const auto& row : rows) {
    host_.errors.clear();
    run(chain({0x00}, name(row.bytes)));
    EXPECT_NE(host_.errors.find(" in " + row.shown + " (function 3)\n"), std::string::npos)
        << host_.errors;
  }
  host_.errors.clear();
  run(chain({0x00}, name("")));
  EXPECT_NE(host_.errors.find(" in function 3\n"), std::string::npos) << "it has no name at all";
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
