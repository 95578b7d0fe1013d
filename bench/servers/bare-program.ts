// node bare-program.ts PORT ANSWER: the least that a server on Node.js does for a request.
import { createServer } from 'node:http';
import type { BareAnswer } from './bare.ts';

const [port, text = ''] = process.argv.slice(2);
const { headers, body } = JSON.parse(text) as BareAnswer;
const bytes = Buffer.from(body);

createServer((_, response) => {
  response.writeHead(200, headers);
  response.end(bytes);
}).listen(Number(port), '127.0.0.1');
