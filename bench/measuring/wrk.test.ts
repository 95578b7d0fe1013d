import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOutput } from './wrk.ts';

const output = `Running 1s test @ http://127.0.0.1:5000/v2/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   612.34us  120.00us   5.12ms   95.21%
    Req/Sec    52.10k     1.20k   54.00k    80.00%
  Latency Distribution
     50%  590.00us
     75%  640.00us
     90%  700.00us
     99%    1.20ms
  52345 requests in 1.01s, 51.20MB read
Requests/sec:  51826.73
Transfer/sec:     50.69MB
`;

test('the client tells how many requests it sent, and how long they took', () => {
  const read = readOutput(output);
  assert.equal(read.requests, 52_345);
  assert.ok(Math.abs(read.requestsPerSecond - 52_345 / 1.01) < 0.001);
  assert.equal(read.bytesPerSecond, 50.69 * 1024 ** 2);
  assert.deepEqual(read.latency, { mean: 0.61234, p50: 0.59, p99: 1.2 });
});

test('a request that failed is no measurement', () => {
  assert.throws(() => readOutput(`${output}  Non-2xx or 3xx responses: 4\n`), /responses: 4/);
  const broken = `${output}  Socket errors: connect 0, read 3, write 0, timeout 0\n`;
  assert.throws(() => readOutput(broken), /read 3/);
  assert.throws(() => readOutput('unable to connect'), /No request/);
});
