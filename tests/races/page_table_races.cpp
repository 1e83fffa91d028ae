// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Cursors and walks without locks over one tree, while page tables come and go. All of
// libs/paging is itself; only its words are the explorer's, and the format is one of four entries
// a table, so that a table soon is empty.
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <quoll/paging/page_table.hpp>

#include "shared_words.hpp"

namespace quoll::races {
namespace {

using mem::kPageSize;
using mem::PhysicalAddress;
using mem::VirtualAddress;
using mem::VirtualRange;
using paging::Flush;

/// Two levels of four entries: half of the root's are the user half's.
struct TinyFormat {
  using Entry = std::uint64_t;
  static constexpr std::size_t kEntriesPerTable = 4;
  static constexpr unsigned kIndexBits = 2;
  static constexpr unsigned kMaxLevels = 3;
  static constexpr Entry kValid = 1;
  static constexpr Entry kTable = 2;

  unsigned levels_ = 2;

  unsigned levels() const { return levels_; }
  bool may_be_leaf(unsigned) const { return true; }
  std::uint64_t half() const { return kPageSize << (kIndexBits * levels_ - 1); }
  VirtualRange user_half() const { return {VirtualAddress(0), half()}; }
  VirtualRange kernel_half() const {
    return {VirtualAddress(~std::uint64_t{0} - half() + 1), half()};
  }
  PhysicalAddress physical_limit() const { return PhysicalAddress(std::uint64_t{1} << 40); }
  paging::EntryKind kind(Entry entry, unsigned level) const {
    if (entry == 0) return paging::EntryKind::kVacant;
    return level > 0 && is_table(entry) ? paging::EntryKind::kTable : paging::EntryKind::kLeaf;
  }
  bool is_table(Entry entry) const { return (entry & kTable) != 0; }
  Entry encode_leaf(PhysicalAddress to, const paging::Properties&, unsigned) const {
    return to.value() | kValid;
  }
  paging::Leaf decode_leaf(Entry entry) const {
    return {decode_table(entry), {mem::Permissions::read_write().for_user()}};
  }
  Entry encode_table(PhysicalAddress table) const { return table.value() | kValid | kTable; }
  PhysicalAddress decode_table(Entry entry) const {
    return PhysicalAddress(entry & ~(kPageSize - 1));
  }
};

constexpr std::size_t kTables = 6;
constexpr unsigned kHarts = 3;

/// Where the page tables lie. A table's page has a plain word beside it, which who owns the page
/// writes and every access to its entries reads: touching a page that was given back is a race.
struct Machine {
  struct Record {
    std::uint32_t state = 0;
    std::uint32_t next = 0;
  };
  alignas(64) std::array<std::array<std::uint64_t, 4>, kTables> pages{};
  std::array<Record, kTables> records{};
  std::array<Plain<unsigned>, kTables> owners;
  paging::WalkSections<kHarts, ExploredWords> sections;
  SharedWords words;
  std::array<std::size_t, kTables> free{};
  std::size_t free_count = 0;
  Atomic<unsigned, 99> pool{0};

  Machine() {
    SharedWords::current = &words;
    words.place(pages.data(), sizeof pages, &sections, sizeof sections);
    on_entry = [](const void* word) {
      // The machine begins with its pages.
      const auto* const self = current;
      const std::size_t table = self->words.entry_offset(word) / sizeof(self->pages[0]);
      (void)self->owners[table].load();
    };
    current = this;
    for (std::size_t i = 0; i < kTables; ++i) {
      owners[i] = 0U;
      for (auto& entry : pages[i]) (void)words[&entry];
      (void)words[&records[i].state];
      if (i > 0) free[free_count++] = i;
    }
  }
  static inline constinit Machine* current = nullptr;
};

constexpr PhysicalAddress address_of(std::size_t table) {
  return PhysicalAddress((table + 1) * kPageSize);
}
constexpr std::size_t table_at(PhysicalAddress address) {
  return address.value() / kPageSize - 1;
}

struct Memory {
  Machine* machine;

  // The frame allocator has a model of its own; here it only orders who gives before who takes.
  std::optional<PhysicalAddress> allocate() {
    const Uninterrupted guard;
    machine->pool.fetch_add(1, std::memory_order_acq_rel);
    if (machine->free_count == 0) return std::nullopt;
    const std::size_t table = machine->free[--machine->free_count];
    machine->owners[table] = 1U;
    for (auto& entry : machine->pages[table]) clear(&entry);
    clear(&machine->records[table].state);
    machine->records[table].next = 0;
    return address_of(table);
  }
  void release(PhysicalAddress address) {
    const Uninterrupted guard;
    const std::size_t table = table_at(address);
    machine->owners[table] = 0U;
    machine->records[table].next = 0xffff'ffff;
    machine->free[machine->free_count++] = table;
    machine->pool.fetch_add(1, std::memory_order_acq_rel);
  }
  void* pointer(PhysicalAddress table) const { return machine->pages[table_at(table)].data(); }
  paging::BasicTableRecord<ExploredWords> record(PhysicalAddress table) {
    auto& record = machine->records[table_at(table)];
    return {record.state, record.next};
  }
  auto& sections() { return machine->sections; }
  unsigned hart() { return self(); }
  unsigned hart_count() { return kHarts; }
  void relax() { races::relax(); }

