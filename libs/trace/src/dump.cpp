// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// A dump is a sequence of chunks: a tag of four characters, the size of the content, the content,
// and zeros up to a multiple of eight bytes. Numbers are little-endian.
#include <algorithm>
#include <cstring>

#include <quoll/base/assert.hpp>
#include <quoll/log/format.hpp>
#include <quoll/trace/dump.hpp>

namespace quoll::trace {
namespace {

using Tag = std::array<char, 4>;

/// Builds one chunk in a buffer. What does not fit is left out; the size is always right.
class Chunk {
 public:
  Chunk(std::span<std::byte> out, const Tag& tag) noexcept : out_(out) {
    QUOLL_ASSERT(out.size() + Dump::kMagic.size() >= Dump::kPiece);
    bytes(tag.data(), tag.size());
    number(std::uint32_t{0});
  }

  void bytes(const void* from, std::size_t size) noexcept {
    size = std::min(size, room());
    std::memcpy(out_.data() + size_, from, size);
    size_ += size;
  }
  template <typename T>
  void number(T value) noexcept {
    std::byte little[sizeof(T)];
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      little[i] = static_cast<std::byte>(value >> (8 * i) & 0xff);
    }
    bytes(little, sizeof little);
  }
  template <typename... A>
  void text(log::Format<std::type_identity_t<A>...> format, const A&... values) noexcept {
    std::array<char, 256> line;
    bytes(line.data(), log::format_to(std::span<char>(line), format, values...));
  }
  std::size_t room() const noexcept { return out_.size() - size_ - 8; }

  /// Completes the chunk; how many bytes it has.
  std::size_t finish() noexcept {
    const std::size_t content = size_ - kHeader;
    while (size_ % 8 != 0) out_[size_++] = std::byte{0};
    for (std::size_t i = 0; i < 4; ++i) {
      out_[4 + i] = static_cast<std::byte>(content >> (8 * i) & 0xff);
    }
    return size_;
  }

 private:
  static constexpr std::size_t kHeader = 8;
  std::span<std::byte> out_;
  std::size_t size_ = 0;
};

constexpr std::string_view word_name(Word word) noexcept {
  return word == Word::kSmall ? "small" : word == Word::kFirst ? "first" : "second";
}

}  // namespace

std::size_t Dump::next(std::span<std::byte> out) noexcept {
  while (part_ != Part::kEnd) {
    const std::size_t size = piece(out);
    if (size != 0) return size;
    // A part with nothing to say now is through, unless it is a hart whose records are.
    if (part_ == Part::kHarts && index_ < source_.harts.size()) continue;
    part_ = static_cast<Part>(static_cast<unsigned>(part_) + 1);
    index_ = 0;
  }
  return index_++ == 0 ? end(out) : 0;
}

std::size_t Dump::piece(std::span<std::byte> out) noexcept {
  switch (part_) {
    case Part::kHead:
      return head(out);
    case Part::kGroups:
      return groups(out);
    case Part::kEvents:
      return event(out);
    case Part::kWords:
      return words(out);
    case Part::kHarts:
      return in_hart_ ? records(out) : hart(out);
    case Part::kNames:
      return names(out);
    case Part::kGuests:
      return guests(out);
    case Part::kEnd:
      break;
  }
  return 0;
}

std::size_t Dump::head(std::span<std::byte> out) noexcept {
  if (index_++ != 0) return 0;
  std::memcpy(out.data(), kMagic.data(), kMagic.size());
  Chunk chunk(out.subspan(kMagic.size()), {'I', 'N', 'F', 'O'});
  chunk.number(source_.ticks_per_second);
  chunk.number(source_.now);
  chunk.number(source_.start);
  chunk.number(std::uint64_t{source_.harts.size()});
  return kMagic.size() + chunk.finish();
}

std::size_t Dump::groups(std::span<std::byte> out) noexcept {
  if (index_++ != 0) return 0;
  Chunk chunk(out, {'G', 'R', 'P', 'S'});
  for (const std::string_view name : kGroupNames) chunk.text("{}\n", name);
  return chunk.finish();
}

std::size_t Dump::event(std::span<std::byte> out) noexcept {
  if (index_ == kEvents.size()) return 0;
  const EventInfo& row = kEvents[index_++];
  Chunk chunk(out, {'E', 'V', 'N', 'T'});
  chunk.text("{} {} {}\n", row.event, row.name, kGroupNames[static_cast<std::size_t>(row.group)]);
  for (std::size_t i = 0; i < row.field_count(); ++i) {
    const Field& field = row.fields[i];
    chunk.text("{} {} {} {} {} {}\n", field.name, kKindNames[static_cast<std::size_t>(field.kind)],
               word_name(field.word), field.shift, field.bits, field.choices);
  }
  return chunk.finish();
}

