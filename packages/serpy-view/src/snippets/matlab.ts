/** Snippets for MATLAB R2020b or later, without a toolbox. */
import type { ArrayFileSnippet, ConnectionSnippet, ValueFileSnippet } from './description.js';
import { commented, matlabQuoted, pathOf } from './quote.js';

const classes: Readonly<Record<string, string>> = {
  bool: 'uint8',
  int8: 'int8',
  uint8: 'uint8',
  int16: 'int16',
  uint16: 'uint16',
  int32: 'int32',
  uint32: 'uint32',
  int64: 'int64',
  uint64: 'uint64',
  float32: 'single',
  float64: 'double',
};

export function matlabArrays({ folder, file, dtype, shape, headerBytes, unit }: ArrayFileSnippet): string {
  const type = classes[dtype];
  if (type === undefined)
    return `% MATLAB cannot map elements of the type ${commented(dtype)}: export them with "serpy export FOLDER OUT.h5", and use h5read\n`;
  const [rows = 1, columns = 1, ...more] = [...shape].reverse();
  const size = [rows, columns, ...more].join(' ');
  const turned = shape.length < 2 ? '' : '.'.concat("'");
  const comment = unit === undefined ? '' : ` % ${commented(unit)}`;
  const last =
    shape.length > 2
      ? 'permute(file.Data(end).array, ndims(file.Data(end).array):-1:1)'
      : `file.Data(end).array${turned}`;
  return `file = memmapfile(${matlabQuoted(pathOf(folder, file))}, "Offset", ${headerBytes}, "Format", {'${type}', [${size}], 'array'});
disp(numel(file.Data)); % the number of arrays
last = ${last}; % MATLAB stores columns, numpy rows
disp(last);${comment}
`;
}

export function matlabValues({ folder, file }: ValueFileSnippet): string {
  return `lines = readlines(${matlabQuoted(pathOf(folder, file))}, "EmptyLineRule", "skip");
for line = lines.'
    message = jsondecode(line);
    disp(message.value);
end
`;
}

export function matlabConnection(given: ConnectionSnippet): string {
  const { role, protocol, host, port, security, unit } = given;
  if (security !== 'none')
    return `% MATLAB has no key of serpy. On this computer, give it an unencrypted copy, and connect to 127.0.0.1:5002:
% serpy hub URL --key-file FILE --serve serpy2://127.0.0.1:5002
`;
  const comment = unit === undefined ? '' : ` % ${commented(unit)}`;
  const open =
    role === 'connect'
      ? `peer = tcpclient(${matlabQuoted(host)}, ${port}, "Timeout", 60);`
      : `peer = tcpserver(${matlabQuoted(host)}, ${port}, "Timeout", 60); % R2021a or later`;
  if (protocol === 'lines')
    return `${open}
configureTerminator(peer, "LF");
while true
    disp(readline(peer));${comment}
end
`;
  if (protocol === 'v1')
    return `${open}
configureTerminator(peer, 31);
while true
    block = char(readline(peer));
    if startsWith(block, [char(1), 'SETMODE'])
        write(peer, uint8([1, 'ACKMODCG', 31]));
    elseif ~isempty(block) && block(1) ~= 1
        disp(block);${comment} % mode 0: text and numbers
    end
end
`;
  const first =
    protocol === 'auto' && role === 'connect'
      ? 'write(peer, [probe, magic, uint8([0x81, 255, 255, 255, 255, 0, 0, 0, 0])]); % this end speaks v2, without a session\n'
      : '';
  return `magic = uint8([0xDE, 0xCA, 0xFE, 0xCA, 0xFE]);
probe = uint8([1, 'SETMODE0', 31, 31, 31, 31, 31]);
${open}
${first}while true
    header = uint8(read(peer, 14));
    if isequal(header, probe), continue; end
    assert(isequal(header(1:5), magic), "not a message");
    count = double(typecast(header(11:14), "uint32"));
    payload = uint8([]);
    if count > 0, payload = uint8(read(peer, count)); end
    if mod(sum(double(payload)), 4294967296) ~= double(typecast(header(7:10), "uint32")), continue; end
    switch header(6)
        case 0x01, disp(typecast(payload, "int64"));${comment}
        case 0x21, disp(native2unicode(payload, "UTF-8"));
        case 0x11, disp(char(payload)); % the float in base 16, such as 0x1.58p+4
        otherwise, disp(numel(payload)); % bytes; an array is a .npy
    end
end
`;
}
