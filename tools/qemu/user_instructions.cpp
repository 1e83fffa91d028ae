// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A plugin of QEMU: how many instructions guests execute in user mode. It looks at the machine from
// outside: the image is the one that is used otherwise, not an instruction more. In user-mode
// emulation it counts all that the process executes.
//
//   -plugin file=user_instructions.so,out=OUT[,limit=N]
//
// What is below the machine's memory is user mode: guests' addresses are virtual, loader and
// firmware run where the memory is, and the kernel in the upper half. OUT gets the number. An
// instruction that a page fault interrupts is executed again, and counted again. With a limit the
// machine is ended, with status 1 and a complaint, before the block that begins above it.
//
// *Requires*: harts run in one thread (a machine that counts).
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "plugin.hpp"

namespace {

constexpr std::uint64_t kMemoryStart = 0x8000'0000;
constexpr std::uint64_t kEverything = ~std::uint64_t{0};

// Kept to the very end: QEMU calls when the machine has ended, which is after destructors would.
[[clang::no_destroy]] std::string out_path;
std::uint64_t executed = 0;
std::uint64_t limit = 0;  // none
std::uint64_t user_end = kMemoryStart;

void write_count() {
  std::FILE* const out = std::fopen(out_path.c_str(), "w");
  if (out == nullptr) return;
  std::fprintf(out, "%llu\n", static_cast<unsigned long long>(executed));
  std::fclose(out);
}

void compare_with_limit(unsigned, void*) {
  if (executed <= limit) return;
  write_count();
  std::fprintf(stderr, "user_instructions: more than %llu, the limit\n",
               static_cast<unsigned long long>(limit));
  std::_Exit(1);
}

void translated(qemu_plugin_id_t, qemu_plugin_tb* block) {
  const std::size_t count = qemu_plugin_tb_n_insns(block);
  for (std::size_t i = 0; i < count; ++i) {
    qemu_plugin_insn* const instruction = qemu_plugin_tb_get_insn(block, i);
    if (qemu_plugin_insn_vaddr(instruction) >= user_end) return;
    if (i == 0 && limit != 0) {
      qemu_plugin_register_vcpu_tb_exec_cb(block, &compare_with_limit, QEMU_PLUGIN_CB_NO_REGS,
                                           nullptr);
    }
    qemu_plugin_register_vcpu_insn_exec_inline(instruction, QEMU_PLUGIN_INLINE_ADD_U64, &executed,
                                               1);
  }
}

void ended(qemu_plugin_id_t, void*) {
  write_count();
}

/// What stands behind the key; null if the argument has another.
const char* value_of(const char* argument, const char* key) {
  const std::size_t length = std::strlen(key);
  return std::strncmp(argument, key, length) == 0 ? argument + length : nullptr;
}

}  // namespace

QUOLL_PLUGIN_EXPORT int qemu_plugin_version = 1;

QUOLL_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t* info, int argc,
                                            char** argv) {
  if (!info->whole_machine) user_end = kEverything;
  for (int i = 0; i < argc; ++i) {
    if (const char* const path = value_of(argv[i], "out=")) out_path = path;
    if (const char* const most = value_of(argv[i], "limit=")) {
      limit = std::strtoull(most, nullptr, 10);
    }
  }
  if (out_path.empty()) {
    std::fputs("user_instructions: needs out=FILE\n", stderr);
    return 1;
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, &translated);
  qemu_plugin_register_atexit_cb(id, &ended, nullptr);
  return 0;
}
