// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "runner.hpp"

#include <vector>

#include "numbers.hpp"

namespace quoll::spec {

namespace {

wasm::EngineConfig config_of(const Run& run) {
  wasm::EngineConfig config = run.engine;
  config.features = run.set.features;
  return config;
}

std::optional<Kind> command_kind(const Json& command) {
  const std::string& type = command["type"].text;
  if (type != "assert_malformed") return kind_of(type);
  return command["module_type"].text == "text" ? Kind::kAssertMalformedText
                                               : Kind::kAssertMalformed;
}

/// The exceptions of one script, and which of them were met.
class Exceptions {
 public:
  Exceptions(const Set& set, const std::string& script, std::span<const Exception> all) {
    for (const Exception& exception : all) {
      if (exception.set == set.name && exception.script == script) list_.push_back({&exception});
    }
  }

  bool list(const std::string& line) {
    for (Entry& entry : list_) {
      if (entry.exception->line != line) continue;
      entry.met = true;
      return true;
    }
    return false;
  }
  std::vector<std::string> not_met() const {
    std::vector<std::string> lines;
    for (const Entry& entry : list_) {
      if (!entry.met) lines.push_back(entry.exception->line);
    }
    return lines;
  }

 private:
  struct Entry {
    const Exception* exception = nullptr;
    bool met = false;
  };
  std::vector<Entry> list_;
};

/// The last part of a path.
std::string file_name(const std::string& script) {
  return script.substr(script.rfind('/') + 1);
}

std::string count(unsigned number, const char* what) {
  return decimal(number) + " " + what;
}

std::string some(unsigned number, const char* what) {
  return number == 0 ? std::string() : ", " + count(number, what);
}

}  // namespace

Tally run_script(const Run& run, const ScriptCounts& counts) {
  Tally tally;
  const auto fault = [&](const std::string& line, const std::string& what) {
    ++tally.faults;
    run.report(counts.name + (line.empty() ? "" : ":" + line) + ": " + what);
  };
  std::vector<std::uint8_t> text;
  Json json;
  if (!run.files.read(counts.name + "/" + file_name(counts.name) + ".json", text) ||
      !parse_json(std::string(text.begin(), text.end()), json)) {
    fault("", "cannot be read");
    return tally;
  }
  Script script(config_of(run), run.files, counts.name);
  if (!script.define_spectest()) {
    fault("", "out of memory");
    return tally;
  }
  Exceptions listed(run.set, counts.name, run.exceptions);
  for (const Json& command : json["commands"].items) {
    const std::string& line = command["line"].text;
    const std::optional<Kind> kind = command_kind(command);
    if (!kind) {
      fault(line, "unknown command " + command["type"].text);
      continue;
    }
    ++tally.seen[*kind];
    if (*kind == Kind::kAssertMalformedText) continue;
    const bool met = script.run(command);
    if (met) ++tally.met[*kind];
    const bool is_listed = listed.list(line);
    if (is_listed && met) fault(line, "comes out as the script says, but is listed");
    if (is_listed && !met) ++tally.listed;
    if (!is_listed && !met) fault(line, command["type"].text + ": " + script.reason());
  }
  for (const std::string& line : listed.not_met()) fault(line, "listed, but there is no command");
  if (tally.seen != counts.counts) {
    fault("",
          "the suite's table has other counts: " + count(counts.counts.assertions(), "assertions"));
  }
  return tally;
}

Tally run_scripts(const Run& run, std::span<const ScriptCounts> scripts) {
  Tally total;
  for (const ScriptCounts& script : scripts) {
    const Tally tally = run_script(run, script);
    run.report(script.name + ": " + describe(tally));
    total += tally;
  }
  run.report(run.set.name + ", " + count(static_cast<unsigned>(scripts.size()), "scripts") + ": " +
             describe(total));
  return total;
}

std::string describe(const Tally& tally) {
  const Counts& met = tally.met;
  return decimal(met.assertions()) + " of " + count(tally.seen.assertions(), "assertions") +
         some(met[Kind::kModule], "modules") + some(met[Kind::kModuleDefinition], "definitions") +
         some(met[Kind::kModuleInstance], "instances") + some(met[Kind::kAction], "actions") +
         some(met[Kind::kRegister], "registrations") +
         some(tally.seen[Kind::kAssertMalformedText], "for text parsers") +
         some(tally.listed, "listed") + some(tally.faults, "FAULTS");
}

}  // namespace quoll::spec
