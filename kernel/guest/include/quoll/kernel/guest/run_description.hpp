// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// RunDescription: what `quoll/run` in the boot archive asks the machine to do in program mode.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <quoll/base/result.hpp>
#include <quoll/containers/vector.hpp>

namespace quoll::guest {

/// Why a description is refused.
enum class DescriptionError : std::uint8_t {
  kNoEquals,      ///< a record has no '='
  kUnknownKey,    ///< a key that this version does not know
  kNoProgram,     ///< no program, or more than one
  kBadDirectory,  ///< a directory without "::", or with an empty side
  kNoMemory,
};

/// A directory of the archive and the name by which the program knows it.
struct DirectoryGrant {
  std::string_view archive_path;
  std::string_view guest_name;
};

/// The parsed description; it refers into the text that it was parsed from.
struct RunDescription {
  std::string_view program;
  containers::Vector<std::string_view> arguments;
  containers::Vector<std::string_view> environment;
  containers::Vector<DirectoryGrant> directories;
};

/// Parses NUL-separated `key=value` records: program, arg, env, dir.
base::Result<RunDescription, DescriptionError> parse_run_description(std::string_view text);

/// A short phrase, for the log.
const char* to_string(DescriptionError error) noexcept;

}  // namespace quoll::guest
