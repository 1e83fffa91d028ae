// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "spec_walker.hpp"

#include <set>

#include "system.hpp"

namespace quoll::model {
namespace {

using spec::kA, spec::kD, spec::kG, spec::kR, spec::kSoftware0, spec::kU, spec::kV, spec::kW,
    spec::kX;

constexpr std::uint64_t kPpnBits = ((std::uint64_t{1} << 44) - 1) << 10;
constexpr std::uint64_t kReservedBits =
    ((std::uint64_t{1} << 61) - 1) & ~((std::uint64_t{1} << 54) - 1);
constexpr std::uint64_t kTypeBits = std::uint64_t{3} << 61;
constexpr std::uint64_t kNapotBit = std::uint64_t{1} << 63;

/// The first of a table's words from `i` on that is not zero, or `last`. Most of a run's time goes
/// by here, so sanitizers leave it alone: whoever calls knows that there are `last` words.
[[clang::no_sanitize("address", "undefined")]] unsigned next_word(const std::uint64_t* words,
                                                                  unsigned i, unsigned last) {
  for (; i + 8 <= last; i += 8) {
    const std::uint64_t* const w = words + i;
    if ((w[0] | w[1] | w[2] | w[3] | w[4] | w[5] | w[6] | w[7]) != 0) break;
  }
  while (i < last && words[i] == 0) ++i;
  return i;
}

struct Reader {
  const WordsOf& words_of;
  unsigned bits;
  RawTree& tree;

  std::uint64_t canonical(std::uint64_t address) const {
    const std::uint64_t sign = std::uint64_t{1} << (bits - 1);
    return (address ^ sign) - sign;
  }

  /// `base` is what the table's first entry translates, not sign-extended.
  unsigned read(std::uint64_t table, unsigned level, std::uint64_t base, unsigned first,
                unsigned last) const {
    const std::uint64_t* words = words_of(table);
    require(words != nullptr, "raw: a table outside of memory, at ", table);
    unsigned entries = 0;
    for (unsigned i = next_word(words, first, last); i < last; i = next_word(words, i + 1, last)) {
      const std::uint64_t word = words[i];
      ++entries;
      const std::uint64_t address = base + (std::uint64_t{i} << (12 + 9 * level));
      const std::uint64_t page_number = (word & kPpnBits) >> 10;
      const auto bad = [&](const char* why) {
        mismatch("raw: ", why, ": word ", std::hex, word, " at level ", level, " for ",
                 canonical(address));
      };
      if ((word & kV) == 0) {
        tree.leaves.push_back({canonical(address), word, level});
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
        tree.tables.push_back({level - 1, canonical(address), below, found});
        continue;
      }
      if ((word & kW) != 0 && (word & kR) == 0) bad("W without R");
      if ((page_number & ((std::uint64_t{1} << (9 * level)) - 1)) != 0) bad("a misaligned page");
      tree.leaves.push_back({canonical(address), word, level});
    }
    return entries;
  }
};

}  // namespace

RawTree read_tree(const WordsOf& words_of, std::uint64_t root, unsigned bits, unsigned first,
                  unsigned last) {
  RawTree tree;
  const Reader reader{words_of, bits, tree};
  reader.read(root, (bits - 12) / 9 - 1, 0, first, last);
  std::set<std::uint64_t> seen{root};
  for (const RawTable& table : tree.tables) {
    require(seen.insert(table.address).second, "raw: a table is reached twice: ", table.address);
  }
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
