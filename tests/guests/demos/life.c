// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Conway's game of life on a torus, from a glider gun of chance: life [generations [seed]].
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { kColumns = 64, kRows = 20 };
static unsigned char world[kRows][kColumns], next_world[kRows][kColumns];

static int neighbours(int row, int column) {
  int count = 0;
  for (int dr = -1; dr <= 1; dr++) {
    for (int dc = -1; dc <= 1; dc++) {
      if (dr != 0 || dc != 0) {
        count += world[(row + dr + kRows) % kRows][(column + dc + kColumns) % kColumns];
      }
    }
  }
  return count;
}

int main(int argc, char** argv) {
  int generations = argc > 1 ? atoi(argv[1]) : 5;
  srand(argc > 2 ? (unsigned)atoi(argv[2]) : 1);
  for (int row = 0; row < kRows; row++) {
    for (int column = 0; column < kColumns; column++) {
      world[row][column] = rand() % 4 == 0;
    }
  }
  for (int generation = 0; generation <= generations; generation++) {
    printf("generation %d\n", generation);
    for (int row = 0; row < kRows; row++) {
      for (int column = 0; column < kColumns; column++) {
        putchar(world[row][column] ? 'o' : '.');
        int alive = neighbours(row, column);
        next_world[row][column] = alive == 3 || (alive == 2 && world[row][column]);
      }
      putchar('\n');
    }
    memcpy(world, next_world, sizeof world);
    fflush(stdout);
    struct timespec pause = {0, 50 * 1000 * 1000};
    nanosleep(&pause, NULL);
  }
  return 0;
}
