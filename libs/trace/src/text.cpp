// SPDX-License-Identifier: Apache-2.0 OR MIT
#include <algorithm>

#include <quoll/log/format.hpp>
#include <quoll/trace/text.hpp>

namespace quoll::trace {
namespace {

std::string_view at(std::span<const std::string_view> names, std::uint64_t value) noexcept {
  return value < names.size() ? names[value] : std::string_view();
}

/// A number where there is no word: that is what the tools read back.
std::size_t format_value(std::span<char> out, const Field& field, std::uint64_t value,
                         const Vocabulary& words) noexcept {
  if (field.kind == Kind::kAddress || field.kind == Kind::kHarts) {
    return log::format_to(out, "{:#x}", value);
  }
  const std::string_view name = field.kind == Kind::kChoice ? choice_name(field.choices, value)
                                                            : words.name_of(field.kind, value);
  if (!name.empty()) return log::format_to(out, "{}", name);
  return log::format_to(out, "{}", value);
}

}  // namespace

std::string_view choice_name(std::string_view choices, std::uint64_t value) noexcept {
  for (; value != 0; --value) {
    const std::size_t end = choices.find('|');
    if (end == std::string_view::npos) return {};
    choices.remove_prefix(end + 1);
  }
  return choices.substr(0, std::min(choices.find('|'), choices.size()));
}

std::string_view Vocabulary::name_of(Kind kind, std::uint64_t value) const noexcept {
  switch (kind) {
    case Kind::kSyscall:
      return at(syscalls, value);
    case Kind::kError:
      return at(errors, value);
    case Kind::kCause:
      return at(causes, value);
    case Kind::kText:
      return text != nullptr ? text(static_cast<std::uint32_t>(value)) : std::string_view();
    default:
      return {};
  }
}

std::size_t format_record(std::span<char> out, unsigned hart, const Record& record,
                          const Vocabulary& words) noexcept {
  const EventInfo* const row = find_info(static_cast<std::uint8_t>(record.event));
  if (row == nullptr || out.empty()) return 0;
  std::size_t size =
      log::format_to(out, "trace: hart {} #{} {} {}", hart, record.number, record.time, row->name);
  for (std::size_t i = 0; i < row->field_count(); ++i) {
    const Field& field = row->fields[i];
    size += log::format_to(out.subspan(size), " {}=", field.name);
    size += format_value(out.subspan(size), field, record.value(field), words);
  }
  size = std::min(size, out.size() - 1);
  out[size++] = '\n';
  return size;
}

}  // namespace quoll::trace
