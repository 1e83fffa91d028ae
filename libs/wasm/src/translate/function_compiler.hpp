// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// FunctionCompiler: one pass over a function's body that validates it and, if asked to, translates
// it to threaded code.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

#include <quoll/containers/vector.hpp>
#include <quoll/wasm/instance.hpp>
#include <quoll/wasm/module.hpp>
#include <quoll/wasm/opcodes.hpp>

#include "decode/reader.hpp"
#include "interpret/handlers.hpp"
#include "translate/code_buffer.hpp"
#include "translate/local_types.hpp"

namespace quoll::wasm {

/// A value on the operand stack at translation time.
///
/// A constant or a local that was pushed stays a description until an instruction takes it; a
/// temporary lies in the slot that belongs to its height on the stack.
struct StackEntry {
  enum class Kind : std::uint8_t { kTemporary, kConstant, kLocal };

  ValueType type = ValueType::kI32;
  bool unknown = false;  ///< of any type: popped from below unreachable code
  Kind kind = Kind::kTemporary;
  std::uint32_t local = 0;  ///< its number; of a constant that is a function, the function's
  std::uint64_t bits = 0;   ///< of a constant; an i32 is sign-extended
};

/// An open block.
struct ControlFrame {
  enum class Kind : std::uint8_t { kFunction, kBlock, kLoop, kIf, kElse };
  // Block types: none, one value, or an index into the module's types.
  static constexpr std::uint32_t kEmpty = 0xffffffffu;
  static constexpr std::uint32_t kOneResult = 0x80000000u;

  Kind kind = Kind::kBlock;
  bool unreachable = false;  ///< the rest of the block cannot be reached: its stack is polymorphic
  bool live = true;          ///< code in front of the block was translated
  std::uint32_t block_type = kEmpty;
  std::uint32_t height = 0;
  std::uint32_t start = 0;      ///< of a loop's code
  PendingBranch branches;       ///< to the end
  PendingBranch else_branch;    ///< of an `if`
  PendingBranch table_entries;  ///< of the branch table being translated, to a stub for this label
};

/// An operand as a handler takes it.
struct Source {
  Operand operand = Operand::kSlot;
  std::uint32_t slot = 0;  ///< of an immediate that is a function, the function's number
  std::uint64_t bits = 0;
};

/// What decides on the handler of a cell with a result.
struct Shape {
  Family family = Family::kSpecial;
  Operation operation = Operation::kNone;
  Width width = Width::k32;
  Operand a = Operand::kSlot;
  Operand b = Operand::kSlot;
  Operand c = Operand::kSlot;
  Operand d = Operand::kSlot;
  // On vectors the opcode decides, and `a` is the class of the operand that is none.
  Opcode opcode = Opcode::kNop;
  Lanes lanes = Lanes::kNone;                    ///< that a shuffle moves
  Addressing addressing = Addressing::kFirst32;  ///< of loads and stores
};

/// What stands behind the opcode of a load or store.
struct MemoryArgument {
  std::uint32_t memory = 0;
  AddressType address = AddressType::k32;
  std::uint64_t offset = 0;
};

/// The address of an access as its handler takes it.
struct AccessOperand {
  Addressing addressing = Addressing::kFirst32;
  Operand operand = Operand::kSlot;
  std::uint64_t word = 0;  ///< the second word's part of it
  std::uint64_t extra[2] = {};
  std::size_t extra_words = 0;

  std::span<const std::uint64_t> words() const { return {extra, extra_words}; }
};

/// A cell whose result can still be sent elsewhere.
struct Producer {
  static constexpr std::uint32_t kNone = 0xffffffffu;

  std::uint32_t word = kNone;
  std::uint8_t result_field = 0;  ///< which 16 bits, counted from the second word
  Shape shape;

  bool exists() const { return word != kNone; }
};

/// What an accumulator holds.
struct Accumulator {
  enum class Holds : std::uint8_t { kNothing, kTemporary, kLocal };

