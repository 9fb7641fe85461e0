/** The table: every case of every requirement. */
import type { Case } from './case.ts';
import { chunks } from './cases/chunks.ts';
import { connections } from './cases/connection.ts';
import { fields } from './cases/fields.ts';
import { hosts } from './cases/host.ts';
import { requestFraming } from './cases/request-framing.ts';
import { requestLine } from './cases/request-line.ts';
import { responses } from './cases/responses.ts';
import { switching } from './cases/switching.ts';

export const TABLE: readonly Case[] = [...requestFraming, ...requestLine, ...hosts, ...fields, ...chunks, ...connections, ...switching, ...responses];

export function titleOf({ row, name }: Case): string {
  return `row ${row}: ${name}`;
}
