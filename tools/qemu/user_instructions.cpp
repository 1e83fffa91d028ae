// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A plugin of QEMU: how many instructions guests execute in user mode. It looks at the machine from
// outside: the image is the one that is used otherwise, not an instruction more.
//
//   -plugin file=user_instructions.so,out=OUT
//
// What is below the machine's memory is user mode: guests' addresses are virtual, loader and
// firmware run where the memory is, and the kernel in the upper half. OUT gets the number. An
// instruction that a page fault interrupts is executed again, and counted again.
//
// *Requires*: harts run in one thread (a machine that counts).
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>

#include "plugin.hpp"

namespace {

constexpr std::uint64_t kMemoryStart = 0x8000'0000;

// Kept to the very end: QEMU calls when the machine has ended, which is after destructors would.
[[clang::no_destroy]] std::string out_path;
std::uint64_t executed = 0;

void translated(qemu_plugin_id_t, qemu_plugin_tb* block) {
  const std::size_t count = qemu_plugin_tb_n_insns(block);
  for (std::size_t i = 0; i < count; ++i) {
    qemu_plugin_insn* const instruction = qemu_plugin_tb_get_insn(block, i);
    if (qemu_plugin_insn_vaddr(instruction) >= kMemoryStart) return;
    qemu_plugin_register_vcpu_insn_exec_inline(instruction, QEMU_PLUGIN_INLINE_ADD_U64, &executed,
                                               1);
  }
}

void ended(qemu_plugin_id_t, void*) {
  std::FILE* const out = std::fopen(out_path.c_str(), "w");
  if (out == nullptr) return;
  std::fprintf(out, "%llu\n", static_cast<unsigned long long>(executed));
  std::fclose(out);
}

}  // namespace

QUOLL_PLUGIN_EXPORT int qemu_plugin_version = 1;

QUOLL_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t*, int argc,
                                            char** argv) {
  constexpr const char* kOut = "out=";
  for (int i = 0; i < argc; ++i) {
    if (std::strncmp(argv[i], kOut, std::strlen(kOut)) == 0) out_path = argv[i] + std::strlen(kOut);
  }
  if (out_path.empty()) {
    std::fputs("user_instructions: needs out=FILE\n", stderr);
    return 1;
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, &translated);
  qemu_plugin_register_atexit_cb(id, &ended, nullptr);
  return 0;
}
