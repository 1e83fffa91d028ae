// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Instantiation: the steps from a module to an instance.
#pragma once

#include <quoll/wasm/linker.hpp>

namespace quoll::wasm {

/// Makes one instance. What it has created stays in the store even when a later step fails: a
/// table that it shares may refer to it by then.
class Instantiation {
 public:
  Instantiation(const Linker& linker, const Module& module)
      : linker_(linker), store_(*linker.store_), module_(module) {}

  /// The instance, or null: then `error` says why.
  Instance* run(StartMode start);
  const LinkError& error() const { return error_; }

 private:
  bool create();
  bool resolve_imports();
  bool add_import(const Import& import, const Extern& value);
  bool resolve_unknown_function(const Import& import);
  bool create_functions();
  bool create_tables();
  bool create_memories();
  bool create_globals();
  bool reserve();
  /// The offset of an active segment in a memory or table with such addresses.
  bool evaluate_offset(ByteRange expression, AddressType type, std::uint64_t& out);
  bool initialise_tables();
  bool initialise_memories();
  bool translate_all();
  bool run_start();
  bool fail(LinkRule rule) {
    error_.rule = rule;
    return false;
  }
  bool fail(LinkRule rule, const Import& import) {
    error_ = {rule, import.module, import.name, {}};
    return false;
  }
  bool fail_with_trap(TrapKind kind);

  const Linker& linker_;
  Store& store_;
  const Module& module_;
  Instance* instance_ = nullptr;
  LinkError error_;
};

}  // namespace quoll::wasm