std::size_t Dump::words(std::span<std::byte> out) noexcept {
  constexpr Kind kKinds[] = {Kind::kSyscall, Kind::kError, Kind::kCause};
  if (index_ == std::size(kKinds)) return 0;
  const Kind kind = kKinds[index_++];
  Chunk chunk(out, {'W', 'O', 'R', 'D'});
  chunk.text("{}\n", kKindNames[static_cast<std::size_t>(kind)]);
  for (std::uint64_t value = 0; value < 256; ++value) {
    const std::string_view name = source_.words.name_of(kind, value);
    if (!name.empty()) chunk.text("{} {}\n", value, name);
  }
  return chunk.finish();
}

/// How much there is of a hart, and what it was doing.
std::size_t Dump::hart(std::span<std::byte> out) noexcept {
  while (index_ < source_.harts.size() && source_.harts[index_] == nullptr) ++index_;
  if (index_ == source_.harts.size()) return 0;
  const Local& local = *source_.harts[index_];
  position_ = local.ring.lost();
  behind_ = local.ring.written();
  in_hart_ = true;
  const std::uint32_t name = local.slice_name();
  note_key(name);
  Chunk chunk(out, {'H', 'A', 'R', 'T'});
  chunk.number(std::uint64_t{index_});
  chunk.number(std::uint64_t{local.ring.capacity()});
  chunk.number(behind_);
  chunk.number(local.task.load(std::memory_order_relaxed));
  chunk.number(local.begin.load(std::memory_order_relaxed));
  chunk.number(std::uint64_t{name});
  return chunk.finish();
}

/// The next records of the hart; when there are no more, goes on to the next hart.
std::size_t Dump::records(std::span<std::byte> out) noexcept {
  const Ring& ring = source_.harts[index_]->ring;
  Chunk chunk(out, {'R', 'E', 'C', 'S'});
  chunk.number(std::uint64_t{index_});
  bool any = false;
  for (; position_ != behind_ && chunk.room() >= sizeof(Slot); ++position_) {
    const auto record = ring.read(position_);
    if (!record) continue;
    any = true;
    ++records_;
    note_names(*record);
    chunk.number(header_of(record->event, record->small) | record->number << 32);
    chunk.number(record->time);
    chunk.number(record->first);
    chunk.number(record->second);
  }
  if (position_ == behind_) {
    in_hart_ = false;
    ++index_;
  }
  return any ? chunk.finish() : 0;
}

std::size_t Dump::names(std::span<std::byte> out) noexcept {
  constexpr std::size_t kMaxName = 64;
  if (index_ == key_count_) return 0;
  Chunk chunk(out, {'N', 'A', 'M', 'E'});
  for (; index_ < key_count_ && chunk.room() >= kMaxName + 16; ++index_) {
    const std::string_view name = source_.words.name_of(Kind::kText, keys_[index_]);
    if (!name.empty()) chunk.text("{} {}\n", keys_[index_], name.substr(0, kMaxName));
  }
  return chunk.finish();
}

std::size_t Dump::guests(std::span<std::byte> out) noexcept {
  if (index_ == source_.guests.size()) return 0;
  Chunk chunk(out, {'G', 'S', 'T', 'S'});
  for (; index_ < source_.guests.size() && chunk.room() >= 128; ++index_) {
    const GuestName& guest = source_.guests[index_];
    if (guest.guest == 0) continue;
    const std::string_view name(guest.name.data(),
                                std::find(guest.name.begin(), guest.name.end(), '\0'));
    chunk.text("{} {} {}\n", guest.guest, guest.task, name);
  }
  return chunk.finish();
}

/// A file without this is cut off.
std::size_t Dump::end(std::span<std::byte> out) noexcept {
  Chunk chunk(out, {'D', 'O', 'N', 'E'});
  chunk.number(records_);
  return chunk.finish();
}

void Dump::note_names(const Record& record) noexcept {
  for (const Field& field : info(record.event).fields) {
    if (field.kind == Kind::kText) note_key(static_cast<std::uint32_t>(record.value(field)));
  }
}

/// Remembers a name that is used. There are as many as there are places that spawn; beyond the
/// set's room, tasks go by their numbers.
void Dump::note_key(std::uint32_t key) noexcept {
  const auto known = std::span(keys_).first(key_count_);
  if (key == 0 || key_count_ == kMaxKeys ||
      std::find(known.begin(), known.end(), key) != known.end())
    return;
  keys_[key_count_++] = key;
}

}  // namespace quoll::trace
