/** A small WebSocket server (RFC 6455) for tests: it returns messages as they came, and does a few things on demand. */
import { createHash } from 'node:crypto';
import type net from 'node:net';
import { rawOrigin, type Origin } from './origin.ts';

/** RFC 6455 §1.3. */
const ACCEPT_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
export const TEXT = 1;
export const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

export interface WebSocketOrigin extends Origin {
  /** Close frames that came: code and reason. */
  readonly closes: { code: number; reason: string }[];
  /** Heads of the upgrade requests. */
  readonly heads: string[];
  /** How connections ended: the error's code, '' = in order. */
  readonly ends: string[];
  /** Bytes written so far, over all connections. */
  bytesWritten: number;
}

/** Text `ping:x` is answered by a ping of x, and its pong by `pong:x`; `bye` by a close of 1001; everything else is returned. */
export async function webSocketOrigin(): Promise<WebSocketOrigin> {
  const seen = { closes: [] as { code: number; reason: string }[], heads: [] as string[], ends: [] as string[], bytesWritten: 0 };
  const origin: Origin = await rawOrigin((socket) => {
    let waiting = Buffer.alloc(0);
    let isOpen = false;
    let error = '';
    const send = (bytes: Buffer): void => {
      result.bytesWritten += bytes.length;
      socket.write(bytes);
    };
    socket.on('error', (thrown) => (error = 'code' in thrown ? String(thrown.code) : thrown.message));
    socket.on('close', () => result.ends.push(error));
    socket.on('end', () => socket.end());
    socket.on('data', (bytes: Buffer) => {
      waiting = Buffer.concat([waiting, bytes]);
      if (!isOpen) {
        const end = waiting.indexOf('\r\n\r\n');
        if (end < 0) return;
        const head = waiting.subarray(0, end).toString('latin1');
        waiting = waiting.subarray(end + 4);
        result.heads.push(head);
        send(switchingTo(head));
        isOpen = true;
      }
      for (let read = readFrame(waiting); read; read = readFrame(waiting)) {
        waiting = waiting.subarray(read.end);
        obey(read, send, socket, result.closes);
      }
    });
  });
  const result: WebSocketOrigin = Object.assign(origin, seen);
  return result;
}

function switchingTo(head: string): Buffer {
  const key = /^sec-websocket-key: *(.*)$/im.exec(head)![1]!.trim();
  const accept = createHash('sha1').update(key + ACCEPT_SUFFIX).digest('base64');
  return Buffer.from(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
}

function obey({ opcode, payload }: Frame, send: (bytes: Buffer) => void, socket: net.Socket, closes: { code: number; reason: string }[]): void {
  const text = payload.length < 200 ? payload.toString() : '';
  if (opcode === CLOSE) {
    closes.push({ code: payload.length >= 2 ? payload.readUInt16BE(0) : 1005, reason: payload.subarray(2).toString() });
    send(frame(CLOSE, payload.subarray(0, 2)));
    socket.end();
  } else if (opcode === PONG) {
    send(frame(TEXT, Buffer.from(`pong:${text}`)));
  } else if (opcode === PING) {
    send(frame(PONG, payload));
  } else if (opcode === TEXT && text.startsWith('ping:')) {
    send(frame(PING, payload.subarray(5)));
  } else if (opcode === TEXT && text === 'bye') {
    send(frame(CLOSE, Buffer.from([1001 >> 8, 1001 & 255])));
  } else {
    send(frame(opcode, payload));
  }
}

interface Frame {
  opcode: number;
  payload: Buffer;
  /** Position behind it. */
  end: number;
}

/** A whole frame of a client (RFC 6455 §5.2), or `undefined`. Clients mask, and this one does not fragment. */
function readFrame(bytes: Buffer): Frame | undefined {
  if (bytes.length < 6) return undefined;
  if ((bytes[0]! & 0x70) !== 0 || (bytes[1]! & 0x80) === 0) throw new Error('a frame with reserved bits, or without a mask');
  let length = bytes[1]! & 0x7f;
  let at = 2;
  if (length === 126) {
    length = bytes.readUInt16BE(at);
    at += 2;
  } else if (length === 127) {
    if (bytes.length < 14) return undefined;
    length = Number(bytes.readBigUInt64BE(at));
    at += 8;
  }
  const end = at + 4 + length;
  if (bytes.length < end) return undefined;
  const mask = bytes.subarray(at, at + 4);
  const payload = Buffer.from(bytes.subarray(at + 4, end));
  for (let i = 0; i < length; i++) payload[i]! ^= mask[i & 3]!;
  return { opcode: bytes[0]! & 0x0f, payload, end };
}

/** A frame of a server: whole and not masked. */
function frame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = 0x80 | opcode;
  head[1] = length < 126 ? length : length < 65_536 ? 126 : 127;
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
}
