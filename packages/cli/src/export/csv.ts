/** CSV (RFC 4180): one row for each number, text and Python object. */
import { BufferedFile } from './buffered-file.js';
import type { Exporter } from './exporter.js';
import { columns, rowFields, tableRow } from './table-row.js';

export function csvExporter(path: string): Exporter {
  const file = new BufferedFile(path);
  file.write(csvLine(columns));
  return {
    leavesOut: 'a CSV has no place for arrays and bytes: --as tiff, .zarr and .h5 hold arrays',
    add(line, read) {
      const row = tableRow(line, read);
      if (row) file.write(csvLine(rowFields(row)));
      return row !== undefined;
    },
    finish() {
      file.flush();
      file.close();
    },
    abandon: () => file.close(),
  };
}

function csvLine(fields: readonly string[]): string {
  return `${fields.map(quoted).join(',')}\r\n`;
}

function quoted(field: string): string {
  return /[",\r\n]|^\s|\s$/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}
