/* SPDX-License-Identifier: Apache-2.0 OR MIT
 *
 * seal_image IMAGE KERNEL_ELF OUTPUT
 *
 * Copies a flat image and fills in the seal behind its header: size and XXH3-64 of the kernel
 * ELF that is embedded in it. Runs on the workstation after linking. The layout is that of
 * handoff::ImageSeal, at the offset that entry.S gives it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { kSealOffset = 64, kPageSize = 4096 };
static const uint64_t kSealMagic = 0x4C4145534C4C5551;

struct File {
  unsigned char* data;
  size_t size;
};

static void die(const char* what, const char* name) {
  fprintf(stderr, "seal_image: %s: %s\n", name, what);
  exit(1);
}

static struct File read_file(const char* name) {
  struct File file = {0};
  FILE* stream = fopen(name, "rb");
  if (stream == NULL || fseek(stream, 0, SEEK_END) != 0) die("cannot be read", name);
  const long size = ftell(stream);
  if (size < 0) die("cannot be read", name);
  rewind(stream);
  file.size = (size_t)size;
  file.data = malloc(file.size + 1);
  if (file.data == NULL) die("does not fit into memory", name);
  if (fread(file.data, 1, file.size, stream) != file.size) die("cannot be read", name);
  fclose(stream);
  return file;
}

static int holds(struct File image, struct File part) {
  for (size_t at = 0; at + part.size <= image.size; at += kPageSize) {
    if (memcmp(image.data + at, part.data, part.size) == 0) return 1;
  }
  return 0;
}

int main(int argc, char** argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: seal_image IMAGE KERNEL_ELF OUTPUT\n");
    return 2;
  }
  struct File image = read_file(argv[1]);
  const struct File elf = read_file(argv[2]);
  uint64_t seal[3] = {0};
  if (image.size < kSealOffset + sizeof seal) die("is too short for a seal", argv[1]);
  memcpy(seal, image.data + kSealOffset, sizeof seal);
  if (seal[0] != kSealMagic) die("has no place for a seal", argv[1]);
  if (!holds(image, elf)) die("does not embed this kernel", argv[1]);
  seal[1] = elf.size;
  seal[2] = XXH3_64bits(elf.data, elf.size);
  memcpy(image.data + kSealOffset, seal, sizeof seal);

  FILE* output = fopen(argv[3], "wb");
  if (output == NULL || fwrite(image.data, 1, image.size, output) != image.size ||
      fclose(output) != 0) {
    die("cannot be written", argv[3]);
  }
  return 0;
}
