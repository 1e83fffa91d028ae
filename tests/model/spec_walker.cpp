// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "spec_walker.hpp"

#include "system.hpp"

namespace quoll::model {
namespace {

using namespace spec;

constexpr std::uint64_t kPpnBits = ((std::uint64_t{1} << 44) - 1) << 10;
constexpr std::uint64_t kReservedBits =
    ((std::uint64_t{1} << 61) - 1) & ~((std::uint64_t{1} << 54) - 1);
constexpr std::uint64_t kTypeBits = std::uint64_t{3} << 61;
constexpr std::uint64_t kNapotBit = std::uint64_t{1} << 63;

struct Reader {
  const WordsOf& words_of;
  unsigned bits;
  RawTree& tree;
  std::set<std::uint64_t> seen;

  std::uint64_t canonical(std::uint64_t address) const {
    const std::uint64_t sign = std::uint64_t{1} << (bits - 1);
    return (address ^ sign) - sign;
  }

  /// `base` is what the table's first entry translates, not sign-extended.
  unsigned read(std::uint64_t table, unsigned level, std::uint64_t base, unsigned first,
                unsigned last) {
    require(seen.insert(table).second, "raw: the table at ", table, " is reached twice");
    const std::uint64_t* words = words_of(table);
    require(words != nullptr, "raw: a table outside of memory, at ", table);
    unsigned entries = 0;
    for (unsigned i = first; i < last; ++i) {
      const std::uint64_t word = __atomic_load_n(words + i, __ATOMIC_RELAXED);
      if (word == 0) continue;
      ++entries;
      const std::uint64_t address = base + (std::uint64_t{i} << (12 + 9 * level));
      const std::uint64_t page_number = (word & kPpnBits) >> 10;
      const auto bad = [&](const char* why) {
        mismatch("raw: ", why, ": word ", std::hex, word, " at level ", level, " for ",
                 canonical(address));
      };
      if ((word & kV) == 0) {
        tree.leaves[canonical(address)] = {word, level};
        continue;
      }
      if ((word & kReservedBits) != 0) bad("reserved bits are set");
      if ((word & kNapotBit) != 0) bad("N is set without Svnapot");
      if ((word & kTypeBits) == kTypeBits) bad("the memory type is reserved");
      if ((word & (kR | kW | kX)) == 0) {
        if (level == 0) bad("a pointer at the last level");
        if ((word & (kU | kA | kD | kTypeBits)) != 0) bad("a pointer with bits that must be clear");
        const std::uint64_t below = page_number << 12;
        const unsigned found = read(below, level - 1, address, 0, 512);
        tree.tables[{level - 1, canonical(address)}] = {below, found};
        continue;
      }
      if ((word & kW) != 0 && (word & kR) == 0) bad("W without R");
      if ((page_number & ((std::uint64_t{1} << (9 * level)) - 1)) != 0) bad("a misaligned page");
      tree.leaves[canonical(address)] = {word, level};
    }
    return entries;
  }
};

}  // namespace

RawTree read_tree(const WordsOf& words_of, std::uint64_t root, unsigned bits, unsigned first,
                  unsigned last) {
  RawTree tree;
  Reader reader{words_of, bits, tree, {}};
  reader.read(root, (bits - 12) / 9 - 1, 0, first, last);
  return tree;
}

std::uint64_t expected_word(std::uint64_t physical, bool read, bool write, bool execute, bool user,
                            bool global, unsigned memory_type) {
  std::uint64_t word = physical >> 12 << 10;
  if (read || write || execute) {
    word |= kV | kA;
  } else {
    word |= kSoftware0;
  }
  if (read) word |= kR;
  if (write) word |= kW | kD;
  if (execute) word |= kX;
  if (user) word |= kU;
  if (global) word |= kG;
  word |= std::uint64_t{memory_type} << 61;
  return word;
}

}  // namespace quoll::model
