// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// The C library functions that the compiler and libfdt call. Copying and clearing go by words:
// they are most of what a loader does.
#include <cstddef>
#include <cstdint>

namespace {

using Word = std::uint64_t;

bool is_word_aligned(const void* pointer) noexcept {
  return __builtin_bit_cast(std::uintptr_t, pointer) % sizeof(Word) == 0;
}

}  // namespace

extern "C" {

// The libraries are the kernel's as well, where destructors run while a panic is unwound; compiled
// with less inlining, some keep the code for it. Nothing throws in the loader.
// NOLINTNEXTLINE(bugprone-reserved-identifier,readability-identifier-naming): the compiler's name
[[noreturn]] void _Unwind_Resume(void* /*exception*/) {
  __builtin_trap();
}

void* memset(void* to, int value, std::size_t size) {
  auto* bytes = static_cast<unsigned char*>(to);
  const auto byte = static_cast<unsigned char>(value);
  for (; size > 0 && !is_word_aligned(bytes); --size) *bytes++ = byte;
  const Word word = Word{0x0101010101010101} * byte;
  auto* words = static_cast<Word*>(static_cast<void*>(bytes));
  for (; size >= 8 * sizeof(Word); size -= 8 * sizeof(Word)) {
    words[0] = word;
    words[1] = word;
    words[2] = word;
    words[3] = word;
    words[4] = word;
    words[5] = word;
    words[6] = word;
    words[7] = word;
    words += 8;
  }
  bytes = static_cast<unsigned char*>(static_cast<void*>(words));
  for (; size > 0; --size) {
    *bytes++ = byte;
    // Keeps the compiler from turning this loop into a call of memset.
    asm volatile("" ::: "memory");
  }
  return to;
}

void* memcpy(void* to, const void* from, std::size_t size) {
  auto* out = static_cast<unsigned char*>(to);
  const auto* in = static_cast<const unsigned char*>(from);
  if (is_word_aligned(out) && is_word_aligned(in)) {
    auto* out_words = static_cast<Word*>(to);
    const auto* in_words = static_cast<const Word*>(from);
    for (; size >= 4 * sizeof(Word); size -= 4 * sizeof(Word)) {
      const Word a = in_words[0];
      const Word b = in_words[1];
      const Word c = in_words[2];
      const Word d = in_words[3];
      out_words[0] = a;
      out_words[1] = b;
      out_words[2] = c;
      out_words[3] = d;
      out_words += 4;
      in_words += 4;
    }
    out = static_cast<unsigned char*>(static_cast<void*>(out_words));
    in = static_cast<const unsigned char*>(static_cast<const void*>(in_words));
  }
  for (; size > 0; --size) {
    *out++ = *in++;
    asm volatile("" ::: "memory");
  }
  return to;
}

void* memmove(void* to, const void* from, std::size_t size) {
  auto* out = static_cast<unsigned char*>(to);
  const auto* in = static_cast<const unsigned char*>(from);
  if (__builtin_bit_cast(std::uintptr_t, to) - __builtin_bit_cast(std::uintptr_t, from) >= size) {
    return memcpy(to, from, size);
  }
  // Words from the end, where both ends allow it.
  while (size > 0 && !(is_word_aligned(out + size) && is_word_aligned(in + size))) {
    --size;
    out[size] = in[size];
    asm volatile("" ::: "memory");
  }
  for (; size >= sizeof(Word); size -= sizeof(Word)) {
    const Word word = *static_cast<const Word*>(static_cast<const void*>(in + size - sizeof(Word)));
    *static_cast<Word*>(static_cast<void*>(out + size - sizeof(Word))) = word;
    asm volatile("" ::: "memory");
  }
  while (size > 0) {
    --size;
    out[size] = in[size];
    asm volatile("" ::: "memory");
  }
  return to;
}

int memcmp(const void* left, const void* right, std::size_t size) {
  const auto* a = static_cast<const unsigned char*>(left);
  const auto* b = static_cast<const unsigned char*>(right);
  for (std::size_t i = 0; i < size; ++i) {
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  }
  return 0;
}

void* memchr(const void* in, int value, std::size_t size) {
  const auto* bytes = static_cast<const unsigned char*>(in);
  for (std::size_t i = 0; i < size; ++i) {
    if (bytes[i] == static_cast<unsigned char>(value)) return const_cast<unsigned char*>(bytes + i);
  }
  return nullptr;
}

std::size_t strlen(const char* text) {
  std::size_t length = 0;
  while (text[length] != '\0') {
    ++length;
    asm volatile("" ::: "memory");
  }
  return length;
}

std::size_t strnlen(const char* text, std::size_t most) {
  std::size_t length = 0;
  while (length < most && text[length] != '\0') ++length;
  return length;
}

char* strchr(const char* text, int value) {
  for (;; ++text) {
    if (*text == static_cast<char>(value)) return const_cast<char*>(text);
    if (*text == '\0') return nullptr;
  }
}

char* strrchr(const char* text, int value) {
  const char* found = nullptr;
  for (;; ++text) {
    if (*text == static_cast<char>(value)) found = text;
    if (*text == '\0') return const_cast<char*>(found);
  }
}

}  // extern "C"
