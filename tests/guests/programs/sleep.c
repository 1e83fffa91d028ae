// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Sleeps for the given number of milliseconds by the clock, and says whether time went on.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char** argv) {
  long milliseconds = argc > 1 ? atol(argv[1]) : 10;
  struct timespec before, after;
  clock_gettime(CLOCK_MONOTONIC, &before);
  struct timespec pause = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  int status = nanosleep(&pause, NULL);
  clock_gettime(CLOCK_MONOTONIC, &after);
  long long elapsed =
      (after.tv_sec - before.tv_sec) * 1000000000LL + (after.tv_nsec - before.tv_nsec);
  printf("slept %s\n", status == 0 && elapsed >= milliseconds * 1000000LL ? "enough" : "short");
  return 0;
}
