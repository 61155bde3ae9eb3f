/** Parquet: one row for each number, text and Python object, and the metadata of the recording. */
import { closeSync, openSync } from 'node:fs';
import { ByteWriter, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer';
import type { RecordingAbout } from 'serpy-recording';
import { dateOf } from '../environment/system.js';
import { version } from '../version.js';
import { appendAll } from './append-all.js';
import type { Exporter } from './exporter.js';
import { type TableRow, tableRow } from './table-row.js';

/** Rows, or bytes of text, of a group: they are in memory. */
const groupRows = 50_000;
const groupTextBytes = 2 ** 24;

export function parquetExporter(path: string, about: RecordingAbout): Exporter {
  const file = openSync(path, 'wx');
  const bytes = new ByteWriter();
  const drain = () => {
    appendAll(file, new Uint8Array(bytes.buffer, 0, bytes.index));
    bytes.index = 0;
  };
  const writer = new ParquetWriter({
    writer: Object.assign(bytes, { flush: drain, finish: drain }),
    schema: schemaFromColumnData({ columnData: columnsOf([]) }),
    createdBy: `serpy-cli ${version}`,
    kvMetadata: [{ key: 'serpy', value: JSON.stringify(about) }],
  });
  let rows: TableRow[] = [];
  let textBytes = 0;
  const flush = () => {
    if (rows.length > 0) writer.write({ columnData: columnsOf(rows), rowGroupSize: groupRows });
    rows = [];
    textBytes = 0;
  };
  return {
    leavesOut: 'a table has no place for arrays and bytes: --as tiff, .zarr and .h5 hold arrays',
    add(line, read) {
      const row = tableRow(line, read);
      if (row === undefined) return false;
      rows.push(row);
      if (typeof row.value === 'string') textBytes += row.value.length;
      if (rows.length >= groupRows || textBytes >= groupTextBytes) flush();
      return true;
    },
    finish() {
      flush();
      writer.finish();
      closeSync(file);
    },
    abandon: () => closeSync(file),
  };
}

function columnsOf(rows: readonly TableRow[]) {
  return [
    { name: 'n', type: 'INT64' as const, nullable: false, data: rows.map(({ n }) => BigInt(n)) },
    { name: 'time_s', type: 'DOUBLE' as const, nullable: false, data: rows.map(({ timeS }) => timeS) },
    {
      name: 'wall_time',
      type: 'TIMESTAMP' as const,
      nullable: false,
      data: rows.map(({ wallMs }) => dateOf(wallMs)),
    },
    { name: 'type', type: 'STRING' as const, nullable: false, data: rows.map(({ type }) => type) },
    { name: 'from', type: 'STRING' as const, nullable: true, data: rows.map(({ from }) => from ?? null) },
    { name: 'number', type: 'DOUBLE' as const, nullable: true, data: rows.map(numberOf) },
    { name: 'integer', type: 'INT64' as const, nullable: true, data: rows.map(integerOf) },
    { name: 'text', type: 'STRING' as const, nullable: true, data: rows.map(textOf) },
    { name: 'name', type: 'STRING' as const, nullable: true, data: rows.map(({ name }) => name ?? null) },
    { name: 'unit', type: 'STRING' as const, nullable: true, data: rows.map(({ unit }) => unit ?? null) },
  ];
}

function numberOf({ value }: TableRow): number | null {
  return typeof value === 'string' ? null : Number(value);
}

function integerOf({ type, value }: TableRow): bigint | null {
  if (type !== 'int' || typeof value === 'string') return null;
  const integer = BigInt(value);
  return BigInt.asIntN(64, integer) === integer ? integer : null;
}

/** Also the digits of an integer beyond 64 bits. */
function textOf(row: TableRow): string | null {
  if (typeof row.value === 'string') return row.value;
  return typeof row.value === 'bigint' && integerOf(row) === null ? String(row.value) : null;
}
