// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "script.hpp"

#include <span>

#include "expectations.hpp"
#include "numbers.hpp"
#include "values.hpp"

namespace quoll::spec {

namespace {

using wasm::LinkRule;
using wasm::Outcome;
using wasm::RuleClass;
using wasm::Value;
using wasm::ValueType;

wasm::HostOutcome print(void*, wasm::Instance&, std::uint64_t*) {
  return wasm::HostOutcome::ok();
}

std::string words(const wasm::ModuleError& error) {
  return std::string(wasm::text(wasm::rule_class(error.rule))) + " '" + wasm::text(error.rule) +
         "' at " + decimal(error.offset);
}

std::string words(const Outcome& outcome) {
  switch (outcome.kind) {
    case Outcome::Kind::kReturned:
      return "a return";
    case Outcome::Kind::kTrapped:
      return std::string("trap '") + wasm::text(outcome.trap.kind) + "'";
    case Outcome::Kind::kExited:
      return "an exit";
    case Outcome::Kind::kSuspended:
      return "a suspension";
    case Outcome::Kind::kRefused:
      return "a refusal";
  }
  return "nothing";
}

}  // namespace

bool Script::complain(const std::string& why) {
  reason_ = why;
  return false;
}

bool Script::define_spectest() {
  constexpr ValueType kI32 = ValueType::kI32;
  constexpr ValueType kI64 = ValueType::kI64;
  constexpr ValueType kF32 = ValueType::kF32;
  constexpr ValueType kF64 = ValueType::kF64;
  static constexpr ValueType kTypes[][2] = {{kI32, kI32}, {kI64, kI64}, {kF32, kF32},
                                            {kF64, kF64}, {kI32, kF32}, {kF64, kF64}};
  const auto print_function = [&](const char* name, std::span<const ValueType> parameters) {
    return linker_.define_function("spectest", name, {parameters, {}}, {&print, nullptr});
  };
  const auto global = [&](const char* name, const Value& value) {
    wasm::Global* made = store_.create_global({value.type(), wasm::Mutability::kConst}, value);
    return made != nullptr && linker_.define("spectest", name, wasm::Extern::of(made));
  };
  wasm::Table* table = store_.create_table({ValueType::kFuncRef, {10, 20, true}},
                                           Value::from_bits(ValueType::kFuncRef, 0));
  wasm::Table* table64 =
      store_.create_table({ValueType::kFuncRef, {10, 20, true}, wasm::AddressType::k64},
                          Value::from_bits(ValueType::kFuncRef, 0));
  wasm::Memory* memory = store_.create_memory({{1, 2, true}});
  return print_function("print", {}) && print_function("print_i32", std::span(kTypes[0], 1)) &&
         print_function("print_i64", std::span(kTypes[1], 1)) &&
         print_function("print_f32", std::span(kTypes[2], 1)) &&
         print_function("print_f64", std::span(kTypes[3], 1)) &&
         print_function("print_i32_f32", kTypes[4]) && print_function("print_f64_f64", kTypes[5]) &&
         global("global_i32", Value::i32(666)) && global("global_i64", Value::i64(666)) &&
         global("global_f32", Value::f32(666.6f)) && global("global_f64", Value::f64(666.6)) &&
         table != nullptr && linker_.define("spectest", "table", wasm::Extern::of(table)) &&
         table64 != nullptr && linker_.define("spectest", "table64", wasm::Extern::of(table64)) &&
         memory != nullptr && linker_.define("spectest", "memory", wasm::Extern::of(memory));
}

bool Script::read_module(const Json& command, std::vector<std::uint8_t>& out) {
  return files_.read(folder_ + "/" + command["filename"].text, out) ||
         complain("file cannot be read");
}

const wasm::Module* Script::load(const Json& command) {
  auto loaded = std::make_unique<LoadedModule>();
  if (!read_module(command, loaded->bytes)) return nullptr;
  auto module = engine_.decode(loaded->bytes);
  if (!module) {
    complain(words(module.error()));
    return nullptr;
  }
  loaded->module = std::move(module).value();
  modules_.push_back(std::move(loaded));
  return modules_.back()->module.get();
}

bool Script::define_module(const Json& command) {
  last_definition_ = load(command);
  if (last_definition_ == nullptr) return false;
  if (command.has("name")) definitions_[command["name"].text] = last_definition_;
  return true;
}

bool Script::instantiate_definition(const Json& command) {
  const wasm::Module* module = last_definition_;
  if (command.has("module")) {
    const auto found = definitions_.find(command["module"].text);
    module = found == definitions_.end() ? nullptr : found->second;
  }
  if (module == nullptr) return complain("no such module");
  return instantiate(*module, command["instance"], nullptr);
}

bool Script::load_and_instantiate(const Json& command, wasm::LinkError* error) {
  const wasm::Module* module = load(command);
  return module != nullptr && instantiate(*module, command["name"], error);
}

bool Script::instantiate(const wasm::Module& module, const Json& name, wasm::LinkError* error) {
  auto made = linker_.instantiate(module);
  if (!made) {
    if (error != nullptr) *error = made.error();
    return complain(std::string("not instantiated: ") + wasm::text(made.error().rule) + " " +
                    std::string(made.error().name));
  }
  current_ = *made;
  if (!name.text.empty()) named_[name.text] = current_;
  return true;
}

bool Script::register_instance(const Json& command) {
  const wasm::Instance* target = instance(command["name"]);
  if (target == nullptr) return complain("no such module");
  // The linker does not copy names.
  registered_.push_back(std::make_unique<std::string>(command["as"].text));
  return linker_.define_instance(*registered_.back(), *target) || complain("out of memory");
}

wasm::Instance* Script::instance(const Json& name) const {
  if (name.text.empty()) return current_;
  const auto found = named_.find(name.text);
  return found == named_.end() ? nullptr : found->second;
}

bool Script::act(const Json& action, Outcome& outcome, std::vector<Value>& results) {
  wasm::Instance* target = instance(action["module"]);
  if (target == nullptr) return complain("no such module");
  return action["type"].text == "get" ? get(*target, action, results)
                                      : invoke(*target, action, outcome, results);
}

bool Script::get(const wasm::Instance& target, const Json& action, std::vector<Value>& results) {
  const wasm::Global* global = target.find_global(action["field"].text);
  if (global == nullptr) return complain("no such global");
  results.assign(1, global->get());
  return true;
}

bool Script::invoke(wasm::Instance& target, const Json& action, Outcome& outcome,
                    std::vector<Value>& results) {
  const std::string& field = action["field"].text;
  const wasm::Func* func = target.find_function(field);
  if (func == nullptr) return complain("no such function");
  std::vector<Value> arguments;
  for (const Json& argument : action["args"].items) {
    if (!parse_value(argument, arguments.emplace_back())) {
      return complain("argument of unknown type " + argument["type"].text);
    }
  }
  results.resize(func->type().results.size());
  outcome = target.invoke(field, arguments, results);
  return true;
}

bool Script::assert_return(const Json& command) {
  Outcome outcome;
  std::vector<Value> results;
  if (!act(command["action"], outcome, results)) return false;
  if (!outcome.returned()) return complain(words(outcome));
  // What an action alone gives is not looked at.
  return command["type"].text == "action" || check_results(command, results);
}

bool Script::check_results(const Json& command, const std::vector<Value>& results) {
  if (command.has("either")) return check_either(command["either"].items, results);
  const std::vector<Json>& expected = command["expected"].items;
  if (expected.size() != results.size()) return complain("wrong number of results");
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!matches(expected[i], results[i])) {
      return complain("got " + describe(results[i]) + ", expected " + describe(expected[i]));
    }
  }
  return true;
}

