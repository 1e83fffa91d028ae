// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Steps with libunwind's parser of the tables. It sees memory through `BoundedMemory`, so that a
// destroyed stack cannot make it touch anything else.
#include <AddressSpace.hpp>
#include <DwarfInstructions.hpp>
#include <EHHeaderParser.hpp>
#include <Registers.hpp>
#include <cstring>

#include <quoll/backtrace/walker.hpp>

namespace quoll::backtrace {
namespace {

/// Memory as libunwind's templates want it: the tables as they are, of everything else only the
/// given stacks. Elsewhere there are zeros, and `refused` says so.
class BoundedMemory : public libunwind::LocalAddressSpace {
 public:
  BoundedMemory(std::span<const StackRange> stacks, const UnwindTables& tables) noexcept
      : stacks_(stacks), tables_(tables) {}

  bool refused() const noexcept { return refused_; }

  // The names are libunwind's.
  std::uint8_t get8(pint_t address) noexcept { return get<std::uint8_t>(address); }
  std::uint16_t get16(pint_t address) noexcept { return get<std::uint16_t>(address); }
  std::uint32_t get32(pint_t address) noexcept { return get<std::uint32_t>(address); }
  std::uint64_t get64(pint_t address) noexcept { return get<std::uint64_t>(address); }
  pint_t getP(pint_t address) noexcept { return get<std::uint64_t>(address); }
  std::uint64_t getRegister(pint_t address) noexcept { return get<std::uint64_t>(address); }

 private:
  template <typename T>
  T get(pint_t address) noexcept {
    T value{};
    if (!readable(address, sizeof(T))) {
      refused_ = true;
      return value;
    }
    // SAFETY: inside a stack or a table, both mapped.
    std::memcpy(&value, reinterpret_cast<const void*>(address), sizeof(T));
    return value;
  }

  bool readable(std::uint64_t address, std::uint64_t size) const noexcept {
    if (tables_.frames.holds(address, size) || tables_.index.holds(address, size)) return true;
    for (const StackRange& stack : stacks_) {
      if (stack.holds(address, size)) return true;
    }
    return false;
  }

  std::span<const StackRange> stacks_;
  const UnwindTables& tables_;
  bool refused_ = false;
};

using Parser = libunwind::CFI_Parser<BoundedMemory>;
using Index = libunwind::EHHeaderParser<BoundedMemory>;
using Instructions = libunwind::DwarfInstructions<BoundedMemory, libunwind::Registers_riscv>;

constexpr std::uint64_t kStackAlignment = 16;
constexpr std::size_t kOtherLink = 5;  // t0

}  // namespace

std::string_view to_string(WalkEnd end) noexcept {
  switch (end) {
    case WalkEnd::kNone:
    case WalkEnd::kOutermost:
      return "";
    case WalkEnd::kNoTable:
      return "nothing is known of the code there";
    case WalkEnd::kBadStack:
      return "the stack is not sound beyond this";
    case WalkEnd::kTooManyFrames:
      return "and more";
  }
  return "";
}

bool Walker::on_stack(std::uint64_t stack_pointer) const noexcept {
  if (stack_pointer % kStackAlignment != 0) return false;
  for (const StackRange& stack : stacks_) {
    if (stack.holds(stack_pointer, 0)) return true;
  }
  return false;
}

// From this function's registers to its caller's.
WalkEnd Walker::step() noexcept {
  const std::uint64_t stack_pointer = registers_.stack_pointer();
  const Frame frame{registers_.pc(), stack_pointer, exact_};
  BoundedMemory memory(stacks_, tables_);
  Parser::FDE_Info function{};
  Parser::CIE_Info common{};
  const auto find = [&](std::uint64_t address) noexcept {
    return Index::findFDE(memory, address, tables_.index.low,
                          static_cast<std::uint32_t>(tables_.index.high - tables_.index.low),
                          &function, &common);
  };
  if (!find(frame.position())) {
    // A call through a wrong pointer, or assembly without tables: the stack is the caller's, who is
    // still in ra, or in the other link register if this code has called a part of itself.
    std::uint64_t caller = registers_.return_address();
    if (!exact_ || caller == 0) return WalkEnd::kNoTable;
    if (!find(caller - 1) && find(registers_.x[kOtherLink] - 1)) caller = registers_.x[kOtherLink];
    exact_ = false;
    registers_.x[0] = caller;
    return WalkEnd::kNone;
  }

  libunwind::Registers_riscv state(registers_.x.data());
  bool is_trap = false;
  // What the tables say up to and including the position.
  if (Instructions::stepWithDwarf(memory, frame.position() + 1, function.fdeStart, state, is_trap,
                                  false) != UNW_STEP_SUCCESS) {
    return WalkEnd::kNoTable;
  }
  if (memory.refused()) return WalkEnd::kBadStack;
  for (int i = 1; i < 32; ++i) registers_.x[static_cast<std::size_t>(i)] = state.getRegister(i);
  registers_.x[0] = state.getIP();
  if (registers_.pc() == 0 && !is_trap) return WalkEnd::kOutermost;
  // Only a function that has not made its frame yet, or never does, has none; a trap may have
  // begun on another stack, which the next step looks at. A stack pointer that is off its stack
  // says nothing; the frame pointer may still lead back.
  const std::uint64_t caller = registers_.stack_pointer();
  const bool upwards = caller > stack_pointer || (caller == stack_pointer && exact_);
  if (!is_trap && (!on_stack(caller) || (on_stack(stack_pointer) && !upwards))) {
    return WalkEnd::kBadStack;
  }
  exact_ = is_trap;
  return WalkEnd::kNone;
}

std::optional<Frame> Walker::next() noexcept {
  if (end_ != WalkEnd::kNone) return std::nullopt;
  if (frames_left_ == 0) {
    end_ = WalkEnd::kTooManyFrames;
    return std::nullopt;
  }
  --frames_left_;
  if (!first_) {
    end_ = step();
    if (end_ != WalkEnd::kNone) return std::nullopt;
  }
  first_ = false;
  return Frame{registers_.pc(), registers_.stack_pointer(), exact_};
}

}  // namespace quoll::backtrace
