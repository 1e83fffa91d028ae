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
  if (!Index::findFDE(memory, frame.position(), tables_.index.low,
                      static_cast<std::uint32_t>(tables_.index.high - tables_.index.low), &function,
                      &common)) {
    // A call through a wrong pointer: the caller is still in ra, and the stack is the caller's.
    if (!exact_ || guessed_ || registers_.return_address() == 0) return WalkEnd::kNoTable;
    guessed_ = true;
    exact_ = false;
    registers_.x[0] = registers_.return_address();
    return WalkEnd::kNone;
  }
  if (!on_stack(stack_pointer)) return WalkEnd::kBadStack;

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
  // begun on another stack, which the next step looks at.
  const std::uint64_t caller = registers_.stack_pointer();
  if (!is_trap &&
      (caller < stack_pointer || (caller == stack_pointer && !exact_) || !on_stack(caller))) {
    return WalkEnd::kBadStack;
  }
  if (is_trap) guessed_ = false;
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