/// Where the specification leaves a choice: the one result has to be among those listed.
bool Script::check_either(const std::vector<Json>& allowed, const std::vector<Value>& results) {
  if (results.size() != 1) return complain("wrong number of results");
  std::string all;
  for (const Json& expected : allowed) {
    if (matches(expected, results[0])) return true;
    all += (all.empty() ? "" : ", or ") + describe(expected);
  }
  return complain("got " + describe(results[0]) + ", expected " + all);
}

bool Script::assert_trap(const Json& command) {
  Outcome outcome;
  std::vector<Value> results;
  return act(command["action"], outcome, results) && check_trap(command, outcome);
}

bool Script::check_trap(const Json& command, const Outcome& outcome) {
  const std::string& expected = command["text"].text;
  const std::optional<wasm::TrapKind> kind = trap_kind(expected);
  if (!kind) return complain("no trap is known as '" + expected + "'");
  return (outcome.kind == Outcome::Kind::kTrapped && outcome.trap.kind == *kind) ||
         complain("got " + words(outcome) + ", expected trap '" + expected + "'");
}

bool Script::assert_rejected(const Json& command, RuleClass expected) {
  std::vector<std::uint8_t> bytes;
  if (!read_module(command, bytes)) return false;
  const auto module = engine_.decode(bytes);
  if (module) return complain("accepted, expected '" + command["text"].text + "'");
  if (module.error().offset > bytes.size()) return complain("offset beyond the module");
  return wasm::rule_class(module.error().rule) == expected ||
         complain("got " + words(module.error()) + ", expected '" + command["text"].text + "'");
}

bool Script::fail_to_instantiate(const Json& command, wasm::LinkError& error) {
  wasm::Instance* const before = current_;
  const wasm::Module* module = load(command);
  if (module == nullptr) return false;
  if (instantiate(*module, Json(), &error)) return complain("instantiated");
  current_ = before;
  return true;
}

bool Script::assert_unlinkable(const Json& command) {
  wasm::LinkError error;
  if (!fail_to_instantiate(command, error)) return false;
  const std::string& expected = command["text"].text;
  const std::optional<LinkRule> rule = link_rule(expected);
  if (!rule) return complain("no failure to link is known as '" + expected + "'");
  return error.rule == *rule || complain(reason_ + ", expected '" + expected + "'");
}

bool Script::assert_uninstantiable(const Json& command) {
  wasm::LinkError error;
  if (!fail_to_instantiate(command, error)) return false;
  if (error.rule != LinkRule::kInitialisation) return complain(reason_);
  return check_trap(command, error.outcome);
}

bool Script::run(const Json& command) {
  reason_.clear();
  return dispatch(command);
}

bool Script::dispatch(const Json& command) {
  const std::string& type = command["type"].text;
  if (type == "module") return load_and_instantiate(command, nullptr);
  if (type == "module_definition") return define_module(command);
  if (type == "module_instance") return instantiate_definition(command);
  if (type == "register") return register_instance(command);
  if (type == "action" || type == "assert_return") return assert_return(command);
  if (type == "assert_trap" || type == "assert_exhaustion") return assert_trap(command);
  if (type == "assert_invalid") return assert_rejected(command, RuleClass::kInvalid);
  if (type == "assert_malformed") return assert_rejected(command, RuleClass::kMalformed);
  if (type == "assert_unlinkable") return assert_unlinkable(command);
  if (type == "assert_uninstantiable") return assert_uninstantiable(command);
  return complain("unknown command");
}

}  // namespace quoll::spec