 private:
  void clear(const void* word) {
    machine->words[word].store(0, rl::mo_relaxed, info_of(Where::current()));
  }
};

/// Sees that a cursor for one page has locked the lowest table that covers it, and none above.
struct LowestGuard {
  Machine* machine;
  // By hart: the entry of the root that leads to the page; null when the cursor shall be wider.
  std::array<const std::uint64_t*, kHarts> path{};

  void locked(PhysicalAddress table, unsigned /*level*/) {
    const std::uint64_t* const entry = path[self()];
    if (entry == nullptr || table_at(table) != 0) return;
    const Uninterrupted guard;
    const std::uint64_t now = machine->words[entry].load(rl::mo_relaxed, info_of(Where::current()));
    require((now & TinyFormat::kTable) == 0, "no table above the lowest is locked");
  }
  void unlocked(PhysicalAddress, unsigned /*level*/) {}
  void retired(PhysicalAddress, unsigned /*level*/) {}
};

using Table = paging::PageTable<TinyFormat, Memory, LowestGuard>;

/// What all models of page tables have: a tree, and what is mapped by plain words that only who
/// has a cursor over a page touches.
class Suite {
 public:
  explicit Suite(unsigned levels)
      : table_(TinyFormat{levels}, address_of(0), Memory{&machine_}, paging::Reclaim::kEmptyTables,
               LowestGuard{&machine_}) {
    for (auto& page : mapped_) page = std::uint64_t{0};
  }

 protected:
  static constexpr std::size_t kPages = 8;

  static VirtualAddress page(std::size_t index) { return VirtualAddress(index * kPageSize); }
  static std::uint64_t frame_of(std::size_t index) { return (64 + index) * kPageSize; }

  void begin(std::initializer_list<std::size_t> pages) {
    // So that the words of the tree itself are there before anybody looks for them.
    Flush flush;
    for (const std::size_t index : pages) map(index);
    (void)table_.cursor(VirtualAddress(0), table_.format().user_half().size());
    for (unsigned hart = 0; hart < kHarts; ++hart) touch_section(hart);
    (void)machine_.sections.unlinked();
  }
  void map(std::size_t index) {
    Flush flush;
    {
      narrow(index);
      auto cursor = table_.cursor_mut(page(index), kPageSize);
      table_.observer().path[self()] = nullptr;
      check(*cursor, index);
      if (mapped_[index] == 0) {
        const bool done = cursor
                              ->map(PhysicalAddress(frame_of(index)), kPageSize,
                                    {mem::Permissions::read_write().for_user()}, flush)
                              .has_value();
        if (done) mapped_[index] = frame_of(index);
      }
    }
    finish(flush);
  }
  /// Takes a page out, and its table when it is empty then.
  void unmap(std::size_t index) {
    Flush flush;
    {
      auto cursor =
          table_.cursor_mut(VirtualRange(page(index), kPageSize), table_.format().user_half());
      check(*cursor, index);
      require(cursor->unmap(kPageSize, flush, [](auto...) {}).has_value(),
              "a page can be taken out");
      mapped_[index] = std::uint64_t{0};
    }
    finish(flush);
  }
  void look(std::size_t index) {
    narrow(index);
    auto cursor = table_.cursor(page(index), kPageSize);
    table_.observer().path[self()] = nullptr;
    check(*cursor, index);
  }
  /// Without a lock: what is found was there at some time.
  void walk(std::size_t index) {
    const auto found = table_.query(page(index));
    if (!found) return;
    require(found->leaf.address.value() == frame_of(index), "a walk finds what was mapped");
  }
  /// All is taken out; the tables have all come back, and all locks are free.
  void end() {
    Flush flush;
    const VirtualRange half = table_.format().user_half();
    require(table_.cursor_mut(half, half)->unmap(half.size(), flush, [](auto...) {}).has_value(),
            "everything can be taken out");
    finish(flush);
    require(machine_.free_count == kTables - 1, "all page tables came back");
  }

 private:
  template <typename C>
  void check(C& cursor, std::size_t index) {
    const auto item = cursor.query();
    const std::uint64_t wanted = mapped_[index];
    require(item->is_mapped() == (wanted != 0), "a cursor sees whether a page is mapped");
    require(wanted == 0 || item->leaf->address.value() == wanted, "a cursor sees what is mapped");
  }
  void narrow(std::size_t index) {
    const std::size_t bytes = kPageSize
                              << (TinyFormat::kIndexBits * (table_.format().levels() - 1));
    table_.observer().path[self()] = &machine_.pages[0][page(index).value() / bytes];
  }
  void finish(Flush& flush) {
    flush.waive();
    flush.release_tables(machine_memory());
  }
  Memory& machine_memory() { return table_.memory(); }
  void touch_section(unsigned hart) {
    if (hart == self()) return;  // entered already
    // SAFETY: the sections are one line of 64 bytes for each hart, which begins with its word.
    const auto* first = static_cast<const std::byte*>(static_cast<const void*>(&machine_.sections));
    (void)machine_.words[first + std::size_t{64} * hart];
  }

