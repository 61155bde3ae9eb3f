#!/usr/bin/env python3
"""Exchange messages with serpy for Node, and lose none of them when the network breaks.

Copy this file next to your program. It needs Python 3.8 or later and nothing else. With numpy, arrays
are values. With the library xxHash of the system (libxxhash.so.0), large messages are fast.
An instrument that listens, and a workstation that connects::

    from serpy_session import Server                      from serpy_session import Connection

    with Server("0.0.0.0", 5001) as server:               with Connection("192.168.1.20", 5001) as c:
        connection = server.getConnection()                   c.sendData("temperature?")
        for question in connection:                           print(c.getData(timeout=2))
            connection.sendData(21.5)

Values are int (64 bits), float, str, bytes and numpy arrays. Times are in seconds, sizes in bytes.
The page docs/protocol-v2.md of serpy for Node is the specification; its terms are used here.
Sections: errors, values, checks, records, HELLO and WELCOME, links, options, sessions, Connection, Server.

MIT License. Copyright (c) the authors of serpy for Node.
"""
from __future__ import annotations

import ast
import base64
import binascii
import collections
import functools
import hashlib
import hmac
import logging
import numbers
import operator
import os
import random
import socket
import ssl
import struct
import sys
import threading
import time
import unicodedata
import zlib
from dataclasses import dataclass
from typing import Any, Callable, Deque, Dict, Iterable, Iterator, List, Optional, Tuple, Union

try:
    import numpy as np
except ImportError:  # everything works without it: arrays are then bytes
    np = None  # type: ignore[assignment]

log = logging.getLogger("serpy_session")
Bytes = Union[bytes, bytearray, memoryview]

# ── Errors ──────────────────────────────────────────────────────────────────────────────────────


class SerpyError(Exception):
    """Any error of this module."""


class ValueNotSupported(SerpyError, ValueError):
    """The value cannot be sent."""


class SerpyTimeout(SerpyError, TimeoutError):
    """Nothing came within the timeout."""


class ConnectionClosed(SerpyError, EOFError):
    """The connection is closed. `clean` is True if one end closed it deliberately."""

    def __init__(self, text: str, clean: bool = False) -> None:
        super().__init__(text)
        self.clean = clean


class ProtocolError(ConnectionClosed):
    """The other end sent something that is not the protocol. The connection is closed."""


class AuthError(ConnectionClosed):
    """The ends have different keys, or only one of them uses encryption."""


class DeliveryUnknown(SerpyError):
    """The session was lost: the message or request may or may not have arrived."""


class RequestFailed(SerpyError):
    """The other end answered the request with a failure. `code` is its error code, or ''."""

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text)
        self.code = code


class StreamError(SerpyError):
    """A byte stream ended before it was complete."""


class _Broken(Exception):
    """The link is unusable. The session, if any, continues on the next one."""


# ── Values: what a message holds, and its payload ───────────────────────────────────────────────

INT, FLOAT, STR, BYTES, PART, REQUEST, ABOUT = 0x01, 0x11, 0x21, 0x81, 0x41, 0x42, 0x43
MAGIC = b"\xde\xca\xfe\xca\xfe"
PROBE = b"\x01SETMODE0\x1f\x1f\x1f\x1f\x1f"
AUTO_ANSWER = MAGIC + b"\x81\xff\xff\xff\xff\x00\x00\x00\x00"
_HEADER = struct.Struct("<5sBII")
_NPY = b"\x93NUMPY"


def encode(value: Any, copy: bool = True) -> Tuple[int, List[Bytes]]:
    """The type and the payload of a value; the payload is a list of buffers.

    >>> encode(42)
    (1, [b'*\\x00\\x00\\x00\\x00\\x00\\x00\\x00'])
    >>> encode(21.5)
    (17, [b'0x1.5800000000000p+4'])
    >>> encode("20 µs")
    (33, [b'20 \\xc2\\xb5s'])
    """
    if np is not None and isinstance(value, np.ndarray):
        return BYTES, _encode_array(value, copy)
    if isinstance(value, bytes):
        return BYTES, [value]
    if isinstance(value, (bytearray, memoryview)):
        return BYTES, [bytes(value) if copy or not memoryview(value).c_contiguous else memoryview(value).cast("B")]
    if isinstance(value, str):
        try:
            return STR, [value.encode()]
        except UnicodeEncodeError as error:
            raise ValueNotSupported("the text contains surrogates, which UTF-8 cannot carry: {}".format(error))
    if isinstance(value, numbers.Integral) or (np is not None and isinstance(value, np.bool_)):
        try:
            return INT, [int(value).to_bytes(8, "little", signed=True)]
        except OverflowError:
            raise ValueNotSupported("the integer has more than 64 bits: send it as a text")
    if isinstance(value, numbers.Real):
        return FLOAT, [float(value).hex().encode()]
    raise ValueNotSupported(
        "a {} cannot be sent: send int, float, str, bytes or a numpy array; "
        "json.dumps(value) makes a text of lists and dicts".format(type(value).__name__)
    )


def _encode_array(array: Any, copy: bool) -> List[Bytes]:
    """An array as a `.npy` file of version 1.0: its header, then its memory."""
    if array.dtype.hasobject:
        raise ValueNotSupported("an array of Python objects cannot be sent: convert it to numbers")
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    flat = (array.T if fortran else np.ascontiguousarray(array)).reshape(-1).view(np.uint8)
    about = {"descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": bool(fortran), "shape": array.shape}
    text = repr(about)
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return [_NPY + b"\x01\x00" + struct.pack("<H", len(text)) + text.encode("latin-1"),
            flat.tobytes() if copy else memoryview(flat)]


def decode(kind: int, payload: Bytes, arrays: bool = True) -> Any:
    """The value of a payload. A `.npy` becomes an array that shares the memory of the payload.

    >>> decode(0x01, b"\\xfe"), decode(0x11, b"0x1.58p+4"), decode(0x21, b"hello"), decode(0x81, b"")
    (-2, 21.5, 'hello', b'')
    """
    try:
        if kind == BYTES:
            found = _decode_array(payload) if arrays and np is not None and payload[:6] == _NPY else None
            return bytes(payload) if found is None else found
        if kind == INT:
            return int.from_bytes(payload, "little", signed=True)
        if kind == STR:
            return str(payload, "utf-8")
        if kind == FLOAT and len(payload) <= 1024:
            return float.fromhex(str(payload, "ascii"))
    except (UnicodeDecodeError, ValueError, OverflowError) as error:
        raise ProtocolError("the other end sent a value that is not legal: {}".format(error))
    raise ProtocolError("the other end sent a message of the type {:02x}, which does not exist".format(kind))


def read_about(payload: Bytes) -> Tuple[int, bytearray, Dict[str, Any]]:
    """Splits a message with metadata: the type of its value, its payload, and `name`, `unit` and `axes` if stated."""
    size = struct.unpack_from("<H", payload, 2)[0] if len(payload) >= 4 else 0
    if not 4 <= size <= min(4096, len(payload)):
        raise ProtocolError("the other end sent a message whose metadata are cut off")
    about: Dict[str, Any] = {}
    at = 4
    while at < size and payload[at] != 0:
        number, length = struct.unpack_from("<BH", payload, at) if at + 3 <= size else (0, 0)
        text = _name_of(bytes(payload[at + 3:at + 3 + length]))
        at += 3 + length
        if number == 0 or at > size or (number <= 3 and not text):
            about = {}
            break  # not legal: the message is delivered without metadata
        if number in (1, 2):
            about["name" if number == 1 else "unit"] = text
        elif number == 3:
            about.setdefault("axes", []).append(text)
            if len(about["axes"]) > 32:
                about = {}
                break
    return payload[0], bytearray(payload[size:]), about


def _decode_array(payload: Bytes) -> Any:
    """The array in a `.npy`, or None if it is none that can be read without executing anything."""
    try:
        wide = payload[6] > 1
        size = struct.unpack_from("<I" if wide else "<H", payload, 8)[0]
        start = (12 if wide else 10) + size
        about = ast.literal_eval(str(payload[start - size:start], "latin-1").strip()) if size <= 65_535 else {}
        dtype, shape = np.lib.format.descr_to_dtype(about["descr"]), tuple(map(int, about["shape"]))
        count = functools.reduce(operator.mul, shape, 1)
        if dtype.hasobject or min(shape, default=0) < 0 or count * dtype.itemsize != len(payload) - start:
            return None
        flat = np.frombuffer(payload, dtype, count, start) if count and dtype.itemsize else np.empty(count, dtype)
        return flat.reshape(shape, order="F" if about["fortran_order"] else "C")
    except (ValueError, TypeError, KeyError, IndexError, SyntaxError, struct.error, MemoryError, RecursionError):
        return None


def checksum(payload: Bytes) -> int:
    """The checksum of the base protocol: the sum of all bytes.

    >>> checksum(b"hello")
    532
    """
    if np is not None and len(payload) > 1024:
        return int(np.frombuffer(payload, np.uint8).sum(dtype=np.uint64)) & 0xFFFFFFFF
    view = memoryview(payload)  # Adler-32 of 256 bytes or fewer begins with their sum and 1, and zlib is fast
    pieces = range(0, len(view), 256)
    return (sum(zlib.adler32(view[at:at + 256]) & 0xFFFF for at in pieces) - len(pieces)) & 0xFFFFFFFF


def frame(kind: int, payload: Bytes) -> bytes:
    """A message as a frame of the base protocol.

    >>> frame(0x21, b"hello").hex(" ") if hasattr(b"", "hex") else ""
    'de ca fe ca fe 21 14 02 00 00 05 00 00 00 68 65 6c 6c 6f'
    """
    return _HEADER.pack(MAGIC, kind, checksum(payload), len(payload)) + payload


# ── Checks: CRC-32 and XXH3 of records ──────────────────────────────────────────────────────────

_P32 = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D)
_P64 = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)
_M32, _M64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF
_START = (_P32[2], _P64[0], _P64[1], _P64[2], _P64[3], _P32[1], _P64[4], _P32[0])
_SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221b8084674f743248e"
    "e03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8a8fa763fe39c343ff9dcbbc7c70b4f1d"
    "8a51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc"
    "8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)


def _secret(seed: int) -> bytes:
    words = struct.unpack("<24Q", _SECRET)
    return struct.pack("<24Q", *((w - seed if n % 2 else w + seed) & _M64 for n, w in enumerate(words)))


