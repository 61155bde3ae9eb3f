// What the sketch of docs/how-to/other-languages.md uses of Arduino, on a computer.
#pragma once
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const int A0 = 0;

// 2730, 1365, 0.
inline int analogRead(int) {
  static int value = 4095;
  return value -= 1365;
}
inline void delay(unsigned long) {}
