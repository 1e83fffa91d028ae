// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What QEMU offers a plugin, as far as ours need it: version 1 of the interface, declared here
// since the distribution's package has no header for it.
#pragma once

#include <cstddef>
#include <cstdint>

#define QUOLL_PLUGIN_EXPORT extern "C" [[gnu::visibility("default")]]

extern "C" {

using qemu_plugin_id_t = std::uint64_t;
/// Instructions that are translated together, and executed so unless something happens.
struct qemu_plugin_tb;
struct qemu_plugin_insn;
/// How QEMU was started, as far as that is looked at.
struct qemu_info_t {
  const char* target;
  int oldest_version;
  int version;
  bool whole_machine;  ///< and not one process of Linux
};

/// What a callback reads or writes of the machine's registers.
enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_CB_R_REGS, QEMU_PLUGIN_CB_RW_REGS };
/// What can be done without a callback.
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };

/// For each block that is about to be translated.
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
                                           void (*callback)(qemu_plugin_id_t, qemu_plugin_tb*));
/// Before each execution of the block.
void qemu_plugin_register_vcpu_tb_exec_cb(qemu_plugin_tb* block,
                                          void (*callback)(unsigned hart, void* data),
                                          qemu_plugin_cb_flags flags, void* data);
std::size_t qemu_plugin_tb_n_insns(const qemu_plugin_tb* block);
qemu_plugin_insn* qemu_plugin_tb_get_insn(const qemu_plugin_tb* block, std::size_t index);
std::uint64_t qemu_plugin_insn_vaddr(const qemu_plugin_insn* instruction);
/// Before each execution of the instruction.
void qemu_plugin_register_vcpu_insn_exec_cb(qemu_plugin_insn* instruction,
                                            void (*callback)(unsigned hart, void* data),
                                            qemu_plugin_cb_flags flags, void* data);
void qemu_plugin_register_vcpu_insn_exec_inline(qemu_plugin_insn* instruction, qemu_plugin_op op,
                                                void* word, std::uint64_t value);
/// When the machine ends.
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*callback)(qemu_plugin_id_t, void*),
                                    void* data);

}  // extern "C"
