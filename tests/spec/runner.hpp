// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Runs one file of the official test suite against the engine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <quoll/wasm/wasm.hpp>

#include "json.hpp"

namespace quoll::spec {

/// What became of a file's assertions.
struct Score {
  unsigned passed = 0;
  unsigned failed = 0;
  /// Modules in the text format, which are for assemblers.
  unsigned text = 0;
};

/// The state that the commands of one file share.
class Runner {
 public:
  explicit Runner(std::filesystem::path directory);

  /// Carries out all commands of `<directory>/<name>.json`.
  Score run();

 private:
  struct LoadedModule {
    std::vector<std::uint8_t> bytes;
    std::unique_ptr<wasm::Module> module;
  };

  bool command(const Json& command);
  bool define_spectest();
  bool read(const std::string& file, std::vector<std::uint8_t>& out) const;
  bool instantiate(const Json& command, wasm::LinkError* error);
  wasm::Instance* instance(const Json& action) const;
  bool act(const Json& action, wasm::Outcome& outcome, std::vector<wasm::Value>& results);
  bool assert_return(const Json& command);
  bool assert_trap(const Json& command);
  bool assert_rejected(const Json& command, wasm::RuleClass expected);
  bool assert_uninstantiable(const Json& command, wasm::LinkRule expected);
  bool complain(const std::string& why);

  std::filesystem::path directory_;
  wasm::Engine engine_;
  wasm::Store store_;
  wasm::Linker linker_;
  std::vector<std::unique_ptr<LoadedModule>> modules_;
  std::vector<std::unique_ptr<std::string>> registered_;
  std::map<std::string, wasm::Instance*> named_;
  wasm::Instance* current_ = nullptr;
  std::string reason_;
};

}  // namespace quoll::spec
