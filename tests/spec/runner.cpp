// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "runner.hpp"

#include <charconv>
#include <cstdio>
#include <fstream>
#include <iterator>

namespace quoll::spec {

namespace {

using wasm::Value;
using wasm::ValueType;

wasm::EngineConfig config() {
  wasm::EngineConfig config;
  config.memory = wasm::host_memory_provider();
  return config;
}

std::uint64_t number(const std::string& text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool value_type(const std::string& name, ValueType& out) {
  for (const ValueType type : {ValueType::kI32, ValueType::kI64, ValueType::kF32, ValueType::kF64,
                               ValueType::kFuncRef, ValueType::kExternRef}) {
    if (name == wasm::name(type)) {
      out = type;
      return true;
    }
  }
  return false;
}

/// External references are numbers in the suite; zero is one of them and null is not.
bool parse_value(const Json& json, Value& out) {
  ValueType type;
  if (!value_type(json["type"].text, type)) return false;
  const std::string& text = json["value"].text;
  if (wasm::is_reference(type)) {
    out = Value::from_bits(type, text == "null" ? 0 : number(text) + 1);
  } else {
    out = Value::from_bits(type, number(text));
  }
  return true;
}

template <typename Bits>
bool matches_nan(Bits bits, bool canonical, unsigned mantissa_bits) {
  const Bits quiet = Bits{1} << (mantissa_bits - 1);
  const Bits sign = Bits{1} << (sizeof(Bits) * 8 - 1);
  const auto exponent = static_cast<Bits>(~sign & ~(quiet * 2 - 1));
  const Bits least = exponent | quiet;
  const Bits magnitude = bits & static_cast<Bits>(~sign);
  return canonical ? magnitude == least : (magnitude & least) == least;
}

bool matches(const Json& expected, const Value& actual) {
  ValueType type;
  if (!value_type(expected["type"].text, type) || type != actual.type()) return false;
  const std::string& text = expected["value"].text;
  if (text == "nan:canonical" || text == "nan:arithmetic") {
    const bool canonical = text == "nan:canonical";
    return type == ValueType::kF32 ? matches_nan(actual.as_i32(), canonical, 23)
                                   : matches_nan(actual.as_i64(), canonical, 52);
  }
  if (wasm::is_reference(type)) {
    if (!expected.has("value")) return !actual.is_null();
    if (type == ValueType::kFuncRef && text != "null") return !actual.is_null();
    return actual.bits() == (text == "null" ? 0 : number(text) + 1);
  }
  return actual.bits() == Value::from_bits(type, number(text)).bits();
}

wasm::HostOutcome print(void*, wasm::Instance&, std::uint64_t*) {
  return wasm::HostOutcome::ok();
}

}  // namespace

Runner::Runner(std::filesystem::path directory)
    : directory_(std::move(directory)), engine_(config()), store_(engine_), linker_(store_) {}

bool Runner::complain(const std::string& why) {
  reason_ = why;
  return false;
}

bool Runner::define_spectest() {
  constexpr ValueType i32 = ValueType::kI32;
  constexpr ValueType i64 = ValueType::kI64;
  constexpr ValueType f32 = ValueType::kF32;
  constexpr ValueType f64 = ValueType::kF64;
  static constexpr ValueType kTypes[][2] = {{i32, i32}, {i64, i64}, {f32, f32},
                                            {f64, f64}, {i32, f32}, {f64, f64}};
  const auto print_function = [&](const char* name, std::span<const ValueType> parameters) {
    return linker_.define_function("spectest", name, {parameters, {}}, {&print, nullptr});
  };
  const auto global = [&](const char* name, const Value& value) {
    wasm::Global* made = store_.create_global({value.type(), wasm::Mutability::kConst}, value);
    return made != nullptr && linker_.define("spectest", name, wasm::Extern::of(made));
  };
  wasm::Table* table = store_.create_table({ValueType::kFuncRef, {10, 20, true}},
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
         memory != nullptr && linker_.define("spectest", "memory", wasm::Extern::of(memory));
}

bool Runner::read(const std::string& file, std::vector<std::uint8_t>& out) const {
  std::ifstream stream(directory_ / file, std::ios::binary);
  if (!stream) return false;
  out.assign(std::istreambuf_iterator<char>(stream), {});
  return true;
}

bool Runner::instantiate(const Json& command, wasm::LinkError* error) {
  auto loaded = std::make_unique<LoadedModule>();
  if (!read(command["filename"].text, loaded->bytes)) return complain("file cannot be read");
  auto module = wasm::Module::decode(loaded->bytes);
  if (!module) {
    return complain(std::string(wasm::text(module.error().rule)) + " at " +
                    std::to_string(module.error().offset));
  }
  loaded->module = std::move(module).value();
  modules_.push_back(std::move(loaded));
  auto instance = linker_.instantiate(*modules_.back()->module);
  if (!instance) {
    if (error != nullptr) *error = instance.error();
    return complain(std::string("not instantiated: ") + wasm::text(instance.error().rule) + " " +
                    std::string(instance.error().name));
  }
  current_ = *instance;
  if (command.has("name")) named_[command["name"].text] = current_;
  return true;
}

wasm::Instance* Runner::instance(const Json& action) const {
  if (!action.has("module")) return current_;
  const auto found = named_.find(action["module"].text);
  return found == named_.end() ? nullptr : found->second;
}

bool Runner::act(const Json& action, wasm::Outcome& outcome, std::vector<Value>& results) {
  wasm::Instance* target = instance(action);
  if (target == nullptr) return complain("no such module");
  const std::string& field = action["field"].text;
  if (action["type"].text == "get") {
    const wasm::Global* global = target->find_global(field);
    if (global == nullptr) return complain("no such global");
    results.assign(1, global->get());
    return true;
  }
  const wasm::Func* func = target->find_function(field);
  if (func == nullptr) return complain("no such function");
  std::vector<Value> arguments;
  for (const Json& argument : action["args"].items) {
    if (!parse_value(argument, arguments.emplace_back())) return complain("unknown argument");
  }
  results.resize(func->type().results.size());
  outcome = target->invoke(field, arguments, results);
  return outcome.kind != wasm::Outcome::Kind::kRefused || complain("call refused");
}

bool Runner::assert_return(const Json& command) {
  wasm::Outcome outcome;
  std::vector<Value> results;
  if (!act(command["action"], outcome, results)) return false;
  if (!outcome.returned()) {
    return complain(std::string("trap: ") + wasm::text(outcome.trap.kind));
  }
  const auto& expected = command["expected"].items;
  if (command["type"].text == "action") return true;
  if (expected.size() != results.size()) return complain("wrong number of results");
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!matches(expected[i], results[i])) {
      return complain("got " + std::to_string(results[i].bits()) + ", expected " +
                      expected[i]["value"].text);
    }
  }
  return true;
}

bool Runner::assert_trap(const Json& command) {
  wasm::Outcome outcome;
  std::vector<Value> results;
  if (!act(command["action"], outcome, results)) return false;
  if (outcome.kind != wasm::Outcome::Kind::kTrapped) return complain("no trap");
  const std::string expected = command["text"].text;
  const std::string actual = wasm::text(outcome.trap.kind);
  return expected.starts_with(actual) || actual.starts_with(expected) ||
         complain("got trap '" + actual + "', expected '" + expected + "'");
}

bool Runner::assert_rejected(const Json& command, wasm::RuleClass expected) {
  std::vector<std::uint8_t> bytes;
  if (!read(command["filename"].text, bytes)) return complain("file cannot be read");
  const auto module = wasm::Module::decode(bytes);
  if (module) return complain("accepted, expected '" + command["text"].text + "'");
  const wasm::ModuleError& error = module.error();
  if (error.offset > bytes.size()) return complain("offset beyond the module");
  return wasm::rule_class(error.rule) == expected ||
         complain(std::string("got ") + wasm::text(wasm::rule_class(error.rule)) + " '" +
                  wasm::text(error.rule) + "' at " + std::to_string(error.offset) + ", expected '" +
                  command["text"].text + "'");
}

bool Runner::assert_uninstantiable(const Json& command, wasm::LinkRule expected) {
  wasm::LinkError error;
  wasm::Instance* const before = current_;
  if (instantiate(command, &error)) return complain("instantiated");
  current_ = before;
  const bool unlinkable = error.rule == wasm::LinkRule::kUnknownImport ||
                          error.rule == wasm::LinkRule::kIncompatibleImport;
  return unlinkable == (expected == wasm::LinkRule::kUnknownImport) || complain(reason_);
}

bool Runner::command(const Json& command) {
  const std::string& type = command["type"].text;
  if (type == "module") return instantiate(command, nullptr);
  if (type == "register") {
    registered_.push_back(std::make_unique<std::string>(command["as"].text));
    const auto found = named_.find(command["name"].text);
    const wasm::Instance* target = found == named_.end() ? current_ : found->second;
    return linker_.define_instance(*registered_.back(), *target) || complain("out of memory");
  }
  if (type == "action" || type == "assert_return") return assert_return(command);
  if (type == "assert_trap" || type == "assert_exhaustion") return assert_trap(command);
  if (type == "assert_invalid") return assert_rejected(command, wasm::RuleClass::kInvalid);
  if (type == "assert_malformed") return assert_rejected(command, wasm::RuleClass::kMalformed);
  if (type == "assert_unlinkable") {
    return assert_uninstantiable(command, wasm::LinkRule::kUnknownImport);
  }
  if (type == "assert_uninstantiable") {
    return assert_uninstantiable(command, wasm::LinkRule::kInitialisation);
  }
  return complain("unknown command " + type);
}

Score Runner::run() {
  Score score;
  const std::string name = directory_.filename().string();
  std::vector<std::uint8_t> text;
  Json script;
  if (!define_spectest() || !read(name + ".json", text) ||
      !parse_json(std::string(text.begin(), text.end()), script)) {
    std::printf("%s: cannot be read\n", name.c_str());
    score.failed = 1;
    return score;
  }
  for (const Json& item : script["commands"].items) {
    const bool asserts = item["type"].text.starts_with("assert_");
    if (item["module_type"].text == "text") {
      ++score.text;
      continue;
    }
    reason_.clear();
    if (command(item)) {
      score.passed += asserts ? 1 : 0;
    } else {
      ++score.failed;
      std::printf("%s:%s: %s: %s\n", name.c_str(), item["line"].text.c_str(),
                  item["type"].text.c_str(), reason_.c_str());
    }
  }
  return score;
}

}  // namespace quoll::spec
