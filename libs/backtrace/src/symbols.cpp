// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Nothing in the table is believed: every read is checked, and every loop uses up bytes.
#include <algorithm>
#include <cstring>

#include <quoll/backtrace/symbols.hpp>
#include <quoll/base/checked.hpp>

namespace quoll::backtrace {
namespace {

constexpr std::uint32_t kMagic = 0x4753594D;  // "GSYM"
constexpr std::uint16_t kVersion = 1;

struct Header {
  std::uint32_t magic;
  std::uint16_t version;
  std::uint8_t address_size;
  std::uint8_t uuid_size;
  std::uint64_t base;
  std::uint32_t count;
  std::uint32_t strings_offset;
  std::uint32_t strings_size;
  std::uint8_t uuid[20];
};
static_assert(sizeof(Header) == 48);

constexpr std::size_t kOffsetSize = 4;
constexpr std::size_t kMaxText = 8192;
constexpr std::size_t kFileSize = 8;  // directory and name, each an offset of a string

/// The parts that a function's record is made of.
enum class Part : std::uint32_t { kEnd = 0, kLines = 1, kInlined = 2 };

/// Reads on and on; past the end there are zeros, and `ok` says so.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> data) noexcept : data_(data) {}

  bool ok() const noexcept { return ok_; }

  template <typename T>
  T fixed() noexcept {
    T value{};
    if (const auto bytes = take(sizeof(T)); ok_) std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }

  std::span<const std::byte> take(std::size_t size) noexcept {
    if (size > data_.size()) {
      ok_ = false;
      data_ = {};
      return {};
    }
    const auto taken = data_.first(size);
    data_ = data_.subspan(size);
    return taken;
  }

  std::uint64_t uleb() noexcept {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = fixed<std::uint8_t>();
      if (!ok_) return 0;
      if (shift < 64) value |= std::uint64_t{byte & 0x7FU} << shift;
      if ((byte & 0x80U) == 0) return value;
    }
  }

  std::int64_t sleb() noexcept {
    std::uint64_t value = 0;
    for (unsigned shift = 0;;) {
      const auto byte = fixed<std::uint8_t>();
      if (!ok_) return 0;
      if (shift < 64) value |= std::uint64_t{byte & 0x7FU} << shift;
      shift += 7;
      if ((byte & 0x80U) != 0) continue;
      if ((byte & 0x40U) != 0 && shift < 64) value |= ~std::uint64_t{0} << shift;
      return static_cast<std::int64_t>(value);
    }
  }

 private:
  std::span<const std::byte> data_;
  bool ok_ = true;
};

/// Where a line table is, as it runs. Sums wrap: hostile ones mean nothing, and harm nothing.
struct Row {
  std::uint64_t address = 0;
  std::uint64_t file = 1;
  std::uint64_t line = 0;
};

/// The last row at or before an address.
Row find_row(std::span<const std::byte> data, std::uint64_t start, std::uint64_t address) noexcept {
  enum : std::uint8_t { kEndSequence, kSetFile, kAdvancePc, kAdvanceLine, kFirstSpecial };
  Reader reader(data);
  const std::int64_t min_delta = reader.sleb();
  const std::int64_t max_delta = reader.sleb();
  const std::uint64_t range =
      static_cast<std::uint64_t>(max_delta) - static_cast<std::uint64_t>(min_delta) + 1;
  Row row{.address = start, .line = reader.uleb()};
  Row found{.address = start, .file = 0};
  while (reader.ok()) {
    const auto opcode = reader.fixed<std::uint8_t>();
    if (!reader.ok() || opcode == kEndSequence) break;
    if (opcode == kSetFile) {
      row.file = reader.uleb();
      continue;
    }
    if (opcode == kAdvanceLine) {
      row.line += static_cast<std::uint64_t>(reader.sleb());
      continue;
    }
    if (opcode == kAdvancePc) {
      row.address += reader.uleb();
    } else {
      if (range == 0) break;
      const std::uint64_t adjusted = std::uint64_t{opcode} - kFirstSpecial;
      row.line += static_cast<std::uint64_t>(min_delta) + adjusted % range;
      row.address += adjusted / range;
    }
    if (!reader.ok() || row.address > address) break;
    found = row;
  }
  return found;
}