def _accumulate(acc: List[int], data: Bytes, secret: bytes) -> None:
    """Adds stripes of 64 bytes. Each has the secret 8 bytes later than the one before."""
    keys = b"".join(secret[at:at + 64] for at in range(0, len(data) // 8, 8))
    mixed = int.from_bytes(data, "little") ^ int.from_bytes(keys, "little")
    halves = struct.unpack("<{}I".format(len(data) // 4), mixed.to_bytes(len(data), "little"))
    words = struct.unpack("<{}Q".format(len(data) // 8), data)
    for lane in range(8):
        acc[lane] += sum(map(operator.mul, halves[2 * lane::16], halves[2 * lane + 1::16])) + sum(words[lane ^ 1::8])


def _pack(lanes: Iterable[int]) -> int:
    """Eight lanes of 64 bits as one integer, 128 bits apart, so that Python calculates with all at once."""
    return sum((lane & _M64) << 128 * n for n, lane in enumerate(lanes))


_LANES, _LOW17 = _pack([_M64] * 8), _pack([0x1FFFF] * 8)


def _blocks(acc: List[int], data: memoryview, secret: bytes) -> List[int]:
    """Adds whole blocks of 16 stripes, and scrambles after each."""
    key, prime = _pack(struct.unpack("<8Q", secret[128:])), _P32[0]
    total = _pack(acc)
    for row in _sums(data, secret):
        total = (total + row) & _LANES
        total = (total ^ key ^ (total >> 47) & _LOW17) * prime & _LANES
    return [total >> 128 * lane & _M64 for lane in range(8)]


def _sums(data: memoryview, secret: bytes) -> Iterator[int]:
    """What each block adds to the lanes, packed."""
    if np is None:
        for at in range(0, len(data), 1024):
            lanes = [0] * 8
            _accumulate(lanes, data[at:at + 1024], secret)
            yield _pack(lanes)
        return
    words = np.frombuffer(secret, "<u8")
    values = np.frombuffer(data, "<u8").reshape(-1, 16, 8)
    mixed = values ^ np.stack([words[n:n + 8] for n in range(16)])
    high = mixed >> np.uint64(32)
    mixed &= np.uint64(_M32)
    mixed *= high
    rows = np.zeros((len(values), 4, 2, 2), "<u8")  # block, pair of lanes, lane, and 64 bits of space
    rows[..., 0] = np.einsum("ijk->ik", values).reshape(-1, 4, 2)[..., ::-1]  # each word adds to the other lane
    rows[..., 0] += np.einsum("ijk->ik", mixed).reshape(-1, 4, 2)
    packed = rows.tobytes()
    for at in range(0, len(packed), 128):
        yield int.from_bytes(packed[at:at + 128], "little")


def _find_library() -> Optional[Callable[[bytes, int, int], int]]:
    """XXH3 of the library xxHash, which most Linux systems have: much faster than Python. None if it is not there."""
    try:
        import ctypes
        if os.name != "posix":
            return None  # Windows would also look for it in folders that others may write to
        name = "libxxhash.0.dylib" if sys.platform == "darwin" else "libxxhash.so.0"
        function = ctypes.CDLL(name).XXH3_64bits_withSeed
        function.argtypes, function.restype = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64), ctypes.c_uint64
        known = bytes(n % 251 for n in range(4096))
        return function if function(known, len(known), 0xDEADBEEF) & _M32 == 0x65096100 else None
    except (ImportError, OSError, AttributeError):
        return None


_library = _find_library()


def xxh3(data: Bytes, seed: int = 0) -> int:
    """The 64-bit XXH3 of more than 240 bytes.

    >>> data = bytes(n % 251 for n in range(4096))
    >>> hex(xxh3(data) & 0xFFFFFFFF), hex(xxh3(data, 0xDEADBEEF) & 0xFFFFFFFF), hex(xxh3(data[:241]) & 0xFFFFFFFF)
    ('0x4f1bc71', '0x65096100', '0x421c6d02')
    """
    view = memoryview(data).cast("B")
    if _library is not None:
        return _library(bytes(view), len(view), seed)
    secret = _SECRET if seed == 0 else _secret(seed)
    whole = (len(view) - 1) // 1024 * 1024
    acc = _blocks(list(_START), view[:whole], secret) if whole else list(_START)
    stripes = (len(view) - 1 - whole) // 64 * 64
    if stripes:
        _accumulate(acc, view[whole:whole + stripes], secret)
    _accumulate(acc, view[-64:], secret[121:185])
    keys = struct.unpack_from("<8Q", secret, 11)
    result = len(view) * _P64[0]
    for n in range(0, 8, 2):
        product = ((acc[n] & _M64) ^ keys[n]) * ((acc[n + 1] & _M64) ^ keys[n + 1])
        result += (product & _M64) ^ (product >> 64)
    result &= _M64
    result = (result ^ (result >> 37)) * 0x165667919E3779F9 & _M64
    return result ^ (result >> 32)


def digest(payload: Bytes) -> int:
    """The digest of a payload of 241 bytes or more, in parts of 262,144 bytes."""
    view, result = memoryview(payload), 0
    for at in range(0, len(view), 262_144):
        part = view[at:at + 262_144]
        result = zlib.crc32(part, result) if len(part) < 241 else xxh3(part, result) & _M32
    return result


def check_of(head: Bytes, payload: Bytes) -> int:
    """The check of a record; `head` is its first 8 bytes."""
    if len(payload) <= 240:
        return zlib.crc32(payload, zlib.crc32(head))
    return zlib.crc32(head) ^ digest(payload)


# ── Records: what a link of a session carries ───────────────────────────────────────────────────

DATA, ACK, PING, PONG, CLOSE, RETRACT = 0x01, 0x02, 0x03, 0x04, 0x05, 0x86
WAITS_CONSUMED, WAITS_RECEIVED = 0x20, 0x40


def record(kind: int, payload: Bytes, offset: int = 0, checked: bool = True) -> List[Bytes]:
    """A record as buffers.

    >>> b"".join(record(PING, bytes([1, 0, 0, 0, 0, 0, 0, 0]))).hex()
    '08000003000000004ab8c8ee0100000000000000'
    """
    head = struct.pack("<II", len(payload) | kind << 24, offset & _M32)
    return [head + struct.pack("<I", check_of(head, payload) if checked else 0), payload]


# ── HELLO and WELCOME ───────────────────────────────────────────────────────────────────────────

HELLO, WELCOME = b"serpy HELLO\n", b"serpy WELCO\n"
_SIZES = {0x01: (16,), 0x02: (8,), 0x03: (8,), 0x04: (16,), 0x05: (8,), 0x07: (8,), 0x08: (48,), 0x09: (8,),
          0x0A: (8,), 0x81: (16,), 0x82: (32,), 0x83: (16, 24), 0x84: (0, 8)}
_INSTANCE = os.urandom(16)


def handshake(tag: bytes, fields: Dict[int, bytes]) -> bytes:
    """The frame of a HELLO or WELCOME: its checksum is complemented."""
    payload = tag + b"".join(struct.pack("<BH", n, len(value)) + value for n, value in fields.items())
    payload += struct.pack("<I", zlib.crc32(payload))
    return _HEADER.pack(MAGIC, BYTES, checksum(payload) ^ _M32, len(payload)) + payload


def read_handshake(tag: bytes, payload: bytes) -> Optional[Dict[int, bytes]]:
    """The fields of a HELLO or WELCOME, or None if the payload is none. Raises _Broken if it is malformed."""
    if len(payload) < 16 or len(payload) > 4096 or payload[:12] != tag:
        return None
    if zlib.crc32(payload[:-4]) != struct.unpack("<I", payload[-4:])[0]:
        return None
    fields: Dict[int, bytes] = {}
    at, end = 12, len(payload) - 4
    while at < end:
        if at + 3 > end:
            raise _Broken("a field of the HELLO or WELCOME is cut off")
        number, size = struct.unpack_from("<BH", payload, at)
        value = payload[at + 3:at + 3 + size]
        at += 3 + size
        if at > end or number in fields or (number >= 0x80 and number not in _SIZES):
            raise _Broken("field {:02x} of the HELLO or WELCOME is cut off, repeated or not known".format(number))
        if number in _SIZES and size not in _SIZES[number]:
            raise _Broken("field {:02x} of the HELLO or WELCOME has {} bytes".format(number, size))
        fields[number] = value
    if not all(number in fields for number in (1, 2, 3, 4, 5)) or (tag == HELLO and 7 not in fields):
        raise _Broken("a field of the HELLO or WELCOME is missing")
    return fields


def _u64(*values: int) -> bytes:
    return struct.pack("<{}Q".format(len(values)), *values)


def _ints(data: Bytes) -> Tuple[int, ...]:
    values = struct.unpack("<{}Q".format(len(data) // 8), data)
    if max(values, default=0) >= 2 ** 53:
        raise ProtocolError("the other end sent a number of 2^53 or more")
    return values


def _name_of(field: bytes) -> str:
    """The name that the other end states, or '' if it is not legal."""
    try:
        name = field.decode() if len(field) <= 64 else ""
    except UnicodeDecodeError:
        return ""
    turned = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    return "" if any(unicodedata.category(c) == "Cc" or c in turned for c in name) else name.strip()


def proof(secret: bytes, session: bytes, attempt: int) -> bytes:
    """The proof that a client resumes its own session."""
    return hmac.new(secret, b"serpy resume\n" + session + b"\n%d" % attempt, hashlib.sha256).digest()


# ── Links: one TCP connection, encrypted or not ─────────────────────────────────────────────────


def read_key(text: str) -> bytes:
    """The secret of a key: hexadecimal digits, base64 or base64url of at least 32 bytes.

    >>> read_key("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f").hex()[:8]
    '00010203'
    """
    text = text.strip().strip("\ufeff").strip()
    try:
        if len(text) % 2 == 0 and all(c in "0123456789abcdefABCDEF" for c in text):
            secret = bytes.fromhex(text)
        else:
            plain = text.rstrip("=").replace("-", "+").replace("_", "/")
            secret = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (ValueError, binascii.Error):
        raise ValueNotSupported("the key is neither base64 nor hexadecimal")
    if len(secret) < 32:
        raise ValueNotSupported("the key has fewer than 32 bytes: make one with 'serpy keygen lab.key'")
    return secret


def psk_of(secret: bytes) -> bytes:
    """The pre-shared key of TLS: HKDF-SHA-256 of the secret."""
    extracted = hmac.new(bytes(32), secret, hashlib.sha256).digest()
    return hmac.new(extracted, b"serpy 1 tls-psk client\x01", hashlib.sha256).digest()


def _key_context(psk: bytes, server: bool) -> ssl.SSLContext:
    if not hasattr(ssl.SSLContext, "set_psk_client_callback"):
        raise SerpyError("a key needs Python 3.13 or later: use tls=ssl.SSLContext(…) with certificates instead")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if server:
        context.num_tickets = 0
        context.set_psk_server_callback(lambda identity: psk if identity == "serpy client" else b"")
    else:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the key authenticates the server
        context.set_psk_client_callback(lambda hint: ("serpy client", psk))
    return context


class _Link:
    """One TCP connection. One thread reads, another writes, and any thread may end it with `kill`."""

    def __init__(self, sock: socket.socket, options: "Options", server: bool, host: Optional[str] = None) -> None:
        self.dead = False
        self.heard = time.monotonic()
        self.sent = 0  # bytes of the stream that were sent on this link
        self.outgoing: List[Bytes] = []  # what the writer sends next, before anything else
        self.on_idle: Callable[[], None] = lambda: None
        self.trusted = False  # encrypted, and both ends say so: records need no check
        self.batch = 65_536
        self.plain_sent = 0
        self.identity: Optional[bytes] = None
        self._sock, self._start, self._end = sock, 0, 0
        self._view = memoryview(bytearray(131_072))
        self._tls: Optional[ssl.SSLObject] = None
        self._tls_lock = threading.Lock()
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            context = options.context(server)
            if context is not None:
                sock.settimeout(5.0)
                self._handshake(context, server, host, options.psk is not None)
            self._tick = min(1.0, options.peer_timeout / 4)
            sock.settimeout(self._tick)
        except BaseException:
            sock.close()
            raise

    @property
    def encrypted(self) -> bool:
        return self._tls is not None

    def _handshake(self, context: ssl.SSLContext, server: bool, host: Optional[str], by_key: bool) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(self._in, self._out, server, None if server or by_key else host)
        deadline = time.monotonic() + 5
        try:
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    self._sock.sendall(self._out.read())
                    data = self._sock.recv(65_536)
                    if not data or time.monotonic() > deadline:
                        raise AuthError("the other end closed the connection before it was encrypted: "
                                        "compare the keys of both ends")
                    self._in.write(data)
            self._sock.sendall(self._out.read())
        except ssl.SSLError as error:
            try:
                self._sock.sendall(self._out.read())  # the alert that tells the other end why
            except OSError:
                pass
            raise AuthError("the ends could not agree on encryption: compare their keys or certificates ({})".format(
                error.reason or error))
        certificate = tls.getpeercert(True)
        if by_key and (certificate is not None or tls.version() != "TLSv1.3"):
            raise AuthError("the server shows a certificate instead of the key: it has not proved that it has the key")
        self.identity = b"key" if by_key else certificate
        self._tls = tls

    def _recv(self, view: memoryview) -> int:
        if self._tls is None:
            return self._sock.recv_into(view)
        while True:
            with self._tls_lock:
                try:
                    return self._tls.read(len(view), view)  # type: ignore[arg-type,return-value]
                except ssl.SSLWantReadError:
                    pass
                except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                    return 0
            data = self._sock.recv(262_144)
            if not data:
                return 0
            with self._tls_lock:
                self._in.write(data)

    def wait(self, count: int, deadline: Optional[float] = None) -> bool:
        """Waits until so many bytes can be read. False: the deadline is over."""
        if self._end - self._start >= count:
            return True
        if self._start and (self._start == self._end or self._start + count > len(self._view)):
            left = bytes(self._view[self._start:self._end])
            self._view[:len(left)] = left
            self._start, self._end = 0, len(left)
        if count > len(self._view):
            larger = memoryview(bytearray(count + 65_536))
            larger[:self._end] = self._view[:self._end]
            self._view = larger
        while self._end - self._start < count:
            try:
                if deadline is not None:
                    left_s = deadline - time.monotonic()
                    if left_s <= 0:
                        self._sock.settimeout(self._tick)
                        return False
                    self._sock.settimeout(min(self._tick, left_s))
                got = self._recv(self._view[self._end:])
            except socket.timeout:
                self.on_idle()
                continue
            except (OSError, ValueError) as error:
                raise _Broken("the connection broke: {}".format(error))
            if got == 0:
                raise _Broken("the other end closed the connection" + (" within a frame" if self._end > self._start else ""))
            self._end += got
            self.heard = time.monotonic()
        if deadline is not None:
            self._sock.settimeout(self._tick)
        return True

    @property
    def buffered(self) -> int:
        return self._end - self._start

    def peek(self, count: int) -> bytes:
        return bytes(self._view[self._start:self._start + count])

    def read(self, count: int) -> memoryview:
        """The next bytes. The memory is reused by the next call of `wait` or `read`."""
        self.wait(count)
        self._start += count
        return self._view[self._start - count:self._start]

    def send(self, buffers: Iterable[Bytes]) -> None:
        """Sends buffers: the small ones together, the large ones without a copy."""
        small: List[Bytes] = []
        for buffer in buffers:
            if len(buffer) < 32_768:
                small.append(buffer)
                continue
            self._send(b"".join(small))
            small = []
            self._send(buffer)
        self._send(b"".join(small))

    def _send(self, data: Bytes) -> None:
        if self._tls is not None and len(data):
            with self._tls_lock:
                self._tls.write(data)  # type: ignore[arg-type]
                data = self._out.read()
        view = memoryview(data)
        while len(view):
            try:
                view = view[self._sock.send(view):]
            except socket.timeout:
                if self.dead:
                    raise
            except ValueError as error:
                raise OSError(str(error))

    def end(self) -> None:
        """Ends this direction. The other one can still be read."""
        try:
            if self._tls is not None:
                with self._tls_lock:
                    try:
                        self._tls.unwrap()
                    except ssl.SSLError:
                        pass
                    data = self._out.read()
                self._sock.sendall(data)
            self._sock.shutdown(socket.SHUT_WR)
        except (OSError, ValueError):
            pass

    def kill(self) -> None:
        """Ends both directions at once, and wakes up both threads."""
        self.dead = True
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self) -> None:
        self.dead = True
        self._sock.close()


# ── Options ─────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Options:
    """What `Connection` and `Server` accept besides their address."""

    session: str = "prefer"  # "require" rejects ends without sessions, "off" makes none
    auto_restart: bool = True  # a client connects again after the connection broke
    key: Optional[str] = None  # the text of a key; Python 3.13 or later
    key_file: Optional[str] = None  # the file of a key
    tls: Optional[ssl.SSLContext] = None  # certificates instead of a key
    name: str = ""  # what this end calls itself
    arrays: bool = True  # with numpy, a .npy arrives as an array, otherwise as bytes
    max_message_bytes: int = 67_108_864
    receive_bytes: int = 8_388_608  # bound of what waits to be read
    send_bytes: int = 67_108_864  # bound of what waits to be sent and acknowledged
    send_messages: int = 16_384
    ping_interval: float = 5.0  # 0: no heartbeat
    peer_timeout: float = 15.0  # silence after which the link is closed
    session_timeout: float = 0.5  # wait for an end that may not have sessions
    resume_window: float = 120.0  # how long an absent end is awaited
    close_timeout: float = 5.0

    def __post_init__(self) -> None:
        if self.session not in ("prefer", "require", "off"):
            raise ValueNotSupported("session is 'prefer', 'require' or 'off', not {!r}".format(self.session))
        if not (1 <= self.max_message_bytes < 2 ** 32 and self.receive_bytes >= 65_536 and self.send_messages >= 1
                and self.peer_timeout > 0 and self.ping_interval >= 0 and self.send_bytes >= 1):
            raise ValueNotSupported("an option is out of its range")
        if self.key_file is not None:
            with open(self.key_file, "rb") as file:
                data = file.read(65_536)
            self.key = data.decode("utf-16" if data[:2] == b"\xff\xfe" else "utf-8-sig")
        if self.key is not None and self.tls is not None:
            raise ValueNotSupported("give key or tls, not both")
        self.psk = None if self.key is None else psk_of(read_key(self.key))
        self.name = self.name.encode()[:64].decode(errors="ignore")
        self.context(False)

    def context(self, server: bool) -> Optional[ssl.SSLContext]:
        return self.tls if self.psk is None else _key_context(self.psk, server)

    @property
    def ping(self) -> float:
        return self.ping_interval if self.ping_interval == 0 else min(self.ping_interval, self.peer_timeout / 2)


# ── Sessions: offsets, frames and byte streams ──────────────────────────────────────────────────


class _Entry:
    """A frame that waits to be sent, or to be acknowledged. `start` is its offset, once it has one."""

    __slots__ = ("kind", "parts", "size", "start", "lost")

    def __init__(self, kind: int, parts: List[Bytes]) -> None:
        self.kind, self.parts, self.start, self.lost = kind, parts, -1, False
        self.size = 14 + sum(map(len, parts))

    @property
    def end(self) -> int:
        return self.start + self.size

    def pieces(self, begin: int, count: int) -> Iterator[Bytes]:
        """The bytes of the frame as it is in a stream, from `begin`, at most `count`."""
        for part in [_HEADER.pack(MAGIC, self.kind, 0, self.size - 14)] + self.parts:
            if begin < len(part) and count > 0:
                piece = part if begin == 0 and count >= len(part) else memoryview(part)[begin:begin + count]
                count -= len(piece)
                yield piece
            begin = max(0, begin - len(part))


class _Session:
    """The offsets of both directions, and the frame that is arriving."""

    def __init__(self, ident: bytes, secret: bytes, receive_limit: int) -> None:
        self.ident, self.secret, self.attempt = ident, secret, 0
        self.identity: Optional[bytes] = None  # how the client proved itself to the server
        self.sent = self.most_sent = self.acked = self.peer_consumed = self.peer_limit = 0
        self.want_received = self.want_consumed = 0  # ends of messages whose senders wait for them
        self.received = self.consumed = self.frame_start = 0
        self.limit = receive_limit
        self.flagged = 0  # the sender waits until what ends here was consumed
        self.head = bytearray()
        self.kind, self.left, self.payload = 0, -1, bytearray()

    def feed(self, data: memoryview, deliver: Callable[[int, bytearray, int], None], largest: int) -> None:
        """Reads frames from the stream, and delivers each with the offset of its end."""
        at, size = 0, len(data)
        while at < size:
            if self.left < 0:
                take = min(14 - len(self.head), size - at)
                self.head += data[at:at + take]
                at += take
                self.received += take
                if len(self.head) < 14:
                    return
                magic, self.kind, _, self.left = _HEADER.unpack(self.head)
                self.head.clear()
                if magic != MAGIC:
                    raise ProtocolError("the other end sent a stream without frames")
                most = {PART: 262_144, REQUEST: largest + 16, ABOUT: largest + 4096}.get(self.kind, largest)
                if self.left > most:
                    raise ProtocolError("the other end sent a message of {:,} bytes; at most {:,} are accepted: raise "
                                        "max_message_bytes at both ends".format(self.left, most))
            take = min(self.left, size - at)
            self.payload += data[at:at + take]
            at += take
            self.received += take
            self.left -= take
            if self.left == 0:
                payload, self.payload, self.left = self.payload, bytearray(), -1
                self.frame_start = self.received
                deliver(self.kind, payload, self.received)

    def retract(self, offset: int, end: int) -> None:
        if end <= offset:
            raise ProtocolError("the other end retracted nothing")
        self.received = self.frame_start = end
        self.head.clear()
        self.payload, self.left = bytearray(), -1


class ByteStream:
    """A byte stream that arrives: iterate over it, or call `read`. Leaving `with` early cancels it."""

    def __init__(self, connection: "Connection", number: int, size: int) -> None:
        self.size: Optional[int] = None if size == 2 ** 53 - 1 else size
        self._connection, self._number = connection, number
        self._parts: Deque[Bytes] = collections.deque()
        self._arrived = 0
        self._complete = False
        self._error: Optional[SerpyError] = None

    def __iter__(self) -> Iterator[bytes]:
        while True:
            part = self._next()
            if part is None:
                return
            yield part

    def _next(self) -> Optional[bytes]:
        c = self._connection
        with c._lock:
            c._readable.wait_for(lambda: self._parts or self._complete or self._error)
            if self._parts:
                part = bytes(self._parts.popleft())
                c._release(len(part))
                return part
            if self._complete:
                return None
            raise self._error or StreamError("the stream has ended")

    def read(self, count: int = -1) -> bytes:
        """At most `count` bytes, or all; b'' at the end."""
        if count < 0:
            return b"".join(self)
        part = self._next() if count else None
        if part is not None and len(part) > count:
            with self._connection._lock:
                self._parts.appendleft(part[count:])
                self._connection._held += len(part) - count
        return b"" if part is None else part[:count]

    def cancel(self, reason: str = "") -> None:
        """Tells the sender to stop."""
        c = self._connection
        with c._lock:
            self._drop(StreamError("the stream was cancelled here"))
            if c._incoming.pop(self._number, None) is not None:
                c._put(_part(4, self._number, 0, reason.encode()[:1024]))

    def _drop(self, error: SerpyError) -> None:
        held = sum(map(len, self._parts))
        self._parts.clear()
        self._error = self._error or error
        self._connection._release(held)

    def __enter__(self) -> "ByteStream":
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()


def _part(what: int, number: int, position: int, data: Bytes = b"") -> _Entry:
    return _Entry(PART, [struct.pack("<BQQ", what, number, position), data])


def _request(what: int, number: int, kind: int = 0, data: Iterable[Bytes] = ()) -> _Entry:
    return _Entry(REQUEST, [struct.pack("<BB6xQ", what, kind, number), *data])


@dataclass
class _Asked:
    """A request that waits for its answer."""

    entry: _Entry
    answer: Any = None
    error: Optional[SerpyError] = None
    done: bool = False


# ── Connection ──────────────────────────────────────────────────────────────────────────────────

Handler = Callable[[Any], Any]
_COST = 128  # what a small message needs in memory besides its bytes


class Connection:
    """A connection to one other end. Any thread may call any method.

    `Connection(host, port)` connects at once, and waits for a server that is not there yet for at most
    `timeout` seconds. The keyword arguments are those of `Options`. `for value in connection` ends when the
    other end closes the connection.
    """

    def __init__(self, host: Optional[str] = None, port: Optional[int] = None, timeout: float = 10.0,
                 **options: Any) -> None:
        self._setup(Options(**options), None)
        if host is not None and port is not None:
            self.connect(host, port, timeout)

    def _setup(self, options: Options, server: Optional["Server"]) -> None:
        self.options, self._server = options, server
        self._auto_restart = options.auto_restart
        self._lock = threading.RLock()
        self._work, self._readable, self._changed = (threading.Condition(self._lock) for _ in range(3))
        self._link: Optional[_Link] = None
        self._mode = "new"  # what the link carries: "new", "asked", "answered", "plain" or "session"
        self._session: Optional[_Session] = None
        self._queue: Deque[_Entry] = collections.deque()  # not sent, the first one perhaps in part
        self._flight: Deque[_Entry] = collections.deque()  # sent, not acknowledged
        self._queued_bytes = 0
        self._inbox: Deque[Tuple[Any, int, int, Optional[_Session], Dict[str, Any]]] = collections.deque()
        self._held = 0  # cost of all that waits to be read or answered
        self._over: Optional[ConnectionClosed] = None
        self._closing = self._close_sent = self._was_ready = self._emitted = False
        self._away = False  # the program was told that the server cannot be reached
        self._close_record: Optional[List[Bytes]] = None
        self._ack_at: Optional[float] = None
        self._acked_received = 0
        self._pong: Optional[bytes] = None
        self._pinged = self._absent_since = 0.0
        self._peer_ping = self._ping = options.ping
        self._peer_largest = options.max_message_bytes
        self._absence = options.resume_window
        self._numbers = 0
        self._incoming: Dict[int, ByteStream] = {}
        self._streams: Deque[ByteStream] = collections.deque()
        self._outgoing: Dict[int, Optional[StreamError]] = {}  # open streams of this end, with their failure
        self._asked: Dict[int, _Asked] = {}
        self._to_answer: Dict[int, Tuple[int, Bytes]] = {}
        self._requests: Deque[int] = collections.deque()
        self._workers = 0
        self._handler: Optional[Handler] = None
        self._cause: Optional[Exception] = None
        self.peerName = ""
        #: What the other end said about the value that `getData` returned last: name, unit, axes.
        self.about: Dict[str, Any] = {}
        #: Values that may or may not have arrived, because their session was lost. Replaced at each loss.
        self.lost: List[Any] = []

    # ·· what programs call ··

    def connect(self, host: str, port: int, timeout: float = 10.0) -> "Connection":
        """Connects. Waits for a server that is not there yet."""
        if self._over or self._was_ready or self._server:
            raise SerpyError("connect() was called before: use another Connection")
        self._start(self._write_loop)
        self._start(self._client_loop, host, port)
        with self._lock:
            self._changed.wait_for(lambda: self._was_ready or self._over, timeout)
            if self._over is None and not self._was_ready:
                text = "no connection to {}:{} within {} s: {}".format(host, port, timeout, self._cause or "no answer")
                self._finish(ConnectionClosed(text))
            if not self._was_ready:
                raise self._over  # type: ignore[misc]
        return self

    def sendData(self, value: Any, acknowledge: Optional[str] = None, timeout: Optional[float] = None,
                 copy: bool = True) -> None:
        """Sends a value. Returns when it is queued, or with `acknowledge` when the other end has 'received' it, or
        its program has 'consumed' it. Waits while the queue is full.

        Without `copy`, the memory of an array is sent as it is: do not change it before it was acknowledged.
        """
        if acknowledge not in (None, "received", "consumed"):
            raise ValueNotSupported("acknowledge is None, 'received' or 'consumed', not {!r}".format(acknowledge))
        deadline = None if timeout is None else time.monotonic() + timeout
        entry = _Entry(*encode(value, copy))
        with self._lock:
            if acknowledge and self._session is None and self._mode in ("new", "asked"):
                self._await(self._changed, lambda: self._session or self._mode == "plain", deadline)
            if acknowledge and self._session is None:
                raise SerpyError("the other end has no session, so it cannot acknowledge: let it answer with a message")
            self._enqueue(entry, deadline)
            if acknowledge:
                self._acknowledged(entry, acknowledge == "consumed", deadline)

    def getData(self, timeout: Optional[float] = None) -> Any:
        """The next value. Raises SerpyTimeout if none comes in time, ConnectionClosed after the last one."""
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._lock:
            self._await(self._readable, lambda: self._inbox, deadline, "no message came within {} s".format(timeout))
            value, end, cost, session, self.about = self._inbox.popleft()
            if session is not None and session is self._session:
                session.consumed = end
                if session.consumed <= session.flagged:
                    self._ack(0)
            self._release(cost)
            return value

    def __iter__(self) -> Iterator[Any]:
        while True:
            try:
                yield self.getData()
            except ConnectionClosed as error:
                if error.clean:
                    return
                raise

    def isConnected(self) -> bool:
        return self._link is not None and self._mode in ("plain", "session")

    def isDataAvailable(self) -> bool:
        return bool(self._inbox)

    @property
    def inSession(self) -> bool:
        """Whether nothing is lost if this link breaks."""
        return self._link is not None and self._mode == "session"

    @property
    def encrypted(self) -> bool:
        return self._link is not None and self._link.encrypted

    def enableRestart(self) -> None:
        self._set_restart(True)

    def disableRestart(self) -> None:
        self._set_restart(False)

    def _set_restart(self, restart: bool) -> None:
        with self._lock:
            self._auto_restart = restart
            self._absence = self.options.resume_window if restart else 0
            self._ack(0)

    def request(self, value: Any, timeout: Optional[float] = 10.0) -> Any:
        """Sends a request, and returns the answer of the other end's `onRequest`."""
        deadline = None if timeout is None else time.monotonic() + timeout
        kind, parts = encode(value)
        with self._lock:
            if self._mode in ("new", "asked"):
                self._await(self._changed, lambda: self._session or self._mode == "plain", deadline)
            if self._session is None:
                raise SerpyError("the other end has no session: send the question and read the answer")
            number = self._number()
            asked = self._asked[number] = _Asked(_request(0, number, kind, parts))
            try:
                self._await(self._changed, lambda: len(self._asked) <= 1024, deadline)
                self._enqueue(asked.entry, deadline)
                self._await(self._changed, lambda: asked.done, deadline, "no answer within {} s".format(timeout))
            except BaseException:
                if asked.entry in self._queue and asked.entry.start < 0:
                    self._queue.remove(asked.entry)
                    self._queued_bytes -= asked.entry.size
                elif not self._over and (asked.entry.start >= 0 or asked.entry in self._queue):
                    self._put(_request(3, number))
                raise
            finally:
                self._asked.pop(number, None)
                self._changed.notify_all()
            if asked.error is not None:
                raise asked.error
            return asked.answer

    def onRequest(self, handler: Optional[Handler]) -> None:
        """The function that answers requests. It runs in threads of its own. An exception is a failure there."""
        with self._lock:
            self._handler = handler
            self._changed.notify_all()

    def sendStream(self, source: Any, timeout: Optional[float] = None, size: Optional[int] = None) -> int:
        """Sends bytes that need not fit into memory: bytes, a file, or an iterable of bytes, between other
        messages. Returns their number when all have arrived."""
        deadline = None if timeout is None else time.monotonic() + timeout
        if isinstance(source, (bytes, bytearray, memoryview)):
            size, chunks = len(source), iter([source])
        elif hasattr(source, "read"):
            chunks = iter(lambda: source.read(131_072), b"")
        else:
            chunks = iter(source)
        with self._lock:
            self._await(self._changed, lambda: self._session or self._mode == "plain", deadline)
            if self._session is None:
                raise SerpyError("the other end has no session, so it cannot receive a byte stream")
            number = self._number()
            self._outgoing[number] = None
        total = 0
        try:
            entry = _part(0, number, 2 ** 53 - 1 if size is None else size)
            self._stream_entry(number, entry, deadline)
            for chunk in chunks:
                view = memoryview(chunk).cast("B")
                for at in range(0, len(view), 131_072):
                    piece = bytes(view[at:at + 131_072])
                    self._stream_entry(number, _part(1, number, total, piece), deadline)
                    total += len(piece)
            entry = _part(2, number, total)
            self._stream_entry(number, entry, deadline)
            with self._lock:
                self._acknowledged(entry, False, deadline, number)
            return total
        except BaseException as error:
            with self._lock:
                if not self._over and self._session is not None:
                    self._put(_part(3, number, 0, str(error).encode()[:1024]))
            raise
        finally:
            with self._lock:
                self._outgoing.pop(number, None)

    def getStream(self, timeout: Optional[float] = None) -> ByteStream:
        """The next byte stream of the other end."""
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._lock:
            self._await(self._readable, lambda: self._streams, deadline, "no stream came within {} s".format(timeout))
            return self._streams.popleft()

    def close(self, reason: str = "", timeout: Optional[float] = None) -> None:
        """Sends what is queued, waits until it has arrived, and closes the connection for both ends."""
        deadline = time.monotonic() + (self.options.close_timeout if timeout is None else timeout)

        def left() -> float:
            return max(0.0, deadline - time.monotonic())

        with self._lock:
            if self._over or (self._server is None and not self._was_ready):
                self._finish(ConnectionClosed("the connection was closed here", True))
                return
            if self._closing:
                self._changed.wait_for(lambda: self._over, left())
                return
            self._closing = True
            self._changed.wait_for(lambda: self._over or (not self._queue and not self._flight), left())
            if self._link is not None and self._over is None:
                self._close_record, session = [], self._session
                if session is not None and self._mode == "session":
                    checked = not self._link.trusted
                    self._close_record = self._ack_record(session, checked)  # so that the other end knows what arrived
                    self._close_record += record(CLOSE, _u64(session.sent) + reason.encode()[:1024], 0, checked)
                self._work.notify_all()
                self._changed.wait_for(lambda: self._over, left())
            self._finish(ConnectionClosed("the connection was closed here", True))

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ·· queues ··

    def _start(self, target: Callable[..., None], *args: Any) -> None:
        threading.Thread(target=target, args=args, daemon=True, name="serpy " + target.__name__.strip("_")).start()

    def _await(self, condition: threading.Condition, met: Callable[[], Any], deadline: Optional[float],
               text: str = "the queue was full for the whole timeout") -> None:
        while not met():
            if self._over:
                raise _again(self._over)
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise SerpyTimeout(text)
            condition.wait(left)

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _enqueue(self, entry: _Entry, deadline: Optional[float]) -> None:
        if entry.kind != PART and entry.size - 14 > min(self.options.max_message_bytes, self._peer_largest) + 16:
            raise ValueNotSupported("the message has {:,} bytes, more than max_message_bytes of one end: use "
                                    "sendStream, or raise it at both ends".format(entry.size - 14))
        self._await(self._changed, self._has_space, deadline)
        if self._over or self._closing:
            raise _again(self._over or ConnectionClosed("the connection is closing"))
        self._put(entry)

    def _has_space(self) -> bool:
        return (self._queued_bytes < self.options.send_bytes
                and len(self._queue) + len(self._flight) < self.options.send_messages)

    def _put(self, entry: _Entry) -> None:
        self._queue.append(entry)
        self._queued_bytes += entry.size
        self._work.notify()

    def _stream_entry(self, number: int, entry: _Entry, deadline: Optional[float]) -> None:
        with self._lock:
            self._await(self._changed, lambda: self._outgoing[number] or self._has_space(), deadline)
            failure = self._outgoing[number]
            if failure is not None:
                raise failure
            self._enqueue(entry, deadline)

    def _acknowledged(self, entry: _Entry, consumed: bool, deadline: Optional[float], stream: int = 0) -> None:
        """Waits until the end of a frame was received or consumed. The writer marks records accordingly."""
        def met() -> bool:
            session = self._session
            if entry.lost or session is None:
                return True
            if stream and self._outgoing.get(stream):
                return True
            if entry.start < 0:
                return False
            return (session.peer_consumed if consumed else session.acked) >= entry.end

        wanted = "want_consumed" if consumed else "want_received"
        if self._session is not None:
            ahead = sum(e.size for e in self._queue) if len(self._queue) < 64 else self._queued_bytes
            setattr(self._session, wanted, max(getattr(self._session, wanted), self._session.most_sent + ahead))
        try:
            self._await(self._changed, met, deadline, "the message was not acknowledged in time")
        except ConnectionClosed as error:
            raise DeliveryUnknown("the connection closed before the message was acknowledged: {}".format(error))
        failure = self._outgoing.get(stream) if stream else None
        if failure is not None:
            raise failure
        if entry.lost or self._session is None:
            raise DeliveryUnknown("the session was lost: the message may or may not have arrived")

    def _release(self, cost: int) -> None:
        """Something that waited here was read: the sender may send more."""
        self._held -= cost
        if self._session is None or self._mode == "plain":
            self._changed.notify_all()
        elif cost:
            self._ack(0.02)

    def _ack(self, delay: float) -> None:
        """Asks the writer for an ACK, at the latest after this time."""
        at = time.monotonic() + delay
        if self._ack_at is None or at < self._ack_at:
            self._ack_at = at
            self._work.notify()

    def _raise_limit(self, session: _Session) -> int:
        limit = session.frame_start + max(0, self.options.receive_bytes - self._held)
        if session.left > 0 or session.head:
            limit = max(limit, session.received + max(session.left, 14))
        session.limit = max(session.limit, limit)
        return session.limit

    # ·· the writer: one thread for the life of the connection ··

    def _write_loop(self) -> None:
        while True:
            with self._lock:
                job = self._next_job()
                while job is None:
                    if self._over:
                        return
                    job = self._next_job()
            link, buffers, last = job
            try:
                began = time.monotonic()
                link.send(buffers() if callable(buffers) else buffers)
                took = time.monotonic() - began
                link.batch = min(1_048_576, link.batch * 2) if took < 0.05 else max(8_192, link.batch // 2)
                if last:
                    link.end()
            except OSError:
                link.kill()
            except Exception as error:  # a fault of this module must not be silent
                log.exception("the writer failed")
                self._finish(ConnectionClosed("internal error: {!r}".format(error)))

    def _next_job(self) -> Optional[Tuple[_Link, Any, bool]]:
        """What to write next. None after a wait."""
        link, now = self._link, time.monotonic()
        if link is None or link.dead:
            window = min(self.options.resume_window, self._absence)
            if self._server is not None and link is None and self._absent_since and now > self._absent_since + window:
                self._finish(ConnectionClosed("the connection broke, and the client {}: messages may or may not have "
                                              "arrived, see the attribute lost".format(
                    "did not come back within {:g} s".format(window) if window else "does not connect again")))
                return None
            waits = self._server is not None and link is None and self._absent_since
            self._work.wait(self._absent_since + window - now + 0.01 if waits else None)
            return None
        if link.outgoing:
            buffers, link.outgoing = link.outgoing, []
            return link, buffers, False
        if self._mode == "session" and self._session is not None:
            return self._session_job(link, self._session, now)
        if self._mode in ("plain", "new") and self._queue:
            if self._mode == "new" and now < link.heard + self.options.session_timeout:
                self._work.wait(link.heard + self.options.session_timeout - now)
                return None
            if self._mode == "plain" or self.options.session != "require":
                return link, self._plain_job(link), False
        if self._close_record is not None and self._mode in ("plain", "new"):
            self._close_record, self._close_sent = None, True
            return link, [], True
        self._work.wait()
        return None

    def _plain_job(self, link: _Link) -> Callable[[], Iterable[Bytes]]:
        entries: List[_Entry] = []
        size = 0
        while self._queue and size < link.batch:
            entry = self._queue.popleft()
            self._queued_bytes -= entry.size
            size += entry.size
            if entry.kind not in (PART, REQUEST):
                entries.append(entry)
        link.plain_sent += len(entries)
        self._changed.notify_all()

        def buffers() -> Iterator[Bytes]:
            for entry in entries:
                total = sum(map(checksum, entry.parts)) & _M32
                yield _HEADER.pack(MAGIC, entry.kind, total, entry.size - 14)
                yield from entry.parts

        return buffers

    def _session_job(self, link: _Link, session: _Session, now: float) -> Optional[Tuple[_Link, Any, bool]]:
        control: List[Bytes] = []
        checked = not link.trusted
        if self._pong is not None:
            control += record(PONG, self._pong, 0, checked)
            self._pong = None
        if self._ack_at is not None and now >= self._ack_at:
            control += self._ack_record(session, checked)
        ping_at = max(link.heard, self._pinged) + self._ping if self._ping else None
        if ping_at is not None and now >= ping_at:
            self._pinged = now
            control += record(PING, os.urandom(8), 0, checked)
        begin = session.sent
        pieces = self._take(link, session)
        if pieces:
            flags = (WAITS_RECEIVED if begin < session.want_received else 0) | (
                WAITS_CONSUMED if begin < session.want_consumed else 0)
            first = link.sent
            link.sent += session.sent - begin
            return link, lambda: self._records(control, pieces, begin, flags, checked, first), False
        if control:
            return link, control, False
        if self._close_record is not None:
            buffers, self._close_record, self._close_sent = self._close_record, None, True
            return link, buffers, True
        waits = [at for at in (self._ack_at, ping_at) if at is not None]
        self._work.wait(max(0.0, min(waits) - now) if waits else None)
        return None

    def _ack_record(self, session: _Session, checked: bool) -> List[Bytes]:
        self._ack_at, self._acked_received = None, session.received
        numbers = [session.received, session.consumed, self._raise_limit(session)]
        if self._server is None:
            numbers.append(int(self._absence * 1000))
        return record(ACK, _u64(*numbers), 0, checked)

    def _take(self, link: _Link, session: _Session) -> List[Bytes]:
        """The next bytes of the stream that the other end accepts, as buffers."""
        room = min(link.batch, session.peer_limit - session.sent)
        pieces: List[Bytes] = []
        while room > 0 and self._queue:
            entry = self._queue[0]
            if entry.start < 0:
                entry.start = session.sent
            begin = session.sent - entry.start
            count = min(room, entry.size - begin)
            pieces.extend(entry.pieces(begin, count))
            session.sent += count
            room -= count
            if session.sent == entry.end:
                self._flight.append(self._queue.popleft())
        session.most_sent = max(session.most_sent, session.sent)
        return pieces

    @staticmethod
    def _records(control: List[Bytes], pieces: List[Bytes], offset: int, flags: int, checked: bool,
                 first: int) -> Iterator[Bytes]:
        """Records that hold the pieces: small ones at first, because a broken link loses the last one."""
        yield from control
        data = memoryview(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        at = 0
        while at < len(data):
            if checked and np is None and _library is None:
                size = 240  # CRC-32 is much faster than XXH3 in Python
            else:
                size = min(131_072, max(512, (first + at) // 8))
            yield from record(DATA | flags, data[at:at + size], offset + at, checked)
            at += size

    # ·· the reader: one thread for each link ··

    def _client_loop(self, host: str, port: int) -> None:
        delay, answered = 0.0, time.monotonic()
        served, options = answered, self.options  # when the last usable link ended
        while not self._over:
            link: Optional[_Link] = None
            progress = self._progress()
            began = time.monotonic()
            try:
                sock = socket.create_connection((host, port), 5.0)
                link = _Link(sock, self.options, False, host)
                self._run_client(link)
            except (ProtocolError, AuthError) as error:
                self._cause = error
                self._detach(link)
                if isinstance(error, ProtocolError) or not self._was_ready:
                    return self._finish(error)
            except (_Broken, OSError) as error:
                self._cause = error
                self._detach(link)
            except Exception as error:  # a fault of this module must not be silent
                log.exception("the reader failed")
                return self._finish(ConnectionClosed("internal error: {!r}".format(error)))
            with self._lock:
                if self._over or self._close_sent or (self._closing and self._mode != "session"):
                    return self._finish(ConnectionClosed("the connection was closed here", True))
                if not self._auto_restart:
                    if self._session is not None:
                        return self._finish(ConnectionClosed(
                            "the connection broke, and auto_restart is off: messages may or may not have arrived, see "
                            "the attribute lost ({})".format(self._cause)))
                    plain_end = self._mode == "plain" and str(self._cause).endswith("the connection")
                    return self._finish(ConnectionClosed(str(self._cause), plain_end))
                if link is not None and self._mode in ("plain", "session"):
                    served = time.monotonic()
                    log.info("the connection to %s:%s broke: %s", host, port, self._cause)
                elif self._was_ready and not self._away and time.monotonic() - served > options.peer_timeout:
                    self._away = True
                    log.warning("no connection to %s:%s for %.0f s (%s): it is tried again until close() is called",
                                host, port, time.monotonic() - served, self._cause)
                if self._progress() != progress or (link and time.monotonic() - began > 5):
                    delay, answered = 0.0, time.monotonic()
                elif link is None:
                    answered = time.monotonic()
                if self._session and time.monotonic() - answered > self.options.resume_window:
                    self._lose(None)
                    answered = time.monotonic()
                if delay:
                    self._changed.wait_for(lambda: self._over, delay * random.uniform(0.7, 1.0))
                delay = min(max(2 * delay, 0.05), 2.0)

    def _progress(self) -> Tuple[int, int, int]:
        session = self._session
        return (id(session), session.received, session.acked) if session else (0, 0, 0)

    def _run_client(self, link: _Link) -> None:
        options = self.options
        if options.session == "off":
            self._attach(link, "plain")
            return self._read_frames(link, None, 0)
        with self._lock:
            session = self._session
            extra = {0x07: _u64(int(self._absence * 1000))}
            if session is not None:
                session.attempt += 1
                extra[0x81] = session.ident
                extra[0x82] = proof(session.secret, session.ident, session.attempt)
                extra[0x83] = _u64(session.attempt, session.received, session.consumed)
            link.outgoing.append(handshake(HELLO, self._fields(link, extra, session)))
            self._attach(link, "asked")
        wait = options.session_timeout if session is None and options.session == "prefer" else 5.0
        self._read_frames(link, time.monotonic() + wait, 0)

    def _fields(self, link: _Link, extra: Dict[int, bytes], session: Optional[_Session]) -> Dict[int, bytes]:
        limit = self._raise_limit(session) if session else max(0, self.options.receive_bytes - self._held)
        fields = {0x01: _u64(1, 1), 0x04: _INSTANCE, 0x02: _u64(self.options.max_message_bytes),
                  0x03: _u64(int(self.options.ping * 1000)), 0x05: _u64(limit), **extra}
        fields[0x0A] = _u64(3 if link.encrypted else 2)  # bit 1: this end reads metadata
        if self.options.name:
            fields[0x0B] = self.options.name.encode()
        return fields

    def _attach(self, link: _Link, mode: str) -> None:
        with self._lock:
            if self._over:
                link.kill()
                raise _Broken("the connection is closed")
            link.on_idle = lambda: self._check_alive(link)
            self._link, self._pinged = link, time.monotonic()
            self._set_mode(mode)

    def _set_mode(self, mode: str) -> None:
        self._mode = mode
        if mode in ("plain", "session"):
            self._was_ready = True
            if self._away:
                self._away = False
                log.warning("connected again")
        self._changed.notify_all()
        self._work.notify_all()

    def _check_alive(self, link: _Link) -> None:
        silence = time.monotonic() - link.heard
        if self._mode in ("session", "answered") and silence > self.options.peer_timeout:
            raise _Broken("the other end was silent for {:.0f} s".format(silence))

    def _detach(self, link: Optional[_Link]) -> None:
        """The link is over. What was not acknowledged waits for the next one."""
        if link is None:
            return
        link.kill()
        with self._lock:
            link.close()
            if self._link is not link:
                return
            self._link, self._absent_since = None, time.monotonic()
            self._ack_at = self._pong = None
            self._changed.notify_all()
            self._work.notify_all()

    def _read_frames(self, link: _Link, deadline: Optional[float], damaged: int) -> None:
        """The base protocol, until a session begins. Returns only by an exception."""
        first, start, heard, options = True, True, 0, self.options  # no frame yet, no byte yet
        while True:
            if self._mode == "answered":
                if not link.wait(3, deadline):
                    raise _Broken("the client sent nothing after WELCOME")
                if link.peek(3) != MAGIC[:3]:
                    self._begin(link)
                    return self._read_records(link)
                if options.session == "require":
                    raise ProtocolError("the client continued without the required session")
                with self._lock:
                    void, self._session, deadline = self._session, None, None
                    self._set_mode("plain")
                if self._server is not None and void is not None:
                    self._server._sessions.pop(void.ident, None)
            if link.wait(1, deadline) and link.peek(1) not in (MAGIC[:1], PROBE[:1]):
                if link.peek(1) == b"\x15":
                    raise AuthError("the other end uses encryption: give key or tls")
                raise ProtocolError("the other end does not speak serpy v2: its first byte is {}".format(
                    link.peek(1).hex()))
            if not link.wait(14, deadline):
                deadline = None
                if self._mode == "asked" and (self._session is not None or options.session == "require"):
                    raise _Broken("the other end did not answer the request for a session")
                if self._mode == "new" and options.session == "require":
                    raise _Broken("the client did not request the required session")
                if self._mode == "asked":
                    with self._lock:
                        self._set_mode("plain")
                elif self._server is not None:
                    self._server._add(self)
                continue
            head = bytes(link.read(14))
            begins, start = start, False
            if begins and head == PROBE and self._server is not None:
                with self._lock:
                    link.outgoing.append(AUTO_ANSWER * (2 if options.session == "off" else 1))
                    self._work.notify()
                continue
            magic, kind, check, size = _HEADER.unpack(head)
            if magic != MAGIC:
                raise ProtocolError("the other end does not speak serpy v2: it sent {}".format(head[:5].hex()))
            if size > max(options.max_message_bytes, 4096):
                raise ProtocolError("the other end sent a message of {:,} bytes; at most {:,} are accepted: raise "
                                    "max_message_bytes".format(size, options.max_message_bytes))
            payload = bytearray()
            while len(payload) < size:
                payload += link.read(min(65_536, size - len(payload)))
            total = checksum(payload)
            if check == total:
                if self._mode == "new":
                    if options.session == "require":
                        raise ProtocolError("the client did not request the required session")
                    with self._lock:
                        self._set_mode("plain")
                value = decode(kind, payload, options.arrays)
                heard += 1
                self._arrived(value, size + _COST)
            elif kind == BYTES and check == total ^ _M32 and self._greeted(link, bytes(payload), first, heard):
                if self._mode == "session":
                    return self._read_records(link)
                deadline = time.monotonic() + 5
            elif head != AUTO_ANSWER:
                damaged += 1
                if damaged & (damaged - 1) == 0:  # a peer that damages all of them does not fill the log
                    log.warning("%d damaged message%s discarded", damaged, " was" if damaged == 1 else "s were")
                if damaged > 256:
                    raise ProtocolError("the other end sent more than 256 damaged messages")
            first = False

    def _arrived(self, value: Any, cost: int) -> None:
        """A message outside of a session. If the queue is full, nothing more is read."""
        if self._server is not None:
            self._server._add(self)
        with self._lock:
            self._changed.wait_for(lambda: self._over or self._held < self.options.receive_bytes)
            self._inbox.append((value, 0, cost, None, {}))
            self._held += cost
            self._readable.notify()

    def _greeted(self, link: _Link, payload: bytes, first: bool, heard: int) -> bool:
        """Processes a HELLO or WELCOME. False: it is none, or comes at the wrong time."""
        if self._server is not None:
            hello = read_handshake_or_refuse(self, link, payload) if first and self._mode == "new" else None
            if hello is None or self.options.session == "off":
                return False
            self._server._hello(self, link, hello)
            return True
        with self._lock:
            if self._mode != "asked" and not (self._mode == "plain" and link.plain_sent == 0):
                return False
            welcome = read_handshake(WELCOME, payload)
            if welcome is None or self.options.session == "off":
                return False
            self._welcome(link, welcome, heard)
            return True

    def _welcome(self, link: _Link, fields: Dict[int, bytes], heard: int) -> None:
        reason = fields.get(0x06, b"").decode(errors="replace")
        if 0x84 in fields or 0x08 in fields:
            if 0x08 not in fields or 0x09 not in fields or _ints(fields[0x09])[0] != heard:
                raise _Broken("the WELCOME of the other end is not legal")
            if self._session is not None:
                log.warning("the session was lost: %s", reason or "the other end has a new one")
                self._lose(_ints(fields[0x84])[0] if fields.get(0x84) else None)
            ident = fields[0x08]
            self._session = _Session(ident[:16], ident[16:], max(0, self.options.receive_bytes - self._held))
            received = consumed = 0
        elif 0x83 in fields:
            session = self._session
            received, consumed = _ints(fields[0x83])[:2]
            if session is None:
                raise _Broken("the other end resumed a session that was not requested")
            if not session.acked <= received <= session.most_sent or consumed > received:
                self._lose(None)
                raise _Broken("the other end resumed at an impossible position")
        else:
            error = ConnectionClosed("the other end refused the session: {}".format(reason or "it gave no reason"))
            if not self._was_ready:
                self._finish(error)
            raise _Broken(str(error))
        self._resume(link, fields, received, consumed)

    def _resume(self, link: _Link, fields: Dict[int, bytes], received: int, consumed: int) -> None:
        """The session begins or continues on this link, after what the other end has received."""
        session = self._session
        assert session is not None
        self._peer_largest, ping, limit = (_ints(fields[number])[0] for number in (0x02, 0x03, 0x05))
        self._peer_ping = ping / 1000
        if self.options.ping_interval:
            self._ping = min(max(self.options.ping, self._peer_ping), self.options.peer_timeout / 2)
        else:
            self._ping = 0.0
        self.peerName = _name_of(fields.get(0x0B, b""))
        link.trusted = link.encrypted and bool(fields.get(0x0A, b"\0")[0] & 1)
        self._acknowledge(session, received, consumed, limit)
        self._queue.extendleft(reversed(self._flight))
        self._flight.clear()
        session.sent = received
        self._set_mode("session")
        self._ack(0)

    def _begin(self, link: _Link) -> None:
        """The first record of a client's new session has arrived."""
        with self._lock:
            self._set_mode("session")
        if self._server is not None:
            self._server._add(self)

    def _read_records(self, link: _Link) -> None:
        """The records of a session. Returns only by an exception."""
        if self._server is not None:
            self._server._add(self)
        waiting, progress, seen = False, time.monotonic(), 0

        def idle() -> None:
            nonlocal progress, seen
            self._check_alive(link)
            if waiting and link.buffered >= seen + 1024:
                progress, seen = time.monotonic(), link.buffered
            elif waiting and time.monotonic() - progress > 2 * self.options.peer_timeout:
                raise _Broken("a record of the other end does not arrive completely")
            if waiting and self._peer_ping and time.monotonic() - link.heard < self._peer_ping:
                with self._lock:
                    self._ack(self._peer_ping)

        link.on_idle = idle
        while True:
            waiting = False
            head = bytes(link.read(12))
            waiting, progress, seen = True, time.monotonic(), 0
            word, low, check = struct.unpack("<III", head)
            size, kind = word & 0xFFFFFF, word >> 24
            base = kind & 0x9F
            if size > (1_048_576 if base == DATA else 2048):
                raise _Broken("a record of the other end is longer than any can be: its bytes are damaged")
            while link.buffered < size and not link.wait(size, time.monotonic() + 1):
                idle()
            payload = link.read(size)
            if not link.trusted and check_of(head[:8], payload) != check:
                raise _Broken("a record of the other end is damaged")
            with self._lock:
                if self._link is not link or self._over:
                    raise _Broken("the link was replaced")
                self._record(link, base, kind, low, payload)

    def _record(self, link: _Link, base: int, kind: int, low: int, payload: memoryview) -> None:
        session = self._session
        assert session is not None
        if base == DATA:
            if low != session.received & _M32:
                raise _Broken("the other end continued at another offset")
            if session.received + len(payload) > session.limit:
                raise ProtocolError("the other end sent more than this end accepts")
            session.feed(payload, self._deliver, self.options.max_message_bytes)
            if kind & WAITS_CONSUMED:
                session.flagged = session.received
            now = kind & (WAITS_RECEIVED | WAITS_CONSUMED) or session.received - self._acked_received > 2_097_152
            self._ack(0 if now else 0.02)
        elif base == ACK:
            if len(payload) < 24:
                raise ProtocolError("the other end sent an ACK that is too short")
            received, consumed, limit = _ints(payload[:24])
            if received > session.most_sent or consumed > session.most_sent:
                raise ProtocolError("the other end acknowledged what was not sent")
            self._acknowledge(session, received, consumed, limit)
            if self._server is not None and len(payload) >= 32:
                self._absence = _ints(payload[24:32])[0] / 1000
        elif base == PING:
            self._pong = bytes(payload[:8])
            if len(payload) < 8:
                raise ProtocolError("the other end sent a PING that is too short")
            self._work.notify()
        elif base == CLOSE:
            if len(payload) < 8:
                raise ProtocolError("the other end sent a CLOSE that is too short")
            if _ints(payload[:8])[0] != session.received:
                raise _Broken("the other end closed at another offset")
            reason = str(payload[8:], "utf-8", "replace")
            self._finish(ConnectionClosed("the other end closed the connection" + (reason and ": " + reason), True))
        elif base == RETRACT:
            if len(payload) < 8:
                raise ProtocolError("the other end sent a RETRACT that is too short")
            if low != session.received & _M32:
                raise _Broken("the other end retracted at another offset")
            session.retract(session.received, _ints(payload[:8])[0])
            log.warning("the other end retracted a message whose memory had changed")
            self._ack(0.02)
        elif kind & 0x80:
            raise ProtocolError("the other end sent a record of the type {:02x}, which is not known".format(kind))

    def _acknowledge(self, session: _Session, received: int, consumed: int, limit: int) -> None:
        session.acked = max(session.acked, received)
        session.peer_consumed = max(session.peer_consumed, consumed)
        session.peer_limit = max(session.peer_limit, limit)
        while self._flight and self._flight[0].end <= session.acked:
            self._queued_bytes -= self._flight.popleft().size
        while self._queue and 0 <= self._queue[0].start and self._queue[0].end <= session.acked:
            self._queued_bytes -= self._queue.popleft().size  # it had arrived although the link broke
        self._changed.notify_all()
        self._work.notify()

    def _deliver(self, kind: int, payload: bytearray, end: int) -> None:
        """A frame of the stream is complete."""
        if kind == PART:
            return self._stream_part(payload)
        if kind == REQUEST:
            return self._request_part(payload)
        cost, about = len(payload) + _COST, {}
        if kind == ABOUT:
            kind, payload, about = read_about(payload)
        self._inbox.append((decode(kind, payload, self.options.arrays), end, cost, self._session, about))
        self._held += cost
        self._readable.notify()

    # ·· byte streams and requests ··

    def _stream_part(self, payload: bytearray) -> None:
        if len(payload) < 17:
            raise ProtocolError("the other end sent a part of a stream that is too short")
        what, number, position = struct.unpack_from("<BQQ", payload)
        stream, data = self._incoming.get(number), memoryview(payload)[17:]
        if what == 0 and stream is None:
            if len(self._incoming) + len(self._streams) >= 64:
                self._put(_part(4, number, 0, b"too many streams are open"))
                return
            stream = self._incoming[number] = ByteStream(self, number, position)
            self._streams.append(stream)
        elif what == 4 and number in self._outgoing:
            reason = str(data[:1024], "utf-8", "replace")
            self._outgoing[number] = StreamError("the receiver cancelled the stream" + (reason and ": " + reason))
            self._changed.notify_all()
        elif stream is not None and what in (1, 2):
            if position != stream._arrived:
                raise ProtocolError("a part of a byte stream is missing")
            stream._arrived += len(data) if what == 1 else 0
            if what == 2:
                stream._complete = True
                del self._incoming[number]
            elif len(data):
                stream._parts.append(data)
                self._held += len(data)
        elif stream is not None and what == 3:
            reason = str(data[:1024], "utf-8", "replace")
            stream._error = StreamError("the sender aborted the stream" + (reason and ": " + reason))
            del self._incoming[number]
        self._readable.notify_all()

    def _request_part(self, payload: bytearray) -> None:
        if len(payload) < 16:
            raise ProtocolError("the other end sent a request that is too short")
        what, kind, number = struct.unpack_from("<BB6xQ", payload)
        data = memoryview(payload)[16:]
        asked = self._asked.get(number)
        if what == 0:
            if number in self._to_answer:
                raise ProtocolError("the other end used the number of an open request again")
            if len(self._to_answer) >= 4096:
                raise ProtocolError("the other end has more than 4,096 unanswered requests")
            decode(kind, data, False)
            self._to_answer[number] = kind, data
            self._held += len(data) + _COST
            self._requests.append(number)
            if self._workers < 8:
                self._workers += 1
                self._start(self._answer_loop)
        elif what == 3:
            self._answered(number)
        elif what == 2:
            if len(data) < 1 or len(data) < 1 + data[0]:
                raise ProtocolError("the other end sent a failure that is shorter than its code")
            if asked is not None:
                code, text = (str(part, "utf-8", "replace") for part in (data[1:1 + data[0]], data[1 + data[0]:]))
                asked.error, asked.done = RequestFailed("the other end did not answer the request: " + text, code), True
        elif what == 1:
            value = decode(kind, bytearray(data), self.options.arrays)
            if asked is not None:
                asked.answer, asked.done = value, True
        self._changed.notify_all()

    def _answered(self, number: int) -> bool:
        """The request is over. False: it was before."""
        kind_data = self._to_answer.pop(number, None)
        if kind_data is not None:
            self._release(len(kind_data[1]) + _COST)
        return kind_data is not None

    def _answer_loop(self) -> None:
        """Answers requests until there are none."""
        while True:
            with self._lock:
                if not self._requests or self._over:
                    self._workers -= 1
                    return
                number = self._requests.popleft()
                if number not in self._to_answer:
                    continue
                kind, data = self._to_answer[number]
                self._changed.wait_for(lambda: self._request_handler() or self._over, 1.0)
                handler, session = self._request_handler(), self._session
            try:
                if handler is None:
                    raise SerpyError("there is no onRequest here")
                answer_kind, parts = encode(handler(decode(kind, bytearray(data), self.options.arrays)))
                answer = _request(1, number, answer_kind, parts)
            except Exception as error:
                code = str(getattr(error, "code", "") or type(error).__name__).encode()[:255]
                answer = _request(2, number, 0, [bytes([len(code)]) + code + _cut(str(error))])
            with self._lock:
                if self._session is session and self._answered(number) and not self._over:
                    self._put(answer)

    def _request_handler(self) -> Optional[Handler]:
        return self._handler or (self._server._handler if self._server is not None else None)

    # ·· ends ··

    def _lose(self, received: Optional[int]) -> None:
        """The session is over, and the connection continues. What was sent of it has an unknown fate."""
        session, self._session = self._session, None
        if session is not None and received is not None:
            self._session = session
            self._acknowledge(session, min(received, session.most_sent), 0, 0)
            self._session = None
        entries = list(self._flight) + list(self._queue)
        unsent = [e for e in entries if e.start < 0 and (
            e.kind not in (PART, REQUEST) or (e.kind == REQUEST and e.parts[0][0] == 0))]
        unknown, kept = [e for e in entries if e.start >= 0], set(map(id, unsent))
        for entry in entries:
            entry.lost = id(entry) not in kept
        self._flight.clear()
        self._queue = collections.deque(unsent)
        self._queued_bytes = sum(e.size for e in unsent)
        self.lost = [decode(e.kind, b"".join(e.parts)) for e in unknown if e.kind not in (PART, REQUEST)]
        if self.lost:
            log.warning("%d messages may or may not have arrived: see the attribute `lost`", len(self.lost))
        self._end_exchanges(DeliveryUnknown("the session was lost"), unsent)

    def _end_exchanges(self, error: SerpyError, kept: List[_Entry]) -> None:
        for stream in list(self._incoming.values()):
            stream._error = StreamError("the stream is not complete: {}".format(error))
        self._incoming.clear()
        for number in self._outgoing:
            self._outgoing[number] = self._outgoing[number] or StreamError("the stream may not have arrived: {}".format(error))
        for asked in self._asked.values():
            if not asked.done and asked.entry not in kept:
                asked.error, asked.done = DeliveryUnknown("the request may or may not have been executed: {}".format(
                    error)), True
        for number in list(self._to_answer):
            self._answered(number)
        self._requests.clear()
        self._readable.notify_all()
        self._changed.notify_all()

    def _finish(self, error: ConnectionClosed) -> None:
        """The connection is over. Messages that arrived can still be read."""
        with self._lock:
            if self._over is not None:
                return
            self._over = error
            self._end_exchanges(error, [])
            unknown = [e for e in list(self._flight) + list(self._queue) if e.kind not in (PART, REQUEST)]
            self.lost = [decode(e.kind, b"".join(e.parts)) for e in unknown] or self.lost
            for condition in (self._work, self._readable, self._changed):
                condition.notify_all()
            if self._link is not None:
                self._link.kill()
        if self._server is not None:
            self._server._remove(self)


def _again(error: ConnectionClosed) -> ConnectionClosed:
    """The same error for another call."""
    return type(error)(str(error), error.clean)


def _cut(text: str) -> bytes:
    return text.encode(errors="replace")[:1024].decode(errors="ignore").encode()


def read_handshake_or_refuse(connection: Connection, link: _Link, payload: bytes) -> Optional[Dict[int, bytes]]:
    """A HELLO. If it is malformed, or no common version exists, the client learns why."""
    try:
        hello = read_handshake(HELLO, payload)
        if hello is None:
            return None
        oldest, newest = _ints(hello[0x01])
        if not oldest <= 1 <= newest:
            raise _Broken("no common version")
        if 0x81 in hello and not (0x82 in hello and len(hello.get(0x83, b"")) == 24):
            raise _Broken("a field is missing")
        return hello
    except _Broken as error:
        link.send([handshake(WELCOME, connection._fields(link, {0x06: str(error).encode()}, None))])
        link.end()
        raise


# ── Server ──────────────────────────────────────────────────────────────────────────────────────


class Server:
    """Accepts connections. `getConnection` returns the next one, and `for connection in server` each of them.

    With port 0 the system chooses a port: see `address`. The keyword arguments are those of `Options`.
    """

    def __init__(self, adr: str = "127.0.0.1", port: int = 5001, nb_conn: int = 16, **options: Any) -> None:
        self.adr, self.port, self.nb_conn = adr, port, nb_conn
        self.options = Options(**options)
        self._lock = threading.RLock()
        self._arrived = threading.Condition(self._lock)
        self._all: List[Connection] = []  # also those whose client has not been identified yet
        self._added: List[Connection] = []
        self._new: Deque[Connection] = collections.deque()
        self._sessions: Dict[bytes, Connection] = {}
        self._handler: Optional[Handler] = None
        self._socket: Optional[socket.socket] = None
        self._links = 0
        self._closed = False

    @property
    def address(self) -> Tuple[str, int]:
        return self.adr, self.port

    def start(self) -> "Server":
        """Begins to listen."""
        family = socket.AF_INET6 if ":" in self.adr else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            if os.name != "nt":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self.adr, self.port))
            listener.listen(64)
        except OSError:
            listener.close()
            raise
        self.port, self._socket = listener.getsockname()[1], listener
        threading.Thread(target=self._accept_loop, daemon=True, name="serpy accept").start()
        return self

    def getConnection(self, timeout: Optional[float] = None) -> Connection:
        """The next new connection."""
        with self._lock:
            if self._socket is None and not self._closed:
                raise SerpyError("call start() first")
            if not self._arrived.wait_for(lambda: self._new or self._closed, timeout):
                raise SerpyTimeout("no client connected within {} s".format(timeout))
            if not self._new:
                raise ConnectionClosed("the server is closed", True)
            return self._new.popleft()

    def getConnectionsList(self) -> List[Connection]:
        with self._lock:
            return list(self._added)

    def readableConnections(self) -> List[Connection]:
        return [c for c in self.getConnectionsList() if c.isDataAvailable()]

    def __iter__(self) -> Iterator[Connection]:
        while True:
            try:
                yield self.getConnection()
            except ConnectionClosed:
                return

    def __len__(self) -> int:
        return len(self._added)

    def onRequest(self, handler: Optional[Handler]) -> None:
        """The function that answers the requests of all connections that have none of their own."""
        self._handler = handler
        for connection in list(self._all):
            with connection._lock:
                connection._changed.notify_all()

    def closeServer(self) -> None:
        """Closes all connections, and stops listening."""
        with self._lock:
            self._closed = True
            self._arrived.notify_all()
            connections = list(self._all)
            if self._socket is not None:
                try:
                    self._socket.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                self._socket.close()
        closers = [threading.Thread(target=c.close) for c in connections]
        for closer in closers:
            closer.start()
        for closer in closers:
            closer.join()

    close = closeServer

    def __enter__(self) -> "Server":
        return self.start() if self._socket is None else self

    def __exit__(self, *_: object) -> None:
        self.closeServer()

    def _accept_loop(self) -> None:
        assert self._socket is not None
        while not self._closed:
            try:
                sock, _ = self._socket.accept()
            except OSError as error:
                if self._closed:
                    return
                log.warning("a client was not accepted: %s", error)
                time.sleep(0.1)  # such as too many open files
                continue
            with self._lock:
                if self._links >= 2 * self.nb_conn:
                    log.warning("a client was rejected: there are too many")
                    sock.close()
                    continue
                self._links += 1
            threading.Thread(target=self._serve, args=(sock,), daemon=True, name="serpy client").start()

    def _serve(self, sock: socket.socket) -> None:
        """One link, from its first byte to its last."""
        connection = Connection.__new__(Connection)
        connection._setup(self.options, self)
        with self._lock:
            self._all.append(connection)
        link: Optional[_Link] = None
        try:
            link = _Link(sock, self.options, True)
            connection._start(connection._write_loop)
            connection._attach(link, "new")
            wait = 5.0 if self.options.session == "require" else 0.1
            connection._read_frames(link, time.monotonic() + wait, 0)
        except _Resumed as resumed:
            with connection._lock:
                connection._link = None  # the link belongs to the session now
            connection._finish(ConnectionClosed("the client resumed its session", True))
            self._run_resumed(resumed.connection, link)  # type: ignore[arg-type]
        except Exception as error:
            self._ended(connection, link, error)
        finally:
            with self._lock:
                self._links -= 1

    def _run_resumed(self, connection: Connection, link: _Link) -> None:
        try:
            connection._read_records(link)
        except Exception as error:
            self._ended(connection, link, error)

    def _ended(self, connection: Connection, link: Optional[_Link], error: Exception) -> None:
        if not isinstance(error, (_Broken, OSError, SerpyError)):
            log.error("the reader failed", exc_info=error)
        in_session = connection._mode == "session" and not isinstance(error, ProtocolError)
        connection._detach(link)
        if in_session and not connection._close_sent:
            return  # the session waits for its client
        if isinstance(error, ConnectionClosed):
            log.warning("a client was disconnected: %s", error)
            connection._finish(error)
        else:
            connection._finish(ConnectionClosed(str(error), connection._closing or str(error).endswith("the connection")))

    def _hello(self, connection: Connection, link: _Link, hello: Dict[int, bytes]) -> None:
        """Answers a HELLO: with a new session, or by resuming one."""
        lost: Dict[int, bytes] = {}
        if 0x81 in hello:
            other = self._sessions.get(hello[0x81])
            if other is not None and self._may_resume(other, link, hello):
                raise _Resumed(other)
            lost = {0x06: b"unknown session", 0x84: b""}
        with connection._lock:
            ident = os.urandom(48)
            connection._session = session = _Session(ident[:16], ident[16:], self.options.receive_bytes)
            connection._absence = _ints(hello[0x07])[0] / 1000
            extra = {**lost, 0x08: ident, 0x09: _u64(link.plain_sent)}
            link.outgoing.append(handshake(WELCOME, connection._fields(link, extra, None)))
            session.identity = link.identity
            connection._resume(link, hello, 0, 0)
            if lost:
                session.peer_limit = 0  # the limit of HELLO is that of the lost session
            connection._ack_at = None
            connection._set_mode("answered")
            with self._lock:
                self._sessions[ident[:16]] = connection

    def _may_resume(self, connection: Connection, link: _Link, hello: Dict[int, bytes]) -> bool:
        """Checks the proof. If it is right, the old link ends, and the session continues on the new one."""
        attempt, received, consumed = _ints(hello[0x83])
        with connection._lock:
            session = connection._session
            if session is None or connection._over or attempt <= session.attempt or session.identity != link.identity:
                return False
            session.attempt = attempt
            right = hmac.compare_digest(proof(session.secret, session.ident, attempt), hello[0x82])
            if not right or not session.acked <= received <= session.most_sent or consumed > received:
                return False
            old = connection._link
            if old is not None:
                old.kill()
            connection._link = None
            connection._absence = _ints(hello[0x07])[0] / 1000
            position = {0x83: _u64(session.received, session.consumed)}
            link.outgoing.append(handshake(WELCOME, connection._fields(link, position, session)))
            connection._resume(link, hello, received, consumed)
            connection._attach(link, "session")
            return True

    def _add(self, connection: Connection) -> None:
        if connection._emitted:
            return
        with self._lock:
            absent = next((c for c in self._added if c._link is None), None)
            full = len(self._added) >= self.nb_conn
        if full and absent is not None:
            absent._finish(ConnectionClosed("the client was away, and others needed its place"))
        with self._lock:
            if connection._over:
                return
            if len(self._added) >= self.nb_conn:
                raise _Broken("there are too many clients")
            connection._emitted = True
            self._added.append(connection)
            self._new.append(connection)
            self._arrived.notify()

    def _remove(self, connection: Connection) -> None:
        with self._lock:
            for group in (self._all, self._added):
                if connection in group:
                    group.remove(connection)
            if connection._session is not None:
                self._sessions.pop(connection._session.ident, None)


class _Resumed(Exception):
    """The client of a link resumes the session of this connection."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self.connection = connection