  Holds holds = Holds::kNothing;
  std::uint32_t index = 0;  ///< height on the stack, or number of the local
  Producer producer;        ///< of a temporary that nothing else has seen
};

/// A condition of a branch: a value, or a comparison that the branch takes over.
struct Condition {
  bool is_comparison = false;
  Shape comparison;
  std::uint64_t word = 0;   ///< operands, without a result
  std::uint64_t extra = 0;  ///< immediate of a comparison of f64
  Source value;
};

/// What stands behind the opcode of an instruction on vectors.
struct VectorImmediates {
  MemoryArgument memory;        ///< of an access
  std::uint8_t lane = 0;        ///< of an instruction on one lane
  std::uint8_t bytes[16] = {};  ///< a constant, or the lanes of a shuffle
};

/// Whether code that leaves a block is all there is from here on, or stands behind a branch that
/// may skip it; what is known about the stack then has to hold afterwards as well.
enum class Path : std::uint8_t { kOnly, kConditional };

/// Validates and translates function bodies. One object can be used for many, one after another.
class FunctionCompiler {
 public:
  /// For validation. `declared` has a bit for each function that `ref.func` may name.
  FunctionCompiler(const Module& module, std::span<const std::uint64_t> declared)
      : module_(module), declared_(declared), reader_({}, 0) {}
  /// For translation of validated bodies in an instance.
  explicit FunctionCompiler(Instance& instance)
      : module_(instance.module()), instance_(&instance), reader_({}, 0) {}

  /// Checks the body and chooses its pins. False: `error` says which rule it breaks.
  bool validate(std::uint32_t function, FunctionBody& body);
  /// Translates a function. False: memory is short.
  bool translate(std::uint32_t function);
  const ModuleError& error() const { return reader_.error(); }
  /// The first instruction that names a data segment though there is no data count.
  struct UncountedData {
    bool exists = false;
    std::uint64_t offset = 0;
  };
  const UncountedData& uncounted_data() const { return uncounted_data_; }
  const CodeBuffer& code() const { return code_; }
  /// What is translated from now on comes with notes; see `CodeBuffer`.
  void keep_notes(containers::Vector<CodeNote>& notes) { code_.keep_notes(notes); }

 private:
  // On the operand stack: of any type.
  static constexpr ValueType kUnknown{};
  // Most values that may wait as descriptions; older ones are put into their slots.
  static constexpr std::uint32_t kMaxPending = 32;
  static constexpr std::uint32_t kCountedLocals = LocalTypes::kCached;
  // Near slots of frames that need more than 16 bits: for three operands and a result, each with
  // room for a vector.
  static constexpr std::uint32_t kScratchSlots = 8;
  static constexpr unsigned kResultScratch = 3;
  // The last lane of a vector there can still be reached.
  static constexpr std::uint32_t kMaxNarrowSlot = (0xffff - 15) / 8;
  // Vectors have no accumulator; what stands here for them is the producer of the last result.
  enum File : std::uint8_t { kInteger, kSingle, kDouble, kVector };
  static constexpr std::size_t kFiles = 4;

  // function_compiler.cpp
  bool compile(std::uint32_t function, const FunctionBody& body);
  bool read_locals(const FuncType& type);
  bool instruction();
  bool special(Opcode opcode);
  void begin_code(const FuncType& type);
  void finish_code();
  /// A cell where a run can be ended from outside, if the engine is to have some.
  void look_for_interruption();
  void choose_pins(FunctionBody& body) const;
  bool fail(Rule rule) { return reader_.fail(rule, at_); }

  // operand_stack.cpp; what each instruction does is inline, in operand_stack.hpp
  bool push(const StackEntry& entry);
  bool push(ValueType type);
  bool make_room();
  bool settle_pushed(ValueType type);
  void drop_top();
  bool place(ValueType type);
  bool begin_slots();
  bool pop(StackEntry& out);
  bool pop(ValueType expected, StackEntry& out);
  bool pop(ValueType expected);
  bool pop_from_below(StackEntry& out);
  bool pop_all(std::span<const ValueType> types);
  bool push_all(std::span<const ValueType> types);
  bool check_top(std::span<const ValueType> types);
  ValueType type_at(std::uint32_t height) const;
  std::uint32_t height() const { return height_; }

