// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Linker: gives names to what modules import, and makes instances.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <quoll/base/result.hpp>
#include <quoll/containers/vector.hpp>
#include <quoll/wasm/execution.hpp>
#include <quoll/wasm/extern.hpp>
#include <quoll/wasm/module.hpp>
#include <quoll/wasm/store.hpp>

namespace quoll::wasm {

/// Why a module could not be instantiated.
enum class LinkRule : std::uint8_t {
  kUnknownImport,
  kIncompatibleImport,
  kForeignStore,  ///< an import belongs to another store
  kTooLarge,      ///< a memory or table is larger than this engine or its configuration allows
  kOutOfMemory,
  kInitialisation,  ///< a segment or the start function trapped, exited or suspended
};
const char* text(LinkRule rule) noexcept;

struct LinkError {
  LinkRule rule = LinkRule::kUnknownImport;
  /// The import concerned; views of the module's bytes.
  std::string_view module;
  std::string_view name;
  /// For `kInitialisation`: how it ended.
  Outcome outcome;
};

/// Whether instantiation runs the start function, or leaves it to the embedder.
enum class StartMode : std::uint8_t { kRun, kDefer };

/// Supplies a function that was not defined by name. Returns false when it knows none either.
using FunctionResolver = bool (*)(void* context, const Import& import, const FuncType& type,
                                  HostFunction& out);

/// What becomes of an imported function that nobody supplies.
enum class UnknownFunctions : std::uint8_t {
  kRefuse,  ///< instantiation fails
  kTrap,    ///< it links to a function that traps with its name when called
};

/// Names for imports, in one store.
class Linker {
 public:
  explicit Linker(Store& store) : store_(&store) {}

  /// Defines a name; a later definition replaces an earlier one. The names are not copied and
  /// outlive the linker. False: memory is short.
  [[nodiscard]] bool define(std::string_view module, std::string_view name, const Extern& value);
  [[nodiscard]] bool define_function(std::string_view module, std::string_view name,
                                     const FuncType& type, HostFunction function);
  /// Defines all exports of an instance under the module name.
  [[nodiscard]] bool define_instance(std::string_view module, const Instance& instance);

  void set_resolver(FunctionResolver resolver, void* context) {
    resolver_ = resolver;
    resolver_context_ = context;
  }
  void set_unknown_functions(UnknownFunctions what) { unknown_ = what; }

  /// Links and initialises an instance of `module`, which outlives the store.
  base::Result<Instance*, LinkError> instantiate(const Module& module,
                                                 StartMode start = StartMode::kRun);

 private:
  friend class Instantiation;
  struct Definition {
    std::string_view module;
    std::string_view name;
    Extern value;
  };

  std::optional<Extern> find(std::string_view module, std::string_view name) const;

  Store* store_;
  containers::Vector<Definition> definitions_;
  FunctionResolver resolver_ = nullptr;
  void* resolver_context_ = nullptr;
  UnknownFunctions unknown_ = UnknownFunctions::kRefuse;
};

}  // namespace quoll::wasm
