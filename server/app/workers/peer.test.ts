import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, test } from 'node:test';
import { deserialize, serialize } from 'node:v8';
import { Refusal } from '#lib/errors.ts';
import { OciError } from '#oci/errors.ts';
import { type Channel, connectPeer, type Methods } from './peer.ts';

/** An end of a channel that serializes as Node.js does between processes. */
class End extends EventEmitter implements Channel {
  connected = true;
  other: End | undefined;
  sent = 0;

  send(message: unknown): void {
    const bytes = serialize(message);
    this.sent += 1;
    setImmediate(() => {
      if (this.connected) this.other?.emit('message', deserialize(bytes));
    });
  }

  disconnect(): void {
    for (const end of [this, this.other]) {
      if (end === undefined) continue;
      end.connected = false;
      end.emit('disconnect');
    }
  }
}

function channel(): [End, End] {
  const [one, other] = [new End(), new End()];
  one.other = other;
  other.other = one;
  return [one, other];
}

const gone = 'The other process has ended.';

function peers<Theirs extends Methods<keyof Theirs & string>>(methods: Theirs) {
  const [near, far] = channel();
  connectPeer(far, { ...methods }, gone);
  return { near, far, peer: connectPeer<Theirs>(near, {}, gone) };
}

describe('processes that call each other', () => {
  test('answer each call with its own output, in any order', async () => {
    const { peer } = peers({
      async after({ turns, value }: { turns: number; value: Uint8Array }) {
        for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
        return value;
      },
    });
    const asked = [5, 0, 3].map((turns) =>
      peer.call('after', { turns, value: new Uint8Array([turns]) }),
    );
    assert.deepEqual(
      (await Promise.all(asked)).map((value) => [...value]),
      [[5], [0], [3]],
    );
  });

  test('send what one turn of the event loop gives as one message', async () => {
    const { near, far, peer } = peers({ double: (input: number) => input * 2 });
    const asked = Array.from({ length: 100 }, (_, input) => peer.call('double', input));
    assert.equal((await Promise.all(asked)).at(-1), 198);
    assert.equal(near.sent, 1);
    assert.equal(far.sent, 1);
  });

  test('hear of refusals as refusals, and of the rest as errors', async () => {
    const { peer } = peers({
      refuse(kind: 'refusal' | 'oci' | 'other') {
        if (kind === 'refusal') throw new Refusal('conflict', 'No.');
        if (kind === 'oci') throw new OciError('TAG_INVALID', 'No such tag.');
        throw new TypeError('No type.');
      },
    });
    await assert.rejects(peer.call('refuse', 'refusal'), (error) => {
      return error instanceof Refusal && error.kind === 'conflict' && error.message === 'No.';
    });
    await assert.rejects(peer.call('refuse', 'oci'), (error) => {
      return error instanceof OciError && error.code === 'TAG_INVALID';
    });
    await assert.rejects(peer.call('refuse', 'other'), { name: 'TypeError', message: 'No type.' });
  });

  test('name the call or the answer that cannot be sent, and spare those beside it', async () => {
    const { peer } = peers({
      echo: (input: unknown) => input,
      answerFunction: () => () => {},
    });
    const [before, call, answer, after] = await Promise.allSettled([
      peer.call('echo', 1),
      peer.call('echo', () => {}),
      peer.call('answerFunction'),
      peer.call('echo', 2),
    ]);
    assert.deepEqual(before, { status: 'fulfilled', value: 1 });
    assert.deepEqual(after, { status: 'fulfilled', value: 2 });
    for (const result of [call, answer]) {
      assert(result?.status === 'rejected');
      assert.match(String(result.reason), /could not be cloned/);
    }
  });

  test('refuse what waits for a process that has ended, and what is asked of it later', async () => {
    const { near, peer } = peers({ wait: () => new Promise(() => {}) });
    const waiting = peer.call('wait');
    await new Promise(setImmediate);
    near.disconnect();
    const isGone = (error: unknown) =>
      error instanceof Refusal && error.kind === 'unavailable' && error.message === gone;
    await assert.rejects(waiting, isGone);
    await assert.rejects(peer.call('wait'), isGone);
  });
});