  // emit.cpp: everything below does nothing while no code is written
  bool emitting() const { return live_; }
  static File file_of(ValueType type);
  Operand pin_of(std::uint32_t local, ValueType type) const;
  std::uint32_t local_slot(std::uint32_t local) const;
  std::uint32_t home_slot(std::uint32_t height) const {
    return temporaries_ + (has_vectors_ ? slots_[height] : height);
  }
  std::uint32_t scratch_slot(unsigned scratch) const { return scratch_ + 2 * scratch; }
  std::uint16_t narrow(std::uint32_t slot, unsigned scratch, ValueType type = ValueType::kI64);
  void move_far(std::uint32_t from, std::uint32_t to, ValueType type);
  void cell(Handler handler, std::uint64_t word);
  void append_constant(const Source& source, ValueType type);
  void store_at(std::uint32_t slot, const Source& source, ValueType type);
  void flush(std::uint32_t height);
  void flush_top(std::uint32_t count);
  void flush_all() { flush_top(height()); }
  void barrier() { last_cell_ = Producer::kNone; }
  void flush_local(std::uint32_t local);
  void commit(std::uint32_t height);
  void forget_accumulators();
  void release(std::uint32_t from_height);
  void forget_local(std::uint32_t local);
  Source source_of(const StackEntry& entry, std::uint32_t height);
  Source use(const StackEntry& entry, std::uint32_t height, unsigned classes);
  Source use_in_slot(const StackEntry& entry, std::uint32_t height);
  Handler find(const Shape& shape) const;
  void emit_result(const Shape& shape, std::uint64_t word, std::uint8_t result_field,
                   ValueType type, std::span<const std::uint64_t> extra = {});
  void set_result(std::uint32_t word, std::uint8_t result_field, std::uint32_t slot);
  bool retarget(Producer& producer, Operand d);
  void move_to_local(const StackEntry& entry, std::uint32_t height, std::uint32_t local,
                     ValueType type);
  void add_trap_site() {
    if (emitting()) code_.add_site(static_cast<std::uint32_t>(at_ - body_->code.offset));
  }

  // numeric.cpp
  bool numeric(const OpcodeInfo& info);
  void emit_numeric(const OpcodeInfo& info, StackEntry a, StackEntry b);
  void emit_binary(const OpcodeInfo& info, StackEntry a, StackEntry b);
  void emit_unary(const OpcodeInfo& info, const StackEntry& a);
  bool invert_comparison();
  bool constant(Opcode opcode);

  // memory.cpp
  bool memory_access(const OpcodeInfo& info);
  bool read_memory_argument(const OpcodeInfo& info, MemoryArgument& out);
  bool read_offset(std::uint64_t& out);
  AccessOperand use_address(const StackEntry& address, const MemoryArgument& argument);
  void note_memory(const AccessOperand& access, std::uint32_t memory);
  void emit_load(const OpcodeInfo& info, const StackEntry& address, const MemoryArgument& argument);
  void emit_store(const OpcodeInfo& info, const StackEntry& address, const StackEntry& value,
                  const MemoryArgument& argument);
  bool memory_special(Opcode opcode);
  bool emit_on_memories(Handler (*find)(Reach), std::span<const ValueType> operands,
                        std::span<const std::uint32_t> memories,
                        const std::uint32_t* segment = nullptr);
  bool read_memory_index(std::uint32_t& out);
  bool read_data_index(std::uint32_t& out);

  // variable.cpp
  bool local_instruction(Opcode opcode);
  bool global_instruction(Opcode opcode);
  bool select_instruction(Opcode opcode);
  void emit_select(const StackEntry& a, const StackEntry& b, const StackEntry& condition,
                   ValueType type);
  bool read_select_type(ValueType& out);
  void count_local(std::uint32_t local);

  // vector.cpp
  bool vector_instruction(Opcode opcode);
  bool read_vector_immediates(const OpcodeInfo& row, VectorImmediates& out);
  std::uint16_t use_vector(const StackEntry& entry, std::uint32_t height, unsigned scratch);
  void emit_vector(Opcode opcode, std::span<const StackEntry> operands,
                   const VectorImmediates& immediates);
  void emit_lanes(Shape shape, std::span<const StackEntry> operands);
  void emit_shift(Shape shape, const StackEntry& vector, const StackEntry& amount);
  void emit_extract(const Shape& shape, const StackEntry& vector, std::uint8_t lane);
  void emit_replace(Shape shape, std::span<const StackEntry> operands, std::uint8_t lane);
  void emit_shuffle(Shape shape, std::span<const StackEntry> operands,
                    std::span<const std::uint8_t, 16> bytes);
  void emit_vector_load(Shape shape, std::span<const StackEntry> operands,
                        const VectorImmediates& immediates);
  void emit_vector_store(Opcode opcode, std::span<const StackEntry> operands,
                         const VectorImmediates& immediates);

