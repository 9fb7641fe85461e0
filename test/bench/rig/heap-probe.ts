/** Loaded into Steelyard by `--import` where its heap is measured: tells whoever connects how many bytes this thread has ever allocated. */
import { createServer } from 'node:net';
import { getHeapStatistics } from 'node:v8';
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  const server = createServer((socket) => {
    // Counted by V8 since Node 24.11; the types do not know it yet.
    const { total_allocated_bytes: bytes } = getHeapStatistics() as unknown as { total_allocated_bytes: number | undefined };
    socket.end(String(bytes ?? ''));
  });
  server.listen(Number(process.env['BENCH_HEAP_PORT']), '127.0.0.1');
  server.unref();
}
