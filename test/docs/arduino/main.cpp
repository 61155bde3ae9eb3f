// Runs a sketch: its setup, three rounds of its loop, and the values that are named on the command line.
#include SKETCH

int main(int count, char **values) {
  setup();
  for (int round = 0; round < 3; round++) loop();
  for (int i = 1; i < count; i++) sendFloat(strtof(values[i], nullptr));
  return 0;
}
