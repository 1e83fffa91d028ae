// SPDX-License-Identifier: Apache-2.0 OR MIT
#include "sequence_file.hpp"

#include <fstream>
#include <sstream>

#include "engine.hpp"

namespace quoll::model {
namespace {

std::string allowance(const char* name, std::uint32_t amount) {
  return amount == kPlenty ? std::string() : std::string(" ") + name + "=" + std::to_string(amount);
}

std::optional<std::uint64_t> number(const std::string& text) {
  if (text.empty() || text.size() > 20) return std::nullopt;
  std::uint64_t value = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  return value;
}

}  // namespace

std::string to_text(const Sequence& sequence, const std::string& why) {
  std::ostringstream out;
  out << "# SPDX-License-Identifier: Apache-2.0 OR MIT\n";
  std::istringstream lines(why);
  for (std::string line; std::getline(lines, line);) out << "# " << line << "\n";
  const Setting& setting = sequence.setting;
  out << "system " << setting.system << "\nmode " << setting.mode << "\nharts " << setting.harts
      << "\nseed " << setting.seed << "\n";
  const SystemInfo* system = find_system(setting.system);
  for (const Operation& operation : sequence.operations) {
    out << system->kinds[operation.kind].name << " hart=" << operation.hart
        << allowance("frames", operation.frames) << allowance("objects", operation.objects);
    for (const std::uint64_t operand : operation.operands) out << " " << operand;
    out << "\n";
  }
  return out.str();
}

std::optional<Sequence> from_text(const std::string& text, std::string& error) {
  Sequence sequence;
  const SystemInfo* system = nullptr;
  std::istringstream lines(text);
  std::size_t line_number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++line_number;
    error = "line " + std::to_string(line_number) + ": " + line;
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    std::string first;
    words >> first;
    if (first == "system") {
      words >> sequence.setting.system;
      system = find_system(sequence.setting.system);
      if (system == nullptr) return std::nullopt;
      continue;
    }
    if (first == "mode" || first == "harts" || first == "seed") {
      std::string word;
      words >> word;
      const auto value = number(word);
      if (!value) return std::nullopt;
      if (first == "mode") sequence.setting.mode = static_cast<unsigned>(*value);
      if (first == "harts") sequence.setting.harts = static_cast<unsigned>(*value);
      if (first == "seed") sequence.setting.seed = *value;
      continue;
    }
    if (system == nullptr) return std::nullopt;
    Operation operation;
    while (operation.kind < system->kinds.size() && system->kinds[operation.kind].name != first) {
      ++operation.kind;
    }
    if (operation.kind == system->kinds.size()) return std::nullopt;
    std::size_t operand = 0;
    for (std::string word; words >> word;) {
      const std::size_t equals = word.find('=');
      const auto value = number(equals == std::string::npos ? word : word.substr(equals + 1));
      if (!value) return std::nullopt;
      if (equals == std::string::npos) {
        if (operand == operation.operands.size()) return std::nullopt;
        operation.operands[operand++] = *value;
      } else if (word.compare(0, equals, "hart") == 0) {
        operation.hart = static_cast<std::uint32_t>(*value);
      } else if (word.compare(0, equals, "frames") == 0) {
        operation.frames = static_cast<std::uint32_t>(*value);
      } else if (word.compare(0, equals, "objects") == 0) {
        operation.objects = static_cast<std::uint32_t>(*value);
      } else {
        return std::nullopt;
      }
    }
    sequence.operations.push_back(operation);
  }
  error = "no system is named, or it has not this mode, or there are not 1 to 4 harts";
  if (system == nullptr || sequence.setting.harts < 1 || sequence.setting.harts > 4) {
    return std::nullopt;
  }
  bool has_mode = false;
  for (const unsigned mode : system->modes) has_mode |= mode == sequence.setting.mode;
  if (!has_mode) return std::nullopt;
  return sequence;
}

bool write_file(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  return out.good();
}

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace quoll::model
