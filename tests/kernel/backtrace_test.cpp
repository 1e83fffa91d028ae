// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Walks over real and over destroyed stacks, and what a backtrace costs. That reports name the
// right functions through traps, interrupts and awaits is said by the failures' own tests.
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <quoll/arch/clock.hpp>
#include <quoll/arch/hart_local.hpp>
#include <quoll/backtrace/print.hpp>
#include <quoll/backtrace/symbols.hpp>
#include <quoll/backtrace/walker.hpp>
#include <quoll/kernel/state/state.hpp>
#include <quoll/kernel/tests/test.hpp>
#include <quoll/kernel/tracing/console.hpp>
#include <quoll/log/format.hpp>
#include <quoll/mem/address.hpp>

// NOLINTBEGIN(readability-identifier-naming): the link script's names
extern "C" {
extern const std::byte __eh_frame_start[];
extern const std::byte __eh_frame_end[];
extern const std::byte __eh_frame_hdr_start[];
extern const std::byte __eh_frame_hdr_end[];
}
// NOLINTEND(readability-identifier-naming)

/// A function that a backtrace can name in every build.
#define QUOLL_NAMED [[gnu::noinline, clang::disable_tail_calls]]

namespace quoll {
namespace {

using backtrace::Frame;
using backtrace::Location;
using backtrace::Registers;
using backtrace::StackRange;
using backtrace::Walker;

backtrace::UnwindTables tables() noexcept {
  const auto address = [](const std::byte* at) { return mem::address_of(at).value(); };
  return {{address(__eh_frame_start), address(__eh_frame_end)},
          {address(__eh_frame_hdr_start), address(__eh_frame_hdr_end)}};
}

StackRange own_stack() noexcept {
  return {arch::hart_local().stack_low, arch::hart_local().stack_high};
}

std::optional<backtrace::Symbols> symbols() noexcept {
  const handoff::BootInfo& info = *kernel::state().boot_info;
  const mem::VirtualAddress start(info.physmap.to_virtual(info.kernel_symbols.start));
  const auto opened = backtrace::Symbols::open(
      {static_cast<const std::byte*>(mem::to_pointer(start)), info.kernel_symbols.size()});
  if (!opened) return std::nullopt;
  return *opened;
}

template <typename... A>
void say(log::Format<std::type_identity_t<A>...> format, const A&... values) noexcept {
  std::array<char, 200> text;
  tracing::write(
      std::string_view(text.data(), log::format_to(std::span<char>(text), format, values...)));
}

/// The names of a walk, innermost first; inlined functions among them.
struct Names {
  std::array<std::string_view, 128> names{};
  std::array<bool, 128> inlined{};
  std::size_t count = 0;
  backtrace::WalkEnd end = backtrace::WalkEnd::kNone;

