// WiFiClient, as Arduino has it, over a socket of this computer.
#pragma once
#include <arpa/inet.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "Arduino.h"

struct WiFiClass {
  void begin(const char *, const char *) {}
};
static WiFiClass WiFi;

class WiFiClient {
  int handle = -1;

 public:
  bool connected() { return handle >= 0; }
  int connect(const char *host, uint16_t port) {
    handle = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    inet_pton(AF_INET, host, &address.sin_addr);
    if (::connect(handle, (sockaddr *)&address, sizeof address) == 0) return 1;
    close(handle);
    handle = -1;
    return 0;
  }
  size_t write(const uint8_t *bytes, size_t size) { return ::write(handle, bytes, size); }
  int available() {
    int count = 0;
    if (handle >= 0) ioctl(handle, FIONREAD, &count);
    return count;
  }
  int read() {
    uint8_t byte;
    return ::read(handle, &byte, 1) == 1 ? byte : -1;
  }
  ~WiFiClient() {
    if (handle < 0) return;
    shutdown(handle, SHUT_WR);
    while (read() >= 0);  // to close with something unread would reset the link
    close(handle);
  }
};
