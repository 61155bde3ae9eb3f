"""The Python workers: they implement src/protocol.ts on stdin and stdout, over a Link that sends and receives."""

import json
import os
import resource
import sys
import threading
import time

BATCH_BYTES = 64 * 1024
MEBIBYTE = 1024 * 1024


def now_ms():
    return time.clock_gettime(time.CLOCK_MONOTONIC) * 1000


def usage(_request):
    used = resource.getrusage(resource.RUSAGE_SELF)
    peak_unit = 1 if sys.platform == "darwin" else 1024
    peak = used.ru_maxrss * peak_unit / MEBIBYTE
    return {"cpuSeconds": used.ru_utime + used.ru_stime, "rssMiB": peak, "peakRssMiB": peak}


class Server:
    """Counts messages, or replies to each message with one of the same size."""

    def __init__(self, workload, link):
        self.link = link
        self.answers = workload["kind"] in ("round-trip", "acknowledged")
        self.bytes = workload["messageBytes"]
        self.count = 0
        self.awaited = None
        self.last_ms = None
        self.changed = threading.Condition()

    def run(self):
        """Runs in its own thread: receives, and replies."""
        link, expected = self.link, self.bytes
        link.accept()
        payload = os.urandom(expected)
        while True:
            if link.receive() != expected:
                raise ValueError("a message of the wrong size arrived")
            if self.answers:
                link.send(payload)
                continue
            self.count += 1
            if self.count == self.awaited:
                self.reached()

    def reached(self):
        with self.changed:
            self.last_ms = now_ms()
            self.changed.notify()

    def received(self, request):
        with self.changed:
            self.last_ms = None
            self.awaited = request["messages"]
            # If the last message arrived before the request, the reported time is late by the time of the request to this process.
            while self.last_ms is None and self.count < self.awaited:
                self.changed.wait(0.01)
        return {"lastMs": self.last_ms or now_ms()}

    def accepted(self, _request):
        return {"lastMs": now_ms()}


class Client:
    def __init__(self, workload, link):
        self.link = link
        self.in_flight = workload["inFlight"]
        self.payload = os.urandom(workload["messageBytes"])
        self.batch = max(1, min(1024, BATCH_BYTES // workload["messageBytes"]))

    def send(self, request):
        send, payload, batch = self.link.send, self.payload, range(self.batch)
        started = now_ms()
        until = started + request["seconds"] * 1000
        messages = 0
        while True:
            for _ in batch:
                send(payload)
            messages += self.batch
            if now_ms() >= until:
                return {"messages": messages, "startedMs": started}

    def roundTrips(self, request):
        link, payload = self.link, self.payload
        until = now_ms() + request["seconds"] * 1000
        took = []
        while True:
            sent = time.perf_counter()
            link.send(payload)
            link.receive()
            took.append((time.perf_counter() - sent) * 1e6)
            if now_ms() >= until:
                took.sort()
                return {"count": len(took), "p50Us": took[len(took) // 2], "p99Us": took[int(len(took) * 0.99)]}

    def acknowledged(self, request):
        link, payload = self.link, self.payload
        started = now_ms()
        until = started + request["seconds"] * 1000
        for _ in range(self.in_flight):
            link.send(payload)
        count = 0
        while now_ms() < until:
            link.receive()
            link.send(payload)
            count += 1
        for _ in range(self.in_flight):
            link.receive()
        return {"count": count + self.in_flight, "tookMs": now_ms() - started}


def answer(end, request):
    if request["do"] == "usage":
        return usage(request)
    return getattr(end, request["do"])(request)


def main(listen, connect):
    """`listen(workload)` returns a link with an address, `connect(workload, address)` a connected link."""
    role, workload = sys.argv[2], json.loads(sys.argv[3])
    if role == "server":
        link = listen(workload)
        end = Server(workload, link)
        threading.Thread(target=end.run, daemon=True).start()
        ready = {"address": link.address}
    else:
        end = Client(workload, connect(workload, json.loads(sys.argv[4])))
        ready = {}
    print(json.dumps({"answer": ready}), flush=True)
    for line in sys.stdin:
        try:
            reply = {"answer": answer(end, json.loads(line))}
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)
    os._exit(0)
