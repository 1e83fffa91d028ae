// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Prints the primes below a limit (200 unless told), and how many they are.
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char** argv) {
  unsigned long limit = argc > 1 ? strtoul(argv[1], NULL, 10) : 200;
  char* composite = calloc(limit + 1, 1);
  if (composite == NULL) {
    fprintf(stderr, "primes: no memory for a sieve of %lu bytes\n", limit + 1);
    return 1;
  }
  unsigned long count = 0;
  for (unsigned long n = 2; n < limit; n++) {
    if (composite[n]) {
      continue;
    }
    printf("%lu%c", n, ++count % 10 == 0 ? '\n' : ' ');
    for (unsigned long multiple = n * n; multiple < limit; multiple += n) {
      composite[multiple] = 1;
    }
  }
  printf("\n%lu primes below %lu\n", count, limit);
  free(composite);
  return 0;
}
