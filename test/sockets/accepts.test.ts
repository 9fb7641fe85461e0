import net from 'node:net';
import { expect, it } from 'vitest';
import { acceptHandles, type AcceptedHandle } from '../../core/src/sockets/accepts.ts';

const given = { handles: [] as unknown[], errors: [] as Error[] };
const accept = (server: object): boolean =>
  acceptHandles(server as net.Server, (handle) => void given.handles.push(handle), (error) => void given.errors.push(error));

it('gives each handle, and what failed as the error that node:net would have made', () => {
  const handle: AcceptedHandle = { setNoDelay: () => 0 };
  const listening = { onconnection(_status: number, _accepted: unknown): void {} };
  expect(accept({ _handle: listening })).toBe(true);
  listening.onconnection(0, handle);
  listening.onconnection(-24, undefined);
  expect(given.handles).toEqual([handle]);
  expect(given.errors).toMatchObject([{ message: 'accept EMFILE', code: 'EMFILE', errno: -24, syscall: 'accept' }]);
});

it('leaves a server alone whose handle is not as expected', () => {
  const onconnection = (): void => {};
  const other = { onconnection };
  expect([accept({}), accept({ _handle: null }), accept({ _handle: {} }), accept({ _handle: other })]).toEqual([false, false, false, false]);
  expect(other.onconnection).toBe(onconnection);
});

it('finds what it expects in this Node', async () => {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  expect(accept(server)).toBe(true);
  server.close();
});
