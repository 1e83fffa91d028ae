// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// An independent reader of page tables: written from the RISC-V privileged specification (chapters
// "Sv32" to "Sv57" and "Svpbmt") on raw 64-bit words; it shares no code with the page tables under
// test, nor with their codec, nor with the emulated machine.
//
// It reads every word of every table that can be reached, so that nothing in them escapes:
// - V clear: vacant if the word is zero. Anything else is software's own and is reported.
// - V set, R, W and X clear: a pointer; D, A, U, the type bits, N and the reserved bits must be
//   clear, and at the last level it is a fault.
// - V set and one of R, W, X: a leaf; W without R is reserved, and so is a page number whose low
//   bits are not zero where the level makes a large page.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace quoll::model {

/// A leaf as its word has it, or a word of software's own (V clear, not zero).
struct RawLeaf {
  std::uint64_t address = 0;  ///< the virtual address of the page's first byte
  std::uint64_t word = 0;
  unsigned level = 0;
};

/// A page table below the root.
struct RawTable {
  unsigned level = 0;
  std::uint64_t first = 0;    ///< the first virtual address that it translates
  std::uint64_t address = 0;  ///< physical
  unsigned entries = 0;       ///< words that are not zero
};

/// Everything that a tree of page tables holds.
struct RawTree {
  std::vector<RawLeaf> leaves;  ///< lowest first
  std::vector<RawTable> tables;
};

/// Whether a physical page is one of memory in which tables may lie, and where its words are.
using WordsOf = std::function<const std::uint64_t*(std::uint64_t page)>;

/// Reads the entries `[first, last)` of the root and everything below. `bits` is 39, 48 or 57.
/// Throws `Mismatch` where the specification has a fault for a word that is not vacant, where a
/// table is reached twice, and where it is not in memory.
RawTree read_tree(const WordsOf& words_of, std::uint64_t root, unsigned bits, unsigned first = 0,
                  unsigned last = 512);

/// The bits of a page-table entry, as in the specification's figure.
namespace spec {
inline constexpr std::uint64_t kV = 1, kR = 2, kW = 4, kX = 8, kU = 16, kG = 32, kA = 64, kD = 128;
inline constexpr std::uint64_t kSoftware0 = 256;
}  // namespace spec

/// The word for a leaf as the specification and the law of the room ask for it: accessed preset,
/// dirty with the permission to write; without any permission the word is software's own.
std::uint64_t expected_word(std::uint64_t physical, bool read, bool write, bool execute, bool user,
                            bool global, unsigned memory_type = 0);

}  // namespace quoll::model
