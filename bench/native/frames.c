/*
 * The limit of the machine: blocking sockets, a header of 14 bytes before each message, and the sum of its bytes at both ends, as serpy-v2
 * writes them. It implements src/protocol.ts on stdin and stdout: frames server|client WORKLOAD [ADDRESS].
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { HEADER = 14, BATCH = 64 * 1024, READ = 256 * 1024, MAX_TIMES = 1 << 20, COPIED = 4096 };
static const uint8_t MAGIC[6] = {0xDE, 0xCA, 0xFE, 0xCA, 0xFE, 0x81};

static uint32_t message_bytes;
static int answers; /* whether the server answers each message */

static void fail(const char *what) {
  printf("{\"error\":\"%s\"}\n", what);
  fflush(stdout);
  exit(1);
}

static double now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

/* The number after a key of a JSON object without nested objects. */
static double number(const char *json, const char *key) {
  char quoted[32];
  snprintf(quoted, sizeof quoted, "\"%s\":", key);
  const char *at = strstr(json, quoted);
  return at ? strtod(at + strlen(quoted), NULL) : 0;
}

static uint32_t byte_sum(const uint8_t *bytes, size_t count) {
  uint32_t sum = 0;
  for (size_t at = 0; at < count; at++) sum += bytes[at];
  return sum;
}

/* ---- sending ---- */

static uint8_t *payload;
static uint8_t *block;

static void write_all(int fd, struct iovec *parts, int count) {
  while (count > 0) {
    ssize_t wrote = writev(fd, parts, count);
    if (wrote < 0) fail("the connection broke while sending");
    while (count > 0 && (size_t)wrote >= parts->iov_len) wrote -= parts++->iov_len, count--;
    if (count > 0) parts->iov_base = (char *)parts->iov_base + wrote, parts->iov_len -= wrote;
  }
}

static void write_header(uint8_t *header) {
  uint32_t sum = byte_sum(payload, message_bytes);
  memcpy(header, MAGIC, sizeof MAGIC);
  memcpy(header + 6, &sum, 4);
  memcpy(header + 10, &message_bytes, 4);
}

/* Small messages are copied after their headers into one block, large ones follow them in one call. */
static void send_frames(int fd, int count) {
  int copied = message_bytes <= COPIED;
  int most = copied ? BATCH / (HEADER + message_bytes) : 1;
  for (int now; count > 0; count -= now) {
    now = count < most ? count : most;
    uint8_t *end = block;
    for (int each = 0; each < now; each++) {
      write_header(end);
      end += HEADER;
      if (copied) memcpy(end, payload, message_bytes), end += message_bytes;
    }
    struct iovec parts[2] = {{block, end - block}, {payload, message_bytes}};
    write_all(fd, parts, copied ? 1 : 2);
  }
}

/* ---- receiving ---- */

struct reader {
  uint8_t header[HEADER];
  size_t got;        /* bytes of the header */
  uint32_t missing;  /* bytes of the payload */
  uint32_t sum, expected;
};

static int frame_ended(struct reader *reader) {
  if (reader->missing > 0) return 0;
  if (reader->sum != reader->expected) fail("a message with a wrong checksum arrived");
  reader->got = 0;
  return 1;
}

/* Takes a part of the header, or of the payload. Returns the bytes that it took. */
static size_t take(struct reader *reader, const uint8_t *bytes, size_t count) {
  if (reader->got < HEADER) {
    size_t part = HEADER - reader->got < count ? HEADER - reader->got : count;
    memcpy(reader->header + reader->got, bytes, part);
    reader->got += part;
    if (reader->got < HEADER) return part;
    memcpy(&reader->expected, reader->header + 6, 4);
    memcpy(&reader->missing, reader->header + 10, 4);
    if (reader->missing != message_bytes) fail("a message of another size arrived");
    reader->sum = 0;
    return part;
  }
  size_t part = reader->missing < count ? reader->missing : count;
  reader->sum += byte_sum(bytes, part);
  reader->missing -= part;
  return part;
}

/* Reads once. Returns the number of messages that are complete now, or -1 at the end. */
static int read_frames(int fd, struct reader *reader) {
  static _Thread_local uint8_t *buffer;
  if (!buffer) buffer = malloc(READ);
  ssize_t got = recv(fd, buffer, READ, 0);
  if (got <= 0) return -1;
  int complete = 0;
  for (size_t at = 0; at < (size_t)got;) {
    at += take(reader, buffer + at, got - at);
    if (reader->got == HEADER) complete += frame_ended(reader);
  }
  return complete;
}

/* ---- the server ---- */

static atomic_long arrived;
static _Atomic double last_ms;
static int listening;