  Machine machine_;
  Table table_;
  std::array<Plain<std::uint64_t>, kPages> mapped_;
};

/// Two harts walk to a page without locks while a third takes it out, with its table.
struct Walkers : rl::test_suite<Walkers, 3>, Suite {
  Walkers() : Suite(2) {}
  void before() { begin({0}); }
  void thread(unsigned thread) {
    if (thread == 0) unmap(0);
    if (thread != 0) walk(0);
  }
  void after() { end(); }
};

/// A page goes with its table, while another comes into the same table.
struct Neighbours : rl::test_suite<Neighbours, 2>, Suite {
  Neighbours() : Suite(2) {}
  void before() { begin({0}); }
  void thread(unsigned thread) {
    if (thread == 0) unmap(0);
    if (thread == 1) map(1);
  }
  void after() { end(); }
};

/// One takes the table out, one builds it again, one looks with a cursor of its own.
struct Builders : rl::test_suite<Builders, 3>, Suite {
  Builders() : Suite(2) {}
  void before() { begin({0}); }
  void thread(unsigned thread) {
    if (thread == 0) unmap(0);
    if (thread == 1) map(1);
    if (thread == 2) look(0);
  }
  void after() { end(); }
};

/// A hart walks while its table goes and comes back as the table of something else.
struct Reusers : rl::test_suite<Reusers, 3>, Suite {
  Reusers() : Suite(2) {}
  void before() { begin({0}); }
  void thread(unsigned thread) {
    if (thread == 0) {
      unmap(0);
      map(4);
    }
    if (thread == 1) walk(0);
    if (thread == 2) walk(4);
  }
  void after() { end(); }
};

/// A hart comes back to the table that it locked last, which goes meanwhile and comes back as the
/// table of something else.
struct Returners : rl::test_suite<Returners, 2>, Suite {
  Returners() : Suite(2) {}
  void before() { begin({0}); }
  void thread(unsigned thread) {
    if (thread == 0) {
      unmap(0);
      map(4);
    }
    if (thread == 1) {
      look(0);
      look(0);
    }
  }
  void after() { end(); }
};

/// Three levels: two harts make and take the tables between.
struct Deep : rl::test_suite<Deep, 2>, Suite {
  Deep() : Suite(3) {}
  void before() { begin({0}); }
  void thread(unsigned thread) {
    if (thread == 0) unmap(0);
    if (thread == 1) map(4);
  }
  void after() { end(); }
};

constexpr std::array kWalkControls{
    Control{"a walk section without its fence", SharedWords::kWalk, Weakening::kFence},
    Control{"leaving a section does not release", SharedWords::kWalk, Weakening::kRelease},
    Control{"waiting for walks does not acquire", SharedWords::kWalk, Weakening::kAcquire},
};
/// Two harts need the same table, which is not there yet.
struct Founders : rl::test_suite<Founders, 2>, Suite {
  Founders() : Suite(2) {}
  void before() { begin({}); }
  void thread(unsigned thread) {
    map(thread);
    look(1 - thread);
  }
  void after() { end(); }
};

constexpr std::array kLookControls{
    Control{"no second look under the lock", SharedWords::kEntry, Weakening::kCheck},
};
constexpr std::array kLockControls{
    Control{"taking a lock does not acquire", SharedWords::kRecord, Weakening::kAcquire},
    Control{"releasing a lock does not release", SharedWords::kRecord, Weakening::kRelease},
};
constexpr std::array kLinkControls{
    Control{"a link is not published", SharedWords::kEntry, Weakening::kRelease},
    Control{"a link is not acquired", SharedWords::kEntry, Weakening::kAcquire},
    Control{"a walk section without its fence", SharedWords::kWalk, Weakening::kFence},
};
constexpr std::array kReturnControls{
    Control{"a walk section without its fence", SharedWords::kWalk, Weakening::kFence},
};
constexpr std::array kModels{
    Model{"walkers", &rl::simulate<Walkers>, 3, 4, 0, kWalkControls},
    Model{"neighbours", &rl::simulate<Neighbours>, 4, 5, 0, {}},
    Model{"founders", &rl::simulate<Founders>, 3, 4, 0, kLookControls},
    Model{"builders", &rl::simulate<Builders>, 1, 3, 30000, kLockControls},
    Model{"reusers", &rl::simulate<Reusers>, 2, 3, 30000, kLinkControls},
    Model{"returners", &rl::simulate<Returners>, 3, 4, 30000, kReturnControls},
    Model{"deep", &rl::simulate<Deep>, 3, 4, 0, {}},
};

}  // namespace
}  // namespace quoll::races

int main(int argc, char** argv) {
  return quoll::races::run(argc, argv, quoll::races::kModels);
}
