// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/wasm/linker.hpp>

#include "runtime/instantiation.hpp"

namespace quoll::wasm {

bool Linker::define(std::string_view module, std::string_view name, const Extern& value) {
  for (Definition& definition : definitions_) {
    if (definition.module == module && definition.name == name) {
      definition.value = value;
      return true;
    }
  }
  return definitions_.try_push_back(Definition{module, name, value});
}

bool Linker::define_function(std::string_view module, std::string_view name, const FuncType& type,
                             HostFunction function) {
  Func* func = store_->create_function(type, function);
  return func != nullptr && define(module, name, Extern::of(func));
}

bool Linker::define_instance(std::string_view module, const Instance& instance) {
  for (const Export& entry : instance.module().exports()) {
    const std::optional<Extern> value = instance.find_export(entry.name);
    if (!value || !define(module, entry.name, *value)) return false;
  }
  return true;
}

std::optional<Extern> Linker::find(std::string_view module, std::string_view name) const {
  for (const Definition& definition : definitions_) {
    if (definition.module == module && definition.name == name) return definition.value;
  }
  return std::nullopt;
}

base::Result<Instance*, LinkError> Linker::instantiate(const Module& module, StartMode start) {
  Instantiation instantiation(*this, module);
  Instance* instance = instantiation.run(start);
  if (instance == nullptr) return base::err(LinkError(instantiation.error()));
  return instance;
}

}  // namespace quoll::wasm
