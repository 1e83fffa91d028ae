// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Writes every byte value, many times over, to stdout and its complement to stderr.
#include <unistd.h>

int main(void) {
  unsigned char block[256], complement[256];
  for (int i = 0; i < 256; i++) {
    block[i] = (unsigned char)i;
    complement[i] = (unsigned char)~i;
  }
  for (int i = 0; i < 64; i++) {
    if (write(1, block, sizeof block) != sizeof block ||
        write(2, complement, sizeof complement) != sizeof complement) {
      return 1;
    }
  }
  return 0;
}
