/** Snippets for Python: a peer of v1, v2 or lines without a package of serpy for Node, and numpy for files. */
import type { ArrayFileSnippet, ConnectionSnippet, ValueFileSnippet } from './description.js';
import { commented, pathOf, quoted } from './quote.js';

export function pythonArrays({ folder, file, shape, unit }: ArrayFileSnippet): string {
  const what = commented(`the shape is (number, ${shape.join(', ')})${unit === undefined ? '' : `, the unit ${unit}`}`);
  return `import numpy

arrays = numpy.load(${quoted(pathOf(folder, file))}, mmap_mode="r")  # reads what you use
print(arrays.shape, arrays.dtype)  # ${what}
print(arrays[-1])
`;
}

export function pythonValues({ folder, file }: ValueFileSnippet): string {
  return `import json

with open(${quoted(pathOf(folder, file))}, encoding="utf-8") as lines:
    for line in lines:
        message = json.loads(line)
        print(message["wallMs"], message["type"], message["value"])
`;
}

export function pythonConnection(given: ConnectionSnippet): string {
  const { protocol, security } = given;
  const modules = ['socket', ...(protocol === 'lines' ? [] : protocol === 'v1' ? ['base64'] : ['struct'])];
  const secure = security === 'none' ? [] : security === 'key' ? ['hashlib', 'hmac', 'ssl', 'base64'] : ['ssl'];
  const needsNumpy = protocol !== 'lines' && (given.values === undefined || given.values === 'array');
  const imports = [...new Set([...modules, ...secure, ...(needsNumpy ? ['io'] : [])])].sort();
  return [
    `import ${imports.join(', ')}`,
    ...(needsNumpy ? ['import numpy'] : []),
    '',
    ...reading(given, needsNumpy),
    '',
    ...(security === 'none' ? [] : [...encryption(given), '']),
    ...connecting(given),
    '',
  ].join('\n');
}

function reading({ protocol }: ConnectionSnippet, needsNumpy: boolean): readonly string[] {
  const array = needsNumpy ? ['numpy.load(io.BytesIO(data)) if data[:6] == b"\\x93NUMPY" else data'] : ['data'];
  if (protocol === 'lines')
    return [
      'def messages(peer):',
      '    for line in peer.makefile("r", encoding="utf-8", errors="replace"):',
      '        yield line.rstrip("\\r\\n")',
    ];
  return protocol === 'v1' ? readingV1(array[0] as string) : readingV2(array[0] as string);
}

function readingV1(value: string): readonly string[] {
  return [
    'def messages(peer):',
    '    mode, rest = 0, b""',
    '    while received := peer.recv(65536):',
    '        *blocks, rest = (rest + received).split(b"\\x1f")',
    '        for block in blocks:',
    '            if block.startswith(b"\\x01SETMODE"):',
    '                mode = int(block[8:])',
    '                peer.sendall(b"\\x01ACKMODCG\\x1f")',
    '            elif block and not block.startswith(b"\\x01"):',
    '                if mode in (1, 3, 5):  # acknowledged',
    '                    block = block[:-1]',
    '                    peer.sendall(b"\\x01ACKEOT!!\\x1f")',
    '                data = base64.b85decode(block) if mode >= 2 else block  # modes 4 and 5: a pickle, which is not loaded',
    `                yield ${value} if mode >= 2 else data.decode("utf-8", "replace")`,
  ];
}

function readingV2(value: string): readonly string[] {
  return [
    'magic, probe = b"\\xde\\xca\\xfe\\xca\\xfe", b"\\x01SETMODE0" + b"\\x1f" * 5',
    '',
    'def messages(peer):',
    '    stream = peer.makefile("rb")',
    '    while len(header := stream.read(14)) == 14:',
    '        first, kind, check, length = struct.unpack("<5sBII", header)',
    '        if header == probe:',
    '            continue',
    '        if first != magic:',
    '            raise ValueError("not a message")',
    '        data = stream.read(length)',
    '        if len(data) < length or sum(data) % 2**32 != check:',
    '            continue  # damaged, or a request for a session',
    '        if kind == 0x01:',
    '            yield int.from_bytes(data, "little", signed=True)',
    '        elif kind == 0x11:',
    '            yield float.fromhex(data.decode())',
    '        else:',
    `            yield data.decode() if kind == 0x21 else ${value.includes(' if ') ? `(${value})` : value}`,
  ];
}

/** A key needs Python 3.13: its ssl knows pre-shared keys. */
function encryption({ security, keyFile = 'lab.key', host }: ConnectionSnippet): readonly string[] {
  if (security === 'tls')
    return [
      'context = ssl.create_default_context()  # cafile="ca.pem" for an authority of your own',
      `wrap = lambda peer: context.wrap_socket(peer, server_hostname=${quoted(host)})`,
    ];
  return [
    `text = open(${quoted(keyFile)}).read().strip().translate({ord("+"): "-", ord("/"): "_"}).rstrip("=")`,
    'secret = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))',
    'extracted = hmac.digest(bytes(32), secret, "sha256")',
    'psk = hmac.digest(extracted, b"serpy 1 tls-psk client\\x01", "sha256")',
    'context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # needs Python 3.13',
    'context.minimum_version, context.check_hostname, context.verify_mode = ssl.TLSVersion.TLSv1_3, False, ssl.CERT_NONE',
    'context.set_psk_client_callback(lambda hint: ("serpy client", psk))',
    '',
    'def wrap(peer):',
    '    peer = context.wrap_socket(peer)',
    '    if peer.getpeercert(True) is not None:',
    '        raise ssl.SSLError("the server does not have the key")',
    '    return peer',
  ];
}

function connecting({ role, host, port, protocol, security, values, unit }: ConnectionSnippet): readonly string[] {
  const printed = values === 'array' ? 'value.shape, value.dtype, value' : 'value';
  const comment = unit === undefined ? '' : `  # ${commented(unit)}`;
  const address = `(${quoted(host)}, ${port})`;
  const loop = [`    for value in messages(peer):`, `        print(${printed})${comment}`];
  const wrapped = security === 'none' ? [] : ['    peer = wrap(peer)'];
  if (role === 'listen')
    return [
      `with socket.create_server(${address}) as server:`,
      '    peer, address = server.accept()  # one instrument',
      ...loop,
    ];
  const first =
    protocol === 'auto'
      ? [
          '    peer.sendall(probe + magic + b"\\x81\\xff\\xff\\xff\\xff\\0\\0\\0\\0")  # this end speaks v2, without a session',
        ]
      : [];
  return [`with socket.create_connection(${address}) as peer:`, ...wrapped, ...first, ...loop];
}
