// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// ModuleError: which rule a module breaks, and at which byte.
#pragma once

#include <cstdint>
#include <optional>

#include <quoll/wasm/features.hpp>

namespace quoll::wasm {

/// What a broken rule says about the module.
enum class RuleClass : std::uint8_t {
  kMalformed,    ///< not in the binary format
  kInvalid,      ///< in the format, but not valid
  kUnsupported,  ///< beyond a documented limit of this engine
  kResource,     ///< memory ran out while reading it
};

// Every rule: enumerator, class, text. The texts are the specification's where it has one.
#define QUOLL_WASM_RULES(X)                                                                 \
  X(UnexpectedEnd, Malformed, "unexpected end")                                             \
  X(BadMagic, Malformed, "magic header not detected")                                       \
  X(BadVersion, Malformed, "unknown binary version")                                        \
  X(MalformedSectionId, Malformed, "malformed section id")                                  \
  X(SectionOrder, Malformed, "unexpected content after last section")                       \
  X(SectionSize, Malformed, "section size mismatch")                                        \
  X(LengthOutOfBounds, Malformed, "length out of bounds")                                   \
  X(LebTooLong, Malformed, "integer representation too long")                               \
  X(LebTooLarge, Malformed, "integer too large")                                            \
  X(MalformedUtf8, Malformed, "malformed UTF-8 encoding")                                   \
  X(MalformedValueType, Malformed, "malformed value type")                                  \
  X(MalformedReferenceType, Malformed, "malformed reference type")                          \
  X(MalformedFunctionType, Malformed, "malformed function type")                            \
  X(MalformedImportKind, Malformed, "malformed import kind")                                \
  X(MalformedExportKind, Malformed, "malformed export kind")                                \
  X(MalformedMutability, Malformed, "malformed mutability")                                 \
  X(MalformedLimitsFlags, Malformed, "malformed limits flags")                              \
  X(MalformedElementKind, Malformed, "malformed element segment kind")                      \
  X(MalformedDataKind, Malformed, "malformed data segment kind")                            \
  X(MalformedBlockType, Malformed, "malformed block type")                                  \
  X(IllegalOpcode, Malformed, "illegal opcode")                                             \
  X(ZeroByteExpected, Malformed, "zero byte expected")                                      \
  X(EndOpcodeExpected, Malformed, "END opcode expected")                                    \
  X(MisplacedElse, Malformed, "else without if")                                            \
  X(TooManyLocals, Malformed, "too many locals")                                            \
  X(FunctionCodeMismatch, Malformed, "function and code section have inconsistent lengths") \
  X(DataCountMismatch, Malformed, "data count and data section have inconsistent lengths")  \
  X(DataCountRequired, Malformed, "data count section required")                            \
  X(MalformedAlignment, Malformed, "malformed memop flags")                                 \
  X(TypeMismatch, Invalid, "type mismatch")                                                 \
  X(UnknownType, Invalid, "unknown type")                                                   \
  X(UnknownFunction, Invalid, "unknown function")                                           \
  X(UnknownTable, Invalid, "unknown table")                                                 \
  X(UnknownMemory, Invalid, "unknown memory")                                               \
  X(UnknownGlobal, Invalid, "unknown global")                                               \
  X(UnknownLocal, Invalid, "unknown local")                                                 \
  X(UnknownLabel, Invalid, "unknown label")                                                 \
  X(UnknownElementSegment, Invalid, "unknown elem segment")                                 \
  X(UnknownDataSegment, Invalid, "unknown data segment")                                    \
  X(ImmutableGlobal, Invalid, "global is immutable")                                        \
  X(AlignmentTooLarge, Invalid, "alignment must not be larger than natural")                \
  X(InvalidLane, Invalid, "invalid lane index")                                             \
  X(UndeclaredFunctionReference, Invalid, "undeclared function reference")                  \
  X(InvalidResultArity, Invalid, "invalid result arity")                                    \
  X(MultipleMemories, Invalid, "multiple memories")                                         \
  X(MemoryTooLarge, Invalid, "memory size must be at most 65536 pages (4GiB)")              \
  X(Memory64TooLarge, Invalid, "memory size must be at most 2^48 pages")                    \
  X(TableTooLarge, Invalid, "table size must be at most 2^32 - 1")                          \
  X(OffsetOutOfRange, Invalid, "offset out of range")                                       \
  X(LimitsOrder, Invalid, "size minimum must not be greater than maximum")                  \
  X(DuplicateExport, Invalid, "duplicate export name")                                      \
  X(StartFunctionType, Invalid, "start function")                                           \
  X(ConstantExpected, Invalid, "constant expression required")                              \
  X(ModuleTooLarge, Unsupported, "module is larger than 1 GiB")                             \
  X(TooManyTypes, Unsupported, "a module has more than 1000000 types")                      \
  X(TooManyFunctions, Unsupported, "a module has more than 1000000 functions")              \
  X(TooManyImports, Unsupported, "a module has more than 1000000 imports")                  \
  X(TooManyExports, Unsupported, "a module has more than 1000000 exports")                  \
  X(TooManyGlobals, Unsupported, "a module has more than 1000000 globals")                  \
  X(TooManyTables, Unsupported, "a module has more than 100000 tables")                     \
  X(TooManyDataSegments, Unsupported, "a module has more than 100000 data segments")        \
  X(TooManyElementSegments, Unsupported, "a module has more than 10000000 elem segments")   \
  X(TooManyParameters, Unsupported, "a function type has more than 1000 parameters")        \
  X(TooManyResults, Unsupported, "a function type has more than 1000 results")              \
  X(TooManyMemories, Unsupported, "a module has more than 100 memories")                    \
  X(LocalsLimit, Unsupported, "a function has more than 50000 locals")                      \
  X(OperandStackTooHigh, Unsupported, "operand stack is higher than 65536 values")          \
  X(NestingTooDeep, Unsupported, "blocks are nested deeper than 1048576")                   \
  X(FunctionTooLarge, Unsupported, "a function's body is larger than 12 MiB")               \
  X(OutOfMemory, Resource, "out of memory")

/// The rule that a module breaks.
enum class Rule : std::uint8_t {
#define QUOLL_WASM_RULE_ENUMERATOR(id, cls, words) k##id,
  QUOLL_WASM_RULES(QUOLL_WASM_RULE_ENUMERATOR)
#undef QUOLL_WASM_RULE_ENUMERATOR
};

/// The rule in words.
const char* text(Rule rule) noexcept;
RuleClass rule_class(Rule rule) noexcept;
const char* text(RuleClass cls) noexcept;

/// Why a module was refused.
struct ModuleError {
  Rule rule = Rule::kUnexpectedEnd;
  /// Offset from the module's first byte.
  std::uint64_t offset = 0;
  /// The feature with which the rule would be another one, if it is switched off.
  std::optional<Feature> missing = std::nullopt;
};

}  // namespace quoll::wasm
