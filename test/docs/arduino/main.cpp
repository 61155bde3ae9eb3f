// Runs a sketch: its setup, three rounds of its loop, and the values that are named on the command line, sent by the function SEND.
#include SKETCH

inline int64_t whole(const char *text) { return strtoll(text, nullptr, 10); }
inline float real(const char *text) { return strtof(text, nullptr); }

int main(int count, char **values) {
  setup();
  for (int round = 0; round < 3; round++) loop();
  for (int i = 1; i < count; i++) SEND(VALUE(values[i]));
  return 0;
}