/// What a table of inlined functions says of one of them.
struct Inlined {
  std::string_view name;
  std::uint64_t call_file = 0;
  std::uint64_t call_line = 0;
};

/// One entry of such a table; entries nest.
struct Entry {
  bool is_end = false;
  bool holds_address = false;
  bool has_children = false;
  std::uint64_t first_start = 0;
  std::uint32_t name = 0;
  std::uint64_t call_file = 0;
  std::uint64_t call_line = 0;
};

Entry read_entry(Reader& reader, std::uint64_t base, std::uint64_t address) noexcept {
  Entry entry;
  const std::uint64_t ranges = reader.uleb();
  if (!reader.ok() || ranges == 0) return {.is_end = true};
  for (std::uint64_t i = 0; i < ranges && reader.ok(); ++i) {
    const std::uint64_t start = base + reader.uleb();
    const std::uint64_t size = reader.uleb();
    if (i == 0) entry.first_start = start;
    if (address >= start && address - start < size) entry.holds_address = true;
  }
  entry.has_children = reader.fixed<std::uint8_t>() != 0;
  entry.name = reader.fixed<std::uint32_t>();
  entry.call_file = reader.uleb();
  entry.call_line = reader.uleb();
  return entry;
}

}  // namespace

std::string_view to_string(SymbolsError error) noexcept {
  switch (error) {
    case SymbolsError::kTooShort:
      return "is too short";
    case SymbolsError::kWrongMagic:
      return "is no GSYM table";
    case SymbolsError::kWrongVersion:
      return "has another version";
    case SymbolsError::kOutOfBounds:
      return "is cut off";
  }
  return "is not understood";
}

base::Result<Symbols, SymbolsError> Symbols::open(std::span<const std::byte> table) noexcept {
  Reader reader(table);
  const auto header = reader.fixed<Header>();
  if (!reader.ok()) return base::err(SymbolsError::kTooShort);
  if (header.magic != kMagic) return base::err(SymbolsError::kWrongMagic);
  if (header.version != kVersion) return base::err(SymbolsError::kWrongVersion);
  const std::size_t size = header.address_size;
  if (size != 1 && size != 2 && size != 4 && size != 8) {
    return base::err(SymbolsError::kOutOfBounds);
  }

  Symbols symbols;
  symbols.table_ = table;
  symbols.base_ = header.base;
  symbols.count_ = header.count;
  symbols.start_size_ = size;
  // The header's size is a multiple of every size that an entry of the first list can have.
  const std::size_t starts_size = symbols.count_ * size;
  symbols.starts_ = reader.take(starts_size);
  (void)reader.take((kOffsetSize - starts_size % kOffsetSize) % kOffsetSize);
  symbols.offsets_ = reader.take(symbols.count_ * kOffsetSize);
  const std::size_t file_count = reader.fixed<std::uint32_t>();
  symbols.files_ = reader.take(file_count * kFileSize);
  if (!reader.ok() ||
      !base::fits_within<std::size_t>(header.strings_offset, header.strings_size, table.size())) {
    return base::err(SymbolsError::kOutOfBounds);
  }
  symbols.strings_ = table.subspan(header.strings_offset, header.strings_size);
  return symbols;
}

std::uint64_t Symbols::start_of(std::size_t function) const noexcept {
  std::uint64_t offset = 0;  // little-endian, as all machines that this runs on
  std::memcpy(&offset, starts_.data() + function * start_size_, start_size_);
  return base_ + offset;
}

std::string_view Symbols::string(std::uint64_t offset) const noexcept {
  if (offset >= strings_.size()) return {};
  // SAFETY: char may alias the table's bytes.
  const auto* const text = reinterpret_cast<const char*>(strings_.data() + offset);
  // Only a damaged table has longer ones.
  const std::string_view rest(text, std::min(strings_.size() - offset, kMaxText));
  const std::size_t length = rest.find('\0');
  return length == std::string_view::npos ? std::string_view{} : rest.substr(0, length);
}