static void *serve(void *unused) {
  int fd = accept(listening, NULL, NULL), one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  struct reader reader = {0};
  for (int count; (count = read_frames(fd, &reader)) >= 0;) {
    if (answers) send_frames(fd, count);
    last_ms = now_ms();
    arrived += count;
  }
  return unused;
}

static void received(const char *request) {
  long awaited = number(request, "messages");
  while (arrived < awaited) usleep(200);
  printf("{\"answer\":{\"lastMs\":%.3f}}\n", last_ms);
}

/* ---- the client ---- */

static int connected;
static struct reader answers_of_server;

static void send_for(const char *request) {
  double started = now_ms(), until = started + number(request, "seconds") * 1e3;
  int batch = BATCH / message_bytes > 0 ? BATCH / message_bytes : 1;
  long messages = 0;
  if (batch > 1024) batch = 1024;
  do send_frames(connected, batch), messages += batch;
  while (now_ms() < until);
  printf("{\"answer\":{\"messages\":%ld,\"startedMs\":%.3f}}\n", messages, started);
}

static int ascending(const void *a, const void *b) {
  double difference = *(const double *)a - *(const double *)b;
  return (difference > 0) - (difference < 0);
}

static void receive_some(int *count) {
  int complete = read_frames(connected, &answers_of_server);
  if (complete < 0) fail("the connection broke while receiving");
  *count += complete;
}

static void round_trips(const char *request) {
  static double took[MAX_TIMES];
  double until = now_ms() + number(request, "seconds") * 1e3, sent, got;
  long count = 0, kept;
  do {
    int there = 0;
    sent = now_ms();
    send_frames(connected, 1);
    while (there == 0) receive_some(&there);
    got = now_ms();
    took[count++ % MAX_TIMES] = (got - sent) * 1e3;
  } while (got < until);
  kept = count < MAX_TIMES ? count : MAX_TIMES;
  qsort(took, kept, sizeof *took, ascending);
  printf("{\"answer\":{\"count\":%ld,\"p50Us\":%.3f,\"p99Us\":%.3f}}\n", count, took[kept / 2], took[kept * 99 / 100]);
}

static void acknowledged(const char *request, int in_flight) {
  double started = now_ms(), until = started + number(request, "seconds") * 1e3;
  long count = 0;
  send_frames(connected, in_flight);
  while (now_ms() < until) {
    int there = 0;
    receive_some(&there);
    send_frames(connected, there);
    count += there;
  }
  for (int there = 0; there < in_flight;) receive_some(&there);
  printf("{\"answer\":{\"count\":%ld,\"tookMs\":%.3f}}\n", count + in_flight, now_ms() - started);
}

/* ---- the program ---- */

static void usage(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  double seconds = used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  double peak = used.ru_maxrss / 1024.0;
  printf("{\"answer\":{\"cpuSeconds\":%.6f,\"rssMiB\":%.1f,\"peakRssMiB\":%.1f}}\n", seconds, peak, peak);
}

static void start(int is_server, const char *address) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  socklen_t size = sizeof to;
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (!is_server) {
    to.sin_port = htons((uint16_t)number(address, "port"));
    if (connect(fd, (struct sockaddr *)&to, size) != 0) fail("the server cannot be reached");
    connected = fd;
    printf("{\"answer\":{}}\n");
    return;
  }
  pthread_t thread;
  if (bind(fd, (struct sockaddr *)&to, size) != 0 || listen(fd, 16) != 0) fail("no port is free");
  getsockname(fd, (struct sockaddr *)&to, &size);
  listening = fd;
  pthread_create(&thread, NULL, serve, NULL);
  printf("{\"answer\":{\"address\":{\"host\":\"127.0.0.1\",\"port\":%d}}}\n", ntohs(to.sin_port));
}

int main(int count, char **words) {
  if (count < 3) return 2;
  const char *workload = words[2];
  message_bytes = number(workload, "messageBytes");
  answers = strstr(workload, "\"round-trip\"") || strstr(workload, "\"acknowledged\"");
  payload = malloc(message_bytes);
  block = malloc(BATCH + HEADER + COPIED);
  for (uint32_t at = 0; at < message_bytes; at++) payload[at] = rand();
  start(strcmp(words[1], "server") == 0, count > 3 ? words[3] : "");
  fflush(stdout);
  char line[256];
  while (fgets(line, sizeof line, stdin)) {
    if (strstr(line, "\"usage\"")) usage();
    else if (strstr(line, "\"received\"")) received(line);
    else if (strstr(line, "\"send\"")) send_for(line);
    else if (strstr(line, "\"roundTrips\"")) round_trips(line);
    else if (strstr(line, "\"acknowledged\"")) acknowledged(line, number(workload, "inFlight"));
    else printf("{\"error\":\"unknown request\"}\n");
    fflush(stdout);
  }
  return 0;
}
