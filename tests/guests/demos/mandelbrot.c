// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// Draws the Mandelbrot set in characters: mandelbrot [columns [rows]].
#include <stdio.h>
#include <stdlib.h>

static int steps_to_escape(double re, double im, int limit) {
  double x = 0, y = 0;
  int steps = 0;
  while (x * x + y * y <= 4 && steps < limit) {
    double next = x * x - y * y + re;
    y = 2 * x * y + im;
    x = next;
    steps++;
  }
  return steps;
}

// From light to dark, each shade for about twice as many steps as the one before.
static char shade_of(int steps, int limit) {
  const char shades[] = " .:-=+*#%";
  int shade = 0;
  for (int rest = steps; rest > 1 && shade < 8; rest = rest * 5 / 9) {
    shade++;
  }
  return steps == limit ? '@' : shades[shade];
}

int main(int argc, char** argv) {
  int columns = argc > 1 ? atoi(argv[1]) : 78;
  int rows = argc > 2 ? atoi(argv[2]) : 30;
  const int limit = 180;
  for (int row = 0; row < rows; row++) {
    for (int column = 0; column < columns; column++) {
      double re = -2.1 + 2.8 * column / columns;
      double im = -1.2 + 2.4 * row / rows;
      int steps = steps_to_escape(re, im, limit);
      putchar(shade_of(steps, limit));
    }
    putchar('\n');
  }
  return 0;
}
