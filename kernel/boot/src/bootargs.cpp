// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>

#include <quoll/kernel/boot/bootargs.hpp>

namespace quoll::boot {
namespace {

/// Every argument, in one table.
struct Known {
  std::string_view name;
  std::string_view Arguments::* field;
};
constexpr Known kKnown[] = {
    {"log", &Arguments::log},
    {"paging", &Arguments::paging},
    {"tests", &Arguments::tests},
    {"bench", &Arguments::bench},
    {"trace", &Arguments::trace},
    {"trace.size", &Arguments::trace_size},
};

void take(Arguments& arguments, std::string_view part, Complain complain) {
  const std::size_t equals = part.find('=');
  const std::string_view name = part.substr(0, equals);
  for (const Known& known : kKnown) {
    if (known.name != name) continue;
    if (equals == std::string_view::npos || equals + 1 == part.size()) {
      return complain(part, "needs a value");
    }
    arguments.*known.field = part.substr(equals + 1);
    return;
  }
  complain(part, "is not known");
}

}  // namespace

Arguments parse_arguments(std::string_view line, Complain complain) {
  Arguments arguments;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find_first_of(" ;\t\n"), line.size());
    if (end != 0) take(arguments, line.substr(0, end), complain);
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return arguments;
}

}  // namespace quoll::boot
