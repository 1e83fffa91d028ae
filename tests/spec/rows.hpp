// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Rows: tables are text, with a line for each row and tabulators between the cells.
#pragma once

#include <string_view>
#include <vector>

namespace quoll::spec {

/// Takes what stands in front of the separator, and both off the text.
std::string_view take(std::string_view& text, char separator);

/// All parts of a text between separators.
std::vector<std::string_view> split(std::string_view text, char separator);

/// Takes rows off the text up to the next with something in it that is no remark for readers, which
/// starts with `#`, and gives its cells. None: the table is at its end.
std::vector<std::string_view> take_row(std::string_view& text);

}  // namespace quoll::spec