Place Symbols::place(std::string_view function, std::uint64_t file,
                     std::uint64_t line) const noexcept {
  Place place;
  place.function = function;
  place.line = static_cast<std::uint32_t>(line);
  if (file >= files_.size() / kFileSize) return place;
  std::array<std::uint32_t, 2> names{};
  std::memcpy(names.data(), files_.data() + file * kFileSize, kFileSize);
  place.directory = string(names[0]);
  place.file = string(names[1]);
  return place;
}

// The chain of inlined functions that hold the address, the outermost one (the function itself)
// first. Entries that do not hold it are passed over, with what they contain.
void Symbols::find_inlined(std::span<const std::byte> data, std::uint64_t start,
                           std::uint64_t address, Location& location) const noexcept {
  std::array<Inlined, Location::kMaxPlaces> chain{};
  std::size_t found = 0;
  std::size_t skipped_levels = 0;
  bool open = false;  // whether entries inside the last found one follow
  Reader reader(data);
  std::uint64_t base = start;
  while (reader.ok() && found < chain.size()) {
    const Entry entry = read_entry(reader, base, address);
    if (!reader.ok()) break;
    if (skipped_levels != 0) {
      if (entry.is_end) {
        --skipped_levels;
      } else if (entry.has_children) {
        ++skipped_levels;
      }
      continue;
    }
    if (entry.is_end) break;
    if (!entry.holds_address) {
      if (!open) break;  // not even the function itself
      if (entry.has_children) ++skipped_levels;
      continue;
    }
    chain[found++] = {string(entry.name), entry.call_file, entry.call_line};
    base = entry.first_start;
    open = entry.has_children;
    if (!open) break;
  }
  // Now from the innermost outwards: each entry says where the next function calls it.
  for (std::size_t i = found; i-- > 1;) {
    if (location.count == location.places.size()) break;
    Place& inner = location.places[location.count - 1];
    const std::string_view outer = inner.function;
    inner.function = chain[i].name;
    location.places[location.count++] = place(outer, chain[i].call_file, chain[i].call_line);
  }
}

std::optional<Location> Symbols::find(std::uint64_t address) const noexcept {
  if (count_ == 0 || address < base_) return std::nullopt;
  // The last function that starts at or before the address; of several, the first.
  std::size_t low = 0;
  std::size_t high = count_;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (start_of(middle) <= address) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == 0) return std::nullopt;
  std::size_t function = low - 1;
  const std::uint64_t start = start_of(function);
  while (function != 0 && start_of(function - 1) == start) --function;

  std::uint32_t offset = 0;
  std::memcpy(&offset, offsets_.data() + function * kOffsetSize, kOffsetSize);
  if (offset >= table_.size()) return std::nullopt;
  Reader record(table_.subspan(offset));
  const auto size = record.fixed<std::uint32_t>();
  const auto name = record.fixed<std::uint32_t>();
  // A function without a size goes on to the next one: symbols of assembly may have none.
  if (!record.ok() || (size != 0 && address - start >= size)) return std::nullopt;

  std::span<const std::byte> lines;
  std::span<const std::byte> inlined;
  for (;;) {
    const auto part = static_cast<Part>(record.fixed<std::uint32_t>());
    const auto data = record.take(record.fixed<std::uint32_t>());
    if (!record.ok() || part == Part::kEnd) break;
    if (part == Part::kLines) lines = data;
    if (part == Part::kInlined) inlined = data;
  }

  Location location;
  location.function_start = start;
  const Row row = lines.empty() ? Row{.file = 0} : find_row(lines, start, address);
  location.places[0] = place(string(name), row.file, row.line);
  location.count = 1;
  if (!inlined.empty()) find_inlined(inlined, start, address, location);
  return location;
}

}  // namespace quoll::backtrace