  // table.cpp
  bool table_instruction(Opcode opcode);
  bool reference_instruction(Opcode opcode);
  bool read_table_index(std::uint32_t& out);
  bool read_element_index(std::uint32_t& out);
  bool emit_on_tables(Handler handler, std::span<const ValueType> operands,
                      std::initializer_list<std::uint32_t> tables,
                      const std::uint32_t* segment = nullptr);
  void emit_slots(Handler handler, std::span<const ValueType> operands);

  // control.cpp
  bool control(Opcode opcode);
  bool read_block_type(std::uint32_t& out);
  FuncType block_type(std::uint32_t type) const;
  std::span<const ValueType> label_types(const ControlFrame& frame) const;
  bool open(ControlFrame::Kind kind);
  bool begin_else();
  bool end();
  void end_code(ControlFrame& frame);
  void mark_unreachable();
  bool read_label(ControlFrame*& out);

  // branches.cpp
  bool branch();
  bool branch_if();
  bool branch_table();
  void emit_branch_table(const Source& index, std::uint32_t count, const Reader& entries);
  Condition prepare_condition(const StackEntry& entry);
  PendingBranch emit_condition(const Condition& condition, bool sense);
  void go_to(ControlFrame& frame, PendingBranch branch);
  PendingBranch emit_jump();
  void flush_in_place(const ControlFrame& frame);
  bool in_place(const ControlFrame& frame) const;
  void emit_leave(ControlFrame& frame, Path path);

  // calls.cpp
  bool call();
  bool call_indirect();
  bool tail_call();
  bool tail_call_indirect();
  bool read_callee(std::uint32_t& out);
  bool read_indirect_callee(std::uint32_t& type_index, std::uint32_t& table);
  bool returns_alike(const FuncType& type);
  bool has_tail_calls();
  std::uint64_t arguments_word(std::uint32_t end) const;
  bool finish_call(const FuncType& type);
  void emit_return(Path path);
  void spill_float_pins();
  void reload_float_pins();

  const Module& module_;
  Instance* instance_ = nullptr;
  std::span<const std::uint64_t> declared_;
  Reader reader_;
  std::uint64_t at_ = 0;  ///< offset of the current instruction
  UncountedData uncounted_data_;

  /// The operand stack, of which the lowest `height_` elements are in use. Checking needs nothing
  /// but types, and keeps a byte for each value: a call with many results is a few bytes of input.
  /// Translating has entries in their place.
  containers::Vector<ValueType> types_;
  containers::Vector<StackEntry> stack_;
  std::uint32_t height_ = 0;
  std::uint32_t room_ = 0;  ///< for so many
  /// While translating, once a vector was pushed: the slot, from the bottom of the operand stack,
  /// at each height. Those of values that were popped last stay. Before that a slot is its height.
  containers::Vector<std::uint32_t> slots_;
  bool has_vectors_ = false;
  containers::Vector<ControlFrame> frames_;
  LocalTypes locals_;
  FuncType type_;
  std::uint32_t parameters_ = 0;

  // Choice of pins.
  std::uint32_t weight_ = 1;  ///< of an instruction, by the loops around it
  std::uint32_t loops_ = 0;
  std::uint32_t call_weight_ = 0;
  std::uint32_t local_weights_[kCountedLocals] = {};

  // Translation.
  bool live_ = false;
  bool wide_ = false;
  bool needs_wide_ = false;
  CodeBuffer code_;
  const FunctionBody* body_ = nullptr;
  std::uint32_t parameter_slots_ = 0;
  std::uint32_t first_own_local_ = 0;  ///< slot of the first local that is not a parameter
  std::uint32_t scratch_ = 0;
  std::uint32_t temporaries_ = 0;  ///< slot of the bottom of the operand stack
  std::uint32_t max_slots_ = 0;    ///< most slots that the operand stack has taken
  std::uint32_t settled_ = 0;      ///< entries below this height are temporaries
  std::uint32_t last_cell_ = Producer::kNone;
  Accumulator accumulators_[kFiles];
};

}  // namespace quoll::wasm

#include "translate/operand_stack.hpp"
