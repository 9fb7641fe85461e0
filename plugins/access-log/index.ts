/** `accessLog()`: one line for every exchange, whoever answered it and however it ended. */
import { resolve } from 'node:path';
import { definePlugin, SteelyardError } from '@steelyard/sdk';
import type { Host } from '@steelyard/sdk';
import { commonLine, jsonLine } from './lines.ts';
import type { LineOptions } from './lines.ts';
import { openSink } from './sink.ts';
import type { LibraryOfLogs, Sink } from './sink.ts';

export interface AccessLogOptions {
  /** `common` and `combined` as Apache and NCSA wrote them, or `json`: one object a line, with all that is known. Default `combined`. */
  format?: 'combined' | 'common' | 'json';
  /** `stdout`, or the path of a file: made with mode 0640, appended to, opened anew by a reload. Default `stdout`. */
  destination?: string;
  /** Whether queries are logged, of the target and of `Referer`, and its fragment. Default false, since they hold tokens: what is behind `?` or `#` reads `***`. */
  query?: boolean;
  /** Whether the user name of `Authorization: Basic` is logged (never the password). Default false: some interfaces take a key as the name. */
  user?: boolean;
  /** The longest that a line waits to be written with others. Milliseconds, 1 to 60,000; default 250. */
  flushMs?: number;
}

/** Not more often than this is trouble with the destination told. Milliseconds. */
const TROUBLE_EVERY_MS = 60_000;

export default definePlugin<AccessLogOptions>({
  name: 'access-log',
  description: 'one line for every exchange: common, combined or JSON',
  options: {
    format: { type: 'string', enum: ['combined', 'common', 'json'], default: 'combined' },
    destination: { type: 'string', minLength: 1, default: 'stdout' },
    query: { type: 'boolean', default: false },
    user: { type: 'boolean', default: false },
    flushMs: { type: 'integer', minimum: 1, maximum: 60_000, default: 250 },
  },
  async setup({ format, destination, query, user, flushMs }, host) {
    const sink = await claimSink(destination, host);
    const options: LineOptions = { query, user, combined: format === 'combined' };
    const toLine = format === 'json' ? jsonLine : commonLine;
    host.hooks.onResponse.tap((exchange, result) => {
      sink.write(toLine(exchange, result, host.wallTime() - result.durationMs, options));
    });
    host.every(flushMs, () => sink.flush());
    // The lines of this generation's last exchanges; the sink itself may live on in the next one.
    host.defer(() => sink.drain());
  },
});

/**
 * The destination is one object for all generations, so that an old one that drains does not write into a file that was rotated away:
 * each set-up opens the path anew, and from then on every generation's lines go there.
 */
async function claimSink(destination: string, host: Host): Promise<Sink> {
  const library = await loadPino();
  const path = destination === 'stdout' ? '' : resolve(destination);
  let isNew = false;
  const open = (): Promise<Sink> => {
    isNew = true;
    return openSink(path, library);
  };
  const sink = await host.shared(`destination:${path}`, open, (closing: Sink) => closing.close());
  if (!isNew) await sink.reopen();

  const dropped = host.counter('access_log_dropped_lines_total', { help: 'Lines that the destination did not take in time.' });
  let toldAt = -Infinity;
  sink.onTrouble = (reason, droppedLines) => {
    if (droppedLines > 0) dropped.add(droppedLines);
    if (host.now() - toldAt < TROUBLE_EVERY_MS) return;
    toldAt = host.now();
    host.log.warn({ destination, reason, droppedLines }, 'the access log cannot be written');
  };
  return sink;
}

async function loadPino(): Promise<LibraryOfLogs> {
  try {
    return await import('pino');
  } catch (thrown) {
    throw new SteelyardError('ERR_PLUGIN_DEPENDENCY', { message: 'access-log needs the package pino', hint: 'npm install pino', source: 'plugin', cause: thrown });
  }
}
