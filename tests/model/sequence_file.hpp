// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Sequences as text: what a failing run keeps and `--replay` reads.
#pragma once

#include <optional>
#include <string>

#include "operation.hpp"

namespace quoll::model {

/// The sequence, with `why` as a comment at its head.
std::string to_text(const Sequence& sequence, const std::string& why);
/// Nothing when the text is none, `error` says why.
std::optional<Sequence> from_text(const std::string& text, std::string& error);

bool write_file(const std::string& path, const std::string& text);
std::optional<std::string> read_file(const std::string& path);

}  // namespace quoll::model
