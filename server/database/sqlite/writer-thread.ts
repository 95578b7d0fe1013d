import {
  type MessagePort,
  parentPort,
  receiveMessageOnPort,
  workerData,
} from 'node:worker_threads';
import type { Durability } from '../database.ts';
import { transactionOver } from '../handles.ts';
import { migrate } from '../migrations/migrate.ts';
import { loadWrites, type RegisteredWrites } from '../registered-writes.ts';
import type { SqliteConnection } from './connection.ts';
import { packError } from './crossing.ts';
import { openForWriting } from './files.ts';
import { commitTogether, type Outcome, type QueuedWrite } from './group-commit.ts';
import type { FromWriter, ToWriter, WriteResult, WriterSettings } from './messages.ts';

/** Bounds how long the first of a batch waits for the last. */
const longestBatch = 256;

type Connections = Record<Durability, SqliteConnection>;
type Pending = QueuedWrite & { readonly id: number };

if (parentPort) await start(parentPort, workerData);

async function start(port: MessagePort, settings: WriterSettings): Promise<void> {
  try {
    const registered = await loadWrites(new URL(settings.writes));
    const connections: Connections = {
      durable: openForWriting(settings.folder, 'durable'),
      transient: openForWriting(settings.folder, 'transient'),
    };
    await bringUpToDate(connections.durable, 'durable');
    await bringUpToDate(connections.transient, 'transient');
    serve(port, registered, connections);
    send(port, { kind: 'ready' });
  } catch (error) {
    send(port, { kind: 'unable', error: packError(error) });
  }
}

async function bringUpToDate(connection: SqliteConnection, kind: Durability): Promise<void> {
  const { transaction, end } = transactionOver('sqlite', connection.lend, 'A migration');
  connection.run('begin immediate');
  try {
    await migrate({ dialect: 'sqlite', holds: [kind], transaction });
    connection.run('commit');
  } catch (error) {
    if (connection.isInTransaction()) connection.run('rollback');
    throw error;
  } finally {
    end();
  }
}

function serve(port: MessagePort, registered: RegisteredWrites, connections: Connections): void {
  const queue: ToWriter[] = [];
  let working = false;

  port.on('message', async (message: ToWriter) => {
    queue.push(message);
    if (working) return;
    working = true;
    while (takeAll()) await work();
    working = false;
  });

  /** Takes what has arrived meanwhile, without a turn of the event loop. */
  function takeAll(): boolean {
    for (;;) {
      const arrived = receiveMessageOnPort(port);
      if (!arrived) return queue.length > 0;
      queue.push(arrived.message);
    }
  }

  async function work(): Promise<void> {
    const batch: Record<Durability, Pending[]> = { durable: [], transient: [] };
    const messages = queue.splice(0, longestBatch);
    for (const message of messages) {
      if (message.kind === 'close') continue;
      const operation = registered.get(message.name);
      if (!operation) throw new Error(`The writer thread does not know the write ${message.name}`);
      batch[operation.durability].push({ operation, input: message.input, id: message.id });
    }
    // Transient writes wait for no sync, so they go first.
    for (const kind of ['transient', 'durable'] as const) {
      const pending = batch[kind];
      if (pending.length === 0) continue;
      reply(port, await commitTogether(connections[kind], pending), pending);
    }
    if (messages.some((message) => message.kind === 'close')) close();
  }

  function close(): void {
    connections.transient.close();
    connections.durable.close();
    port.close();
  }
}

function reply(port: MessagePort, outcomes: readonly Outcome[], pending: readonly Pending[]): void {
  const results = outcomes.flatMap((outcome, index): WriteResult[] => {
    const id = pending[index]?.id;
    if (id === undefined) return [];
    return outcome.kept
      ? [{ id, kept: true, output: outcome.output }]
      : [{ id, kept: false, error: packError(outcome.error) }];
  });
  try {
    send(port, { kind: 'results', results });
  } catch {
    for (const result of results) replyAlone(port, result);
  }
}

/** Names the one whose answer cannot be cloned, and spares the others of its batch. */
function replyAlone(port: MessagePort, result: WriteResult): void {
  try {
    send(port, { kind: 'results', results: [result] });
  } catch (error) {
    const packed = packError(error);
    send(port, { kind: 'results', results: [{ id: result.id, kept: false, error: packed }] });
  }
}

function send(port: MessagePort, message: FromWriter): void {
  port.postMessage(message);
}
