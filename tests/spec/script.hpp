// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Script: carries out the commands of one file of the suite. It needs no more of the machine than
// memory, and somebody who hands it the files.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <quoll/wasm/wasm.hpp>

#include "json.hpp"

namespace quoll::spec {

/// Hands out the files of the suite, by their paths in its folder.
class Files {
 public:
  Files() = default;
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  virtual ~Files() = default;
  /// False: there is no such file.
  virtual bool read(const std::string& path, std::vector<std::uint8_t>& out) const = 0;
};

/// The state that the commands of one script share.
class Script {
 public:
  /// The modules that the commands name stand in `folder`.
  Script(const wasm::EngineConfig& config, const Files& files, std::string folder)
      : files_(files),
        folder_(std::move(folder)),
        engine_(config),
        store_(engine_),
        linker_(store_) {}

  /// Makes the module `spectest`, which scripts import from. False: memory is short.
  bool define_spectest();
  /// Carries out one command. False: it did not come out as the script says; `reason` says why.
  bool run(const Json& command);
  const std::string& reason() const { return reason_; }

 private:
  struct LoadedModule {
    std::vector<std::uint8_t> bytes;
    std::unique_ptr<wasm::Module> module;
  };

  bool dispatch(const Json& command);
  /// The module in binary that the command names.
  bool read_module(const Json& command, std::vector<std::uint8_t>& out);
  const wasm::Module* load(const Json& command);
  bool define_module(const Json& command);
  bool instantiate_definition(const Json& command);
  bool load_and_instantiate(const Json& command, wasm::LinkError* error);
  bool instantiate(const wasm::Module& module, const Json& name, wasm::LinkError* error);
  bool register_instance(const Json& command);
  wasm::Instance* instance(const Json& name) const;
  bool act(const Json& action, wasm::Outcome& outcome, std::vector<wasm::Value>& results);
  bool get(const wasm::Instance& target, const Json& action, std::vector<wasm::Value>& results);
  bool invoke(wasm::Instance& target, const Json& action, wasm::Outcome& outcome,
              std::vector<wasm::Value>& results);
  bool assert_return(const Json& command);
  bool check_results(const Json& command, const std::vector<wasm::Value>& results);
  bool check_either(const std::vector<Json>& allowed, const std::vector<wasm::Value>& results);
  bool assert_trap(const Json& command);
  bool check_trap(const Json& command, const wasm::Outcome& outcome);
  bool assert_rejected(const Json& command, wasm::RuleClass expected);
  bool assert_unlinkable(const Json& command);
  bool assert_uninstantiable(const Json& command);
  /// Instantiates what must not come into being.
  bool fail_to_instantiate(const Json& command, wasm::LinkError& error);
  bool complain(const std::string& why);

  const Files& files_;
  std::string folder_;
  wasm::Engine engine_;
  wasm::Store store_;
  wasm::Linker linker_;
  std::vector<std::unique_ptr<LoadedModule>> modules_;
  std::vector<std::unique_ptr<std::string>> registered_;
  std::map<std::string, const wasm::Module*> definitions_;
  std::map<std::string, wasm::Instance*> named_;
  const wasm::Module* last_definition_ = nullptr;
  wasm::Instance* current_ = nullptr;
  std::string reason_;
};

}  // namespace quoll::spec
