// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <quoll/kernel/guest/run_description.hpp>

namespace quoll::guest {
namespace {

using base::err;

base::Result<DirectoryGrant, DescriptionError> parse_directory(std::string_view value) {
  const std::size_t separator = value.find("::");
  if (separator == std::string_view::npos) return err(DescriptionError::kBadDirectory);
  const DirectoryGrant grant{value.substr(0, separator), value.substr(separator + 2)};
  if (grant.archive_path.empty() || grant.guest_name.empty()) {
    return err(DescriptionError::kBadDirectory);
  }
  return grant;
}

base::Result<void, DescriptionError> take_record(RunDescription& run, std::string_view key,
                                                 std::string_view value) {
  bool stored = true;
  if (key == "program") {
    if (!run.program.empty() || value.empty()) return err(DescriptionError::kNoProgram);
    run.program = value;
  } else if (key == "arg") {
    stored = run.arguments.try_push_back(value);
  } else if (key == "env") {
    stored = run.environment.try_push_back(value);
  } else if (key == "dir") {
    const DirectoryGrant grant = TRY(parse_directory(value));
    stored = run.directories.try_push_back(grant);
  } else {
    return err(DescriptionError::kUnknownKey);
  }
  if (!stored) return err(DescriptionError::kNoMemory);
  return {};
}

}  // namespace

base::Result<RunDescription, DescriptionError> parse_run_description(std::string_view text) {
  RunDescription run;
  while (!text.empty()) {
    const std::size_t end = text.find('\0');
    const std::string_view record = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (record.empty()) continue;
    const std::size_t equals = record.find('=');
    if (equals == std::string_view::npos) return err(DescriptionError::kNoEquals);
    TRY(take_record(run, record.substr(0, equals), record.substr(equals + 1)));
  }
  if (run.program.empty()) return err(DescriptionError::kNoProgram);
  return run;
}

const char* to_string(DescriptionError error) noexcept {
  switch (error) {
    case DescriptionError::kNoEquals:
      return "a record without '='";
    case DescriptionError::kUnknownKey:
      return "an unknown key";
    case DescriptionError::kNoProgram:
      return "not exactly one program";
    case DescriptionError::kBadDirectory:
      return "a malformed directory";
    case DescriptionError::kNoMemory:
      return "no memory";
  }
  return "unknown error";
}

}  // namespace quoll::guest
