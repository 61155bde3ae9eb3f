// Draws the charts of the README and of docs/explanation/performance.md from a result of the benchmark, and writes the page's tables.
// Usage: node scripts/charts.mjs bench/published/DATE.json. Without an argument it uses the result that the page names.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup.mjs';

const page = join(root, 'docs', 'explanation', 'performance.md');
const folder = join(root, 'docs', 'charts');

/** The peers of the charts, in the order of the charts, and the peer with the same library that measures requests. */
const peers = [
  ['c', 'C program'],
  ['raw', 'raw TCP (node:net)'],
  ['length-prefix', 'length prefix by hand'],
  ['serpy-v2', 'serpy v2'],
  ['serpy-v2-session', 'serpy v2, session'],
  ['serpy-v2-received', 'serpy v2, session, acknowledged'],
  ['serpy-v2-key', 'serpy v2, key'],
  ['tls', 'bare TLS (node:tls)'],
  ['serpy-v1', 'serpy v1'],
  ['zeromq-dealer', 'ZeroMQ (dealer)', 'zeromq-dealer-request'],
  ['zeromq-dealer-curve', 'ZeroMQ (dealer), CURVE'],
  ['zeromq-req', 'ZeroMQ (REQ/REP)'],
  ['nats', 'NATS'],
  ['nats-tls', 'NATS, TLS'],
  ['ws', 'WebSocket (ws)', 'ws-request'],
  ['ws-corked', 'WebSocket (ws), corked by hand', 'ws-request-corked'],
  ['wss', 'WebSocket over TLS (wss)'],
  ['socket.io', 'socket.io'],
  ['socket.io-recovery', 'socket.io, recovery'],
  ['mqtt-qos0', 'MQTT, QoS 0'],
  ['mqtt-qos1', 'MQTT, QoS 1'],
  ['mqtt-qos1-tls', 'MQTT over TLS, QoS 1'],
  ['py-connection', 'Python multiprocessing'],
];

/** The peers of the table that the charts leave out. */
const onlyInTable = [
  'serpy-v2-received',
  'zeromq-req',
  'nats',
  'nats-tls',
  'ws-corked',
  'socket.io',
  'socket.io-recovery',
  'mqtt-qos1-tls',
];

const charts = [
  {
    file: 'throughput.svg',
    workload: 'blob-1m',
    of: ratio,
    title: 'Messages of 1 MiB: throughput relative to raw TCP',
  },
  { file: 'small-messages.svg', workload: 'small', of: ratio, title: 'Messages of 64 B: rate relative to raw TCP' },
  {
    file: 'cpu.svg',
    workload: 'blob-1m',
    of: number('cpuSecondsPerGigabyte'),
    title: 'Messages of 1 MiB: CPU seconds per GB, both programs (less is better)',
  },
  {
    file: 'latency.svg',
    workload: 'round-trip',
    of: number('p50Us'),
    to: number('p99Us'),
    title: 'Round trip of 64 B on one core: p50 and p99 in µs, logarithmic (less is better)',
  },
];

/** Each column: heading, workload, number, and whether it is that of warm processes. */
const tableColumns = [
  ['1 MiB, MB/s', 'blob-1m', number('megabytesPerSecond')],
  ['1 MiB, × raw', 'blob-1m', ratio],
  ['1 MiB, CPU s/GB, warm', 'blob-1m', number('cpuSecondsPerGigabyte'), 'warm'],
  ['64 B, thousand/s', 'small', number('messagesPerSecond', 1000)],
  ['64 B, × raw', 'small', ratio],
  ['64 B, CPU s/million, warm', 'small', number('cpuSecondsPerMillion'), 'warm'],
  ['round trip p50, µs', 'round-trip', number('p50Us')],
  ['p99, µs', 'round-trip', number('p99Us')],
  ['p50, µs, warm', 'round-trip', number('p50Us'), 'warm'],
  ['acknowledged, thousand/s', 'ack-64', number('messagesPerSecond', 1000)],
  ['requests one by one, thousand/s', 'request-1', number('messagesPerSecond', 1000)],
  ['requests, 64 in flight, thousand/s', 'request-64', number('messagesPerSecond', 1000)],
];

function ratio(summary) {
  return summary?.ratio;
}

function number(name, unit = 1) {
  return (summary) => {
    const spread = summary?.numbers[name];
    return spread && { median: spread.median / unit, min: spread.min / unit, max: spread.max / unit };
  };
}

