import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import type { AuthorityInformation } from '#contract/trust.ts';
import { repositoryRoot } from '#test/suite.ts';
import { asking, type SignedIn, signIn } from './testing/command-line.ts';

let admin: SignedIn;
before(async () => {
  admin = await signIn();
});
after(() => admin[Symbol.asyncDispose]());

const { json, refused } = asking(() => admin);

function fingerprints({ authorities }: AuthorityInformation): string[] {
  return authorities.map(({ fingerprint }) => fingerprint);
}

test('an authority takes over from another without a moment in which nobody is trusted', async () => {
  const { server } = admin;
  const [old] = fingerprints(await json('authority', 'show'));
  assert.ok(old);
  await refused(/begin with berth authority rotate/, 1, 'authority', 'switch');

  const announced = await json('authority', 'rotate');
  assert.equal(announced.phase, 'announced');
  const [signing, next] = fingerprints(announced);
  assert.ok(next);
  assert.equal(signing, old);
  const bundle = (await server.request('/ca.crt')).body.toString();
  assert.equal(bundle.match(/BEGIN CERTIFICATE/g)?.length, 2);

  // What a machine that berth manages has not: it is told of both by hand.
  const both = ['--fingerprint', old, '--fingerprint', next];
  const rehearsal = ['trust', server.host, '--dry-run', '--runtime', 'docker'];
  assert.equal((await admin.berth([...rehearsal, ...both])).code, 0);
  await refused(/not AA:BB: nothing was changed/, 1, ...rehearsal, '--fingerprint', 'AA:BB');

  assert.deepEqual(fingerprints(await json('authority', 'switch')), [next, old]);
  // The command line that took the step trusts what came of it; whoever trusts only the old one not.
  assert.equal((await json('authority', 'show')).phase, 'switched');
  const stranger = ['login', server.host, '--username', 'admin', '--password-stdin'];
  const onlyOld = await admin.berth([...stranger, '--ca-file', admin.caFile], {
    input: `${admin.adminPassword}\n`,
  });
  assert.equal(onlyOld.code, 1);
  assert.match(onlyOld.stderr, /certificate/);

  assert.deepEqual(fingerprints(await json('authority', 'retire')), [next]);
  assert.equal((await json('authority', 'show')).phase, 'steady');
});

test('docs/certificates.md can be typed from top to bottom', async () => {
  const page = readFileSync(join(repositoryRoot, 'docs/certificates.md'), 'utf8');
  const commands = [...page.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block = '']) =>
    block.trim().split('\n'),
  );
  assert.ok(commands.length >= 4);
  for (const command of commands) {
    const [program, ...given] = command.split(' ');
    assert.equal(program, './berth', command);
    const { code, stderr } = await admin.berth(given);
    assert.equal(code, 0, `${command}\n${stderr}`);
  }
});

test('a node that has not heard of the next authority holds the switch, until it is forced', async () => {
  const database = new DatabaseSync(join(admin.server.folder, 'database', 'berth.sqlite'));
  const insert = (sql: string, ...values: (string | number)[]) =>
    database.prepare(sql).run(...values);
  insert(
    "insert into clusters (id, name, settings, checks, created_at) values (1, 'prod', '{}', '[]', 0)",
  );
  insert(
    "insert into cluster_nodes (cluster_id, name, report, trust, updated_at) values (1, 'node-1', ?, 'trusted', 0)",
    JSON.stringify({ trust: { state: 'trusted', authorities: 'of-the-earlier-ones' } }),
  );
  database.close();

  await json('authority', 'rotate', '--no-wait');
  assert.deepEqual((await json('authority', 'show')).followers, {
    trusting: 0,
    waiting: [{ cluster: 'prod', node: 'node-1' }],
  });
  await refused(/prod\/node-1 do not trust the next authority yet/, 1, 'authority', 'switch');
  assert.equal((await json('authority', 'switch', '--force')).phase, 'switched');
});