  void add(const Location& location) noexcept {
    for (std::size_t i = 0; i < location.count && count < names.size(); ++i) {
      inlined[count] = i + 1 != location.count;
      names[count++] = location.places[i].function;
    }
  }
  /// Where a name that ends so stands; the count when nowhere.
  std::size_t find(std::string_view end_of_name) const noexcept {
    std::size_t at = 0;
    while (at < count && !names[at].ends_with(end_of_name)) ++at;
    return at;
  }
};

Names names_of(const Registers& start) noexcept {
  Names names;
  const auto table = symbols();
  if (!table) return names;
  const std::array<StackRange, 1> stacks{own_stack()};
  Walker walker(start, stacks, tables());
  while (const auto frame = walker.next()) {
    if (const auto location = table->find(frame->position() - tracing::kernel_bias())) {
      names.add(*location);
    }
  }
  names.end = walker.end();
  return names;
}

[[gnu::always_inline]] inline Names walk_inlined() noexcept {
  return names_of(Registers::here());
}
QUOLL_NAMED Names walk_from_inner() noexcept {
  return walk_inlined();
}
QUOLL_NAMED Names walk_from_outer(unsigned depth) noexcept {
  return depth == 0 ? walk_from_inner() : walk_from_outer(depth - 1);
}

KTEST(Backtrace, NamesCallersAndInlinedFunctionsUpToTheEntry) {
  const Names names = walk_from_outer(3);
  const std::size_t inlined = names.find("walk_inlined");
  const std::size_t inner = names.find("walk_from_inner");
  const std::size_t outer = names.find("walk_from_outer");
  ASSERT_TRUE(outer < names.count);
  EXPECT_TRUE(inlined < inner && inner < outer);
  EXPECT_TRUE(names.inlined[inlined]);
  EXPECT_FALSE(names.inlined[inner]);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(names.names[outer + i] == names.names[outer]);
  EXPECT_TRUE(names.find("kernel_start") < names.count);
  EXPECT_TRUE(names.end == backtrace::WalkEnd::kOutermost);
}

KTEST(Backtrace, WildJumpBeginsAtTheCaller) {
  Registers registers = Registers::here();
  registers.x[1] = registers.pc();
  registers.x[0] = 0;
  const Names names = names_of(registers);
  EXPECT_TRUE(names.find("kernel_start") < names.count);
  EXPECT_TRUE(names.end == backtrace::WalkEnd::kOutermost);
}

std::size_t steps(const Registers& start, std::span<const StackRange> stacks) noexcept {
  Walker walker(start, stacks, tables());
  std::size_t count = 0;
  while (walker.next()) ++count;
  EXPECT_TRUE(walker.end() != backtrace::WalkEnd::kNone);
  return count;
}

KTEST(Backtrace, EndsWhereTheStackPointerIsNoGood) {
  const std::array<StackRange, 1> stacks{own_stack()};
  for (const std::uint64_t bad :
       {std::uint64_t{0}, std::uint64_t{0x1234}, stacks[0].low - 65536, stacks[0].high + 16,
        ~std::uint64_t{15}, Registers::here().stack_pointer() + 4}) {
    Registers registers = Registers::here();
    registers.x[2] = bad;
    // The frame pointer may still lead back to the stack; without it nothing does.
    EXPECT_TRUE(steps(registers, stacks) >= 1);
    registers.x[8] = bad;
    EXPECT_EQ(steps(registers, stacks), std::size_t{1});
  }
}

// Any bytes on the stack, any registers, any place in the code: it ends, and touches nothing else.
KTEST(Backtrace, EndsOnDestroyedStacks) {
  static constinit std::array<std::uint64_t, 512> stack{};
  const std::uint64_t low = mem::address_of(stack.data()).value();
  const std::array<StackRange, 1> stacks{{{(low + 15) & ~std::uint64_t{15}, low + sizeof(stack)}}};
  std::uint64_t state = arch::read_time() | 1;
  say("seed {:#x}\n", state);
  const auto random = [&state] {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
  };
  // Where functions are: real ones, so that real rules are followed over nonsense.
  std::array<std::uint64_t, 40> code{};
  std::size_t functions = 0;
  const std::array<StackRange, 1> own{own_stack()};
  Walker walker(Registers::here(), own, tables());
  while (const auto frame = walker.next()) {
    if (functions < code.size()) code[functions++] = frame->pc;
  }
  std::size_t longest = 0;
  for (int round = 0; round < 2000; ++round) {
    for (std::uint64_t& word : stack) {
      const std::uint64_t kind = random() % 4;
      word = kind == 0   ? code[random() % functions] + random() % 64
             : kind == 1 ? stacks[0].low + random() % sizeof(stack)
                         : random();
    }
    Registers registers;
    for (std::uint64_t& x : registers.x) {
      x = random() % 2 == 0 ? stacks[0].low + random() % 512 * 8 : random();
    }
    registers.x[0] = code[random() % functions];
    registers.x[1] = code[random() % functions];
    registers.x[2] = stacks[0].low + random() % 32 * 16;
    const std::size_t count = steps(registers, stacks);
    EXPECT_TRUE(count >= 1 && count <= Walker::kMaxFrames);
    longest = count > longest ? count : longest;
  }
  EXPECT_TRUE(longest > 1);
}

std::size_t printed_bytes;
void count_bytes(std::string_view text) noexcept {
  printed_bytes += text.size();
}

QUOLL_NAMED std::uint64_t cost_at(unsigned depth, unsigned& frames) noexcept {
  if (depth != 0) {
    const std::uint64_t cost = cost_at(depth - 1, frames);
    asm volatile("");
    return cost;
  }
  const std::uint64_t before = arch::read_instructions();
  const std::array<StackRange, 1> stacks{own_stack()};
  const auto table = symbols();
  Walker walker(Registers::here(), stacks, tables());
  while (const auto frame = walker.next()) {
    backtrace::print_frame(&count_bytes, backtrace::Style::kFull, frames++, frame->pc,
                           frame->position() - tracing::kernel_bias(), table ? &*table : nullptr);
  }
  return arch::read_instructions() - before;
}

// The limit is a tenth of 10 ms at one instruction per nanosecond; the console is not in it. Only a
// machine that counts instructions (`bench=`, and QEMU's -icount) can tell.
KTEST(Backtrace, TwentyFramesCostLittle) {
  unsigned frames = 0;
  printed_bytes = 0;
  const std::uint64_t instructions = cost_at(20, frames);
  say("a backtrace of {} frames ({} bytes): {} instructions, {} per frame\n", frames, printed_bytes,
      instructions, instructions / frames);
  EXPECT_TRUE(frames >= 20 && frames < Walker::kMaxFrames);
  if (kernel::state().arguments.bench.empty()) return;
  EXPECT_TRUE(instructions < 1'000'000);
}

}  // namespace
}  // namespace quoll