/** Undefined if the result does not have it: warm processes and requests are missing in older files. */
function summaryOf(results, workloadName, peer, mode = 'fresh') {
  const { workloads = [] } = mode === 'warm' ? (results.warm ?? {}) : results;
  const found = workloads.find(({ workload }) => workload.name === workloadName);
  return found?.summary.find((each) => each.peer === peer);
}

/** Marks a peer with a star if another run measured it. */
function labelOf(label, summary) {
  return summary?.derived ? `${label} *` : label;
}

/** Three significant digits. */
function shown(value) {
  return Number(value.toPrecision(3)).toLocaleString('en-US', { maximumSignificantDigits: 3 });
}

const layout = { labels: 190, bars: 470, values: 110, row: 26, top: 42, bottom: 48 };

/** A horizontal bar for each peer, with the smallest and the largest round; for latency two dots, p50 and p99. */
function chartOf(results, { workload, of, to, title }) {
  const rows = peers
    .filter(([peer]) => !onlyInTable.includes(peer))
    .map(([peer, label]) => {
      const summary = summaryOf(results, workload, peer);
      return { peer, label: labelOf(label, summary), from: of(summary), to: to?.(summary) };
    })
    .filter(({ from }) => from !== undefined);
  const largest = Math.max(...rows.map(({ from, to: end }) => (end ?? from).median)) * (to ? 1 : 1.15);
  const smallest = Math.min(...rows.map(({ from }) => from.median));
  const scale = to
    ? (value) => (layout.bars * Math.log(value / (smallest / 1.5))) / Math.log(largest / (smallest / 1.5))
    : (value) => (layout.bars * Math.min(value, largest)) / largest; // a longer line ends at the edge
  const width = layout.labels + layout.bars + layout.values;
  const height = layout.top + rows.length * layout.row + layout.bottom;
  const lines = rows.map((row, at) => rowOf(row, layout.top + at * layout.row, scale));
  const machine = `${results.machine.cpu}, ${results.machine.cores} cores, Node ${results.machine.node.slice(1)}, ${results.date.slice(0, 10)}`;
  const what = to ? 'left dot: p50, right dot: p99' : 'median; the line is from the smallest to the largest round';
  const note = rows.some(({ label }) => label.endsWith('*')) ? `${what} · ${results.note}` : what;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${title}</title>`,
    '<style>text{font:13px system-ui,sans-serif;fill:#24292f}.h{font-weight:600}.n{font-size:11px;fill:#6e7781}.b{fill:#8c959f}.s{fill:#0969da}.l{stroke:#24292f;stroke-width:1.5}.r{stroke:#57606a;stroke-width:1;opacity:.6}',
    '@media(prefers-color-scheme:dark){text{fill:#e6edf3}.n{fill:#8b949e}.b{fill:#6e7681}.s{fill:#4493f8}.l{stroke:#e6edf3}.r{stroke:#c9d1d9}}</style>',
    `<text class="h" x="8" y="22">${title}</text>`,
    ...lines,
    `<text class="n" x="8" y="${height - 26}">${note}</text>`,
    `<text class="n" x="8" y="${height - 10}">${machine}</text>`,
    '</svg>\n',
  ].join('\n');
}

function rowOf({ peer, label, from, to }, y, scale) {
  const middle = y + layout.row / 2;
  const kind = peer.startsWith('serpy') ? 's' : 'b';
  const x = (value) => Math.round((layout.labels + scale(value)) * 10) / 10;
  const name = `<text x="${layout.labels - 10}" y="${middle + 4}" text-anchor="end">${label}</text>`;
  const line = (a, b) => `<line class="${to ? 'l' : 'r'}" x1="${x(a)}" y1="${middle}" x2="${x(b)}" y2="${middle}"/>`;
  const value = (at, text) => `<text x="${x(at) + 8}" y="${middle + 4}">${text}</text>`;
  if (to) {
    const dot = (at) => `<circle class="${kind}" cx="${x(at)}" cy="${middle}" r="5"/>`;
    const words = `${shown(from.median)} – ${shown(to.median)}`;
    return name + line(from.median, to.median) + dot(from.median) + dot(to.median) + value(to.median, words);
  }
  const width = Math.round(scale(from.median) * 10) / 10;
  const bar = `<rect class="${kind}" x="${layout.labels}" y="${y + 4}" width="${width}" height="${layout.row - 8}" rx="2"/>`;
  const words = `<text x="${layout.labels + layout.bars + 12}" y="${middle + 4}">${shown(from.median)}</text>`;
  return name + bar + line(from.min, from.max) + words;
}

function tableOf(results) {
  const cellOf = ([, workload, of, mode], names) =>
    names.map((peer) => of(summaryOf(results, workload, peer, mode))).find((spread) => spread !== undefined);
  const measured = tableColumns.filter((column) => peers.some(([peer]) => cellOf(column, [peer]) !== undefined));
  const head = ['', ...measured.map(([heading]) => heading)];
  const rows = peers.flatMap(([peer, label, asking]) => {
    const cells = measured.map((column) => cellOf(column, [peer, asking]));
    if (cells.every((cell) => cell === undefined)) return [];
    const isDerived = measured.some(([, workload]) => summaryOf(results, workload, peer)?.derived);
    return [
      [isDerived ? `${label} *` : label, ...cells.map((cell) => (cell === undefined ? '–' : shown(cell.median)))],
    ];
  });
  return table(head, rows);
}

function table(head, rows) {
  const ruler = head.map((_, at) => (at === 0 ? '---' : '--:'));
  return [head, ruler, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** The rows of `npm run bench -- --targets`: a target of warm and of fresh processes is one row. Rows of another command are left out. */
function targetsOf({ targets = [] }) {
  const measured = targets.filter(({ name }) => name !== 'lines');
  if (measured.length === 0) return '';
  const rows = [...new Set(measured.map(({ what }) => what))].map((what) => {
    const [first, fresh] = measured.filter((target) => target.what === what);
    const missed = [first, fresh].filter((target) => target && !isMet(target));
    const verdicts = missed.map((target) => verdictOf(target, target === fresh));
    return [what, ...cellsOf(first), ...cellsOf(fresh), missed.length === 0 ? 'met' : verdicts.join(', ')];
  });
  return `\n${table(['', 'measured', 'target', 'fresh', 'target', 'result'], rows)}\n\n`;
}

function isMet({ measured, target, moreIsBetter }) {
  return moreIsBetter ? measured >= target : measured <= target;
}

function verdictOf({ measured }, isFresh) {
  return `${measured === undefined ? 'not measured' : 'missed'}${isFresh ? ' when fresh' : ''}`;
}

function cellsOf(target) {
  if (target === undefined) return ['', ''];
  const { measured, moreIsBetter, unit } = target;
  return [
    measured === undefined ? '–' : shown(measured),
    `${moreIsBetter ? '≥' : '≤'} ${target.target}${unit && ` ${unit}`}`,
  ];
}

/** Replaces the tables of results and of targets in the page. */
function written(text, file, results) {
  const { machine, rounds, seconds, date } = results;
  const made = `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB; Node ${machine.node}; ${date.slice(0, 10)}; ${rounds} rounds of ${seconds} s.`;
  const note = results.note ? `\n${results.note.replace('*', '\\*')}\n` : '';
  const figures = `${made}${warmOf(results)}\n\n${tableOf(results)}\n${note}`;
  const withFigures = replaced(
    text,
    /<!-- results: \S+ -->[\s\S]*?<!-- end of results -->/,
    `<!-- results: ${file} -->\n\n${figures}\n<!-- end of results -->`,
  );
  return replaced(
    withFigures,
    /<!-- targets -->[\s\S]*?<!-- end of targets -->/,
    `<!-- targets -->\n${targetsOf(results)}<!-- end of targets -->`,
  );
}

/** How the columns of warm processes were measured. */
function warmOf({ warm }) {
  return warm ? ` Warm: ${warm.windows} windows of ${warm.windowSeconds} s.` : '';
}

function replaced(text, form, by) {
  if (!form.test(text)) throw new Error(`performance.md has no place for ${form}`);
  return text.replace(form, () => by);
}

const text = readFileSync(page, 'utf8');
const file = process.argv[2] ?? /<!-- results: (\S+) -->/.exec(text)?.[1];
if (file === undefined) throw new Error('usage: node scripts/charts.mjs bench/published/DATE.json');
const results = JSON.parse(readFileSync(join(root, file), 'utf8'));
if ((results.base ?? 'raw') !== 'raw') throw new Error(`the page compares with raw, and ${file} with ${results.base}`);
mkdirSync(folder, { recursive: true });
for (const chart of charts) writeFileSync(join(folder, chart.file), chartOf(results, chart));
writeFileSync(page, written(text, file, results));
console.log(
  `wrote ${charts.map(({ file: name }) => `docs/charts/${name}`).join(', ')} and the tables of docs/explanation/performance.md`,
);
