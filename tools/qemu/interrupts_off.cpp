// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A plugin of QEMU: for how many instructions a hart takes no interrupts, and between which places.
// It looks at the machine from outside: the image is the one that is used otherwise, not an
// instruction more.
//
//   -plugin file=interrupts_off.so,places=IN,out=OUT
//
// IN says where the kernel changes its mind, a line `KIND ADDRESS` for each such instruction:
//
//   off      interrupts go off                     on       they go on
//   save     they go off, what they were is kept   restore  they are what they were at the last
//   save wait     the hart sleeps entry    where every trap begins               user     where one
//   goes on that left user mode return   back to what the kernel did before the trap enter    to
//   user mode
//
// The values of registers cannot be seen from here, so what a `restore` finds is what the `save`
// found that it belongs to: they nest, as guards do.
//
// OUT has a line for each pair of places: where they went off, where they went on, how often, and
// of the longest stretch between the two how many instructions it had and how many of them were the
// firmware's. Traps that come while interrupts are thought off are counted in the first line: those
// can only be faults. A hart takes part from when its interrupts go on for the first time, so that
// boot is left out. Sleep begins another stretch: what comes then is taken at once.
//
// *Requires*: harts run in one thread (a machine that counts).
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "plugin.hpp"

namespace {

enum class Kind { kOff, kOn, kSave, kRestore, kWait, kEntry, kUser, kReturn, kEnter };

constexpr std::array<std::pair<const char*, Kind>, 9> kWords{{
    {"off", Kind::kOff},
    {"on", Kind::kOn},
    {"save", Kind::kSave},
    {"restore", Kind::kRestore},
    {"wait", Kind::kWait},
    {"entry", Kind::kEntry},
    {"user", Kind::kUser},
    {"return", Kind::kReturn},
    {"enter", Kind::kEnter},
}};

struct Place {
  std::uint64_t address = 0;
  Kind kind = Kind::kOff;
};

struct Counts {
  std::uint64_t all = 0;
  std::uint64_t firmware = 0;
};

/// What is known of the stretches between two places.
struct Stretch {
  std::uint64_t times = 0;
  Counts longest;
};

/// What the kernel did when a trap came.
struct Interrupted {
  bool were_on = false;
  std::size_t saves = 0;
};

struct Hart {
  Counts executed;
  bool takes_part = false;
  bool on = false;
  Counts since;             // when they went off
  std::uint64_t place = 0;  // and where
  std::vector<bool> saved;
  std::vector<Interrupted> traps;
};

constexpr std::uint64_t kFirmwareStart = 0x8000'0000;
constexpr std::uint64_t kFirmwareEnd = 0x8020'0000;
constexpr std::size_t kMostHarts = 64;

// Kept to the very end: QEMU calls when the machine has ended, which is after destructors would.
[[clang::no_destroy]] std::unordered_map<std::uint64_t, Place> places;
[[clang::no_destroy]] std::array<Hart, kMostHarts> harts;
[[clang::no_destroy]] std::map<std::pair<std::uint64_t, std::uint64_t>, Stretch> stretches;
[[clang::no_destroy]] std::string out_path;
std::uint64_t faults = 0;

// Each instruction counts up one word, whichever hart executes it. When another hart or the
// firmware goes on, the hart before it is told its share.
std::uint64_t executed = 0;
std::uint64_t told = 0;
unsigned running = 0;
bool in_firmware = false;

void tell() {
  Counts& counts = harts[running].executed;
  counts.all += executed - told;
  if (in_firmware) counts.firmware += executed - told;
  told = executed;
}

void goes_off(Hart& hart, std::uint64_t place) {
  if (!hart.on) return;
  hart.on = false;
  hart.since = hart.executed;
  hart.place = place;
}

void note(Hart& hart, std::uint64_t place) {
  Stretch& stretch = stretches[{hart.place, place}];
  ++stretch.times;
  const Counts now{hart.executed.all - hart.since.all,
                   hart.executed.firmware - hart.since.firmware};
  if (now.all > stretch.longest.all) stretch.longest = now;
}

void goes_on(Hart& hart, std::uint64_t place) {
  if (!hart.on && hart.takes_part) note(hart, place);
  hart.takes_part = true;
  hart.on = true;
}

void restores(Hart& hart, std::uint64_t place) {
  // One from before the hart took part: interrupts were off then.
  if (hart.saved.empty()) return;
  const bool were_on = hart.saved.back();
  hart.saved.pop_back();
  if (were_on) goes_on(hart, place);
}

void traps(Hart& hart, std::uint64_t place) {
  if (hart.takes_part && !hart.on) ++faults;
  hart.traps.push_back({hart.on, hart.saved.size()});
  goes_off(hart, place);
}

void returns(Hart& hart, std::uint64_t place) {
  if (hart.traps.empty()) return;
  const Interrupted before = hart.traps.back();
  hart.traps.pop_back();
  hart.saved.resize(std::min(hart.saved.size(), before.saves));
  if (before.were_on) goes_on(hart, place);
}

void forget(Hart& hart) {
  hart.traps.clear();
  hart.saved.clear();
}

void at_place(unsigned number, void* data) {
  const Place& place = *static_cast<const Place*>(data);
  tell();
  Hart& hart = harts[number];
  switch (place.kind) {
    case Kind::kOff:
      return goes_off(hart, place.address);
    case Kind::kOn:
      return goes_on(hart, place.address);
    case Kind::kSave:
      hart.saved.push_back(hart.on);
      return goes_off(hart, place.address);
    case Kind::kRestore:
      return restores(hart, place.address);
    case Kind::kWait:
      if (hart.on || !hart.takes_part) return;
      note(hart, place.address);
      hart.since = hart.executed;
      hart.place = place.address;
      return;
    case Kind::kEntry:
      return traps(hart, place.address);
    case Kind::kUser:
      return forget(hart);
    case Kind::kReturn:
      return returns(hart, place.address);
    case Kind::kEnter:
      forget(hart);
      return goes_on(hart, place.address);
  }
}

void at_block(unsigned number, void* data) {
  const bool is_firmware = data != nullptr;
  if (number == running && is_firmware == in_firmware) return;
  tell();
  running = number;
  in_firmware = is_firmware;
}

void translate(qemu_plugin_id_t, qemu_plugin_tb* block) {
  const std::size_t count = qemu_plugin_tb_n_insns(block);
  for (std::size_t i = 0; i < count; ++i) {
    qemu_plugin_insn* const instruction = qemu_plugin_tb_get_insn(block, i);
    const std::uint64_t address = qemu_plugin_insn_vaddr(instruction);
    if (i == 0) {
      const bool is_firmware = address >= kFirmwareStart && address < kFirmwareEnd;
      qemu_plugin_register_vcpu_tb_exec_cb(block, &at_block, QEMU_PLUGIN_CB_NO_REGS,
                                           is_firmware ? &in_firmware : nullptr);
    }
    if (const auto place = places.find(address); place != places.end()) {
      qemu_plugin_register_vcpu_insn_exec_cb(instruction, &at_place, QEMU_PLUGIN_CB_NO_REGS,
                                             &place->second);
    }
    qemu_plugin_register_vcpu_insn_exec_inline(instruction, QEMU_PLUGIN_INLINE_ADD_U64, &executed,
                                               1);
  }
}

void write(qemu_plugin_id_t, void*) {
  std::FILE* const out = std::fopen(out_path.c_str(), "w");
  if (out == nullptr) return;
  std::fprintf(out, "faults %llu\n", static_cast<unsigned long long>(faults));
  for (const auto& [between, stretch] : stretches) {
    std::fprintf(out, "%#llx %#llx %llu %llu %llu\n",
                 static_cast<unsigned long long>(between.first),
                 static_cast<unsigned long long>(between.second),
                 static_cast<unsigned long long>(stretch.times),
                 static_cast<unsigned long long>(stretch.longest.all),
                 static_cast<unsigned long long>(stretch.longest.firmware));
  }
  std::fclose(out);
}

bool read_places(const char* path) {
  std::FILE* const in = std::fopen(path, "r");
  if (in == nullptr) return false;
  char word[16];
  unsigned long long address = 0;
  while (std::fscanf(in, "%15s %llx", word, &address) == 2) {
    for (const auto& [name, kind] : kWords) {
      if (std::strcmp(name, word) == 0) places[address] = {address, kind};
    }
  }
  std::fclose(in);
  return !places.empty();
}

/// What stands behind `name=` among the arguments, or null.
const char* value_of(const char* name, int count, char** arguments) {
  const std::size_t size = std::strlen(name);
  for (int i = 0; i < count; ++i) {
    if (std::strncmp(arguments[i], name, size) == 0 && arguments[i][size] == '=') {
      return arguments[i] + size + 1;
    }
  }
  return nullptr;
}

}  // namespace

QUOLL_PLUGIN_EXPORT int qemu_plugin_version;
int qemu_plugin_version = 1;

QUOLL_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t*, int count,
                                            char** arguments) {
  const char* const in = value_of("places", count, arguments);
  const char* const out = value_of("out", count, arguments);
  if (in == nullptr || out == nullptr || !read_places(in)) return 1;
  out_path = out;
  qemu_plugin_register_vcpu_tb_trans_cb(id, &translate);
  qemu_plugin_register_atexit_cb(id, &write, nullptr);
  return 0;
}
