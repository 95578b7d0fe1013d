import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { readConfig } from './config.ts';
import { secretKeyOf } from './secret-key.ts';

describe('configuration', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'berth-config-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('without settings serves ./data at https://localhost:5000', async () => {
    const config = await readConfig({}, {});
    assert.equal(config.port, 5000);
    assert.equal(config.publicUrl.origin, 'https://localhost:5000');
    assert.ok(config.dataFolder.endsWith('/data'));
  });

  test('a flag goes before the environment, that before berth.yaml', async () => {
    writeFileSync(join(folder, 'berth.yaml'), 'port: 7001\nurl: https://file.test\n');
    const environment = { BERTH_DATA: folder, BERTH_PORT: '7002' };
    assert.equal((await readConfig({}, { BERTH_DATA: folder })).port, 7001);
    assert.equal((await readConfig({}, environment)).port, 7002);
    assert.equal((await readConfig({ port: '7003' }, environment)).port, 7003);
    assert.equal((await readConfig({}, environment)).publicUrl.origin, 'https://file.test');
  });

  test('the default URL follows the port', async () => {
    assert.equal(
      (await readConfig({ port: '7003' }, {})).publicUrl.origin,
      'https://localhost:7003',
    );
  });

  test('traces go to the collector that OpenTelemetry’s variables name, and nowhere else', async () => {
    const { traces } = await readConfig(
      {},
      { ...collector, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25' },
    );
    assert.deepEqual(traces, {
      url: 'http://collector.test:4318/v1/traces',
      serviceName: 'berth',
      attributes: {},
      ratio: 0.25,
      followsCaller: false,
    });
    for (const off of [
      {},
      { ...collector, OTEL_SDK_DISABLED: 'true' },
      { ...collector, OTEL_TRACES_EXPORTER: 'none' },
    ]) {
      assert.equal((await readConfig({}, off)).traces, undefined);
    }
  });

  const collector = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.test:4318/' };
  const wrong: [string, Record<string, string>, RegExp][] = [
    ['a port that is none', { BERTH_PORT: '70000' }, /^BERTH_PORT is not a port.*65535\.$/],
    ['a port set by Kubernetes', { BERTH_PORT: 'tcp://10.0.0.1:443' }, /enableServiceLinks/],
    ['a URL with a path', { BERTH_URL: 'https://a.test/registry' }, /^BERTH_URL must be scheme/],
    ['a URL of another scheme', { BERTH_URL: 'ftp://a.test' }, /^BERTH_URL is not a URL/],
    [
      'another database',
      { BERTH_DATABASE_URL: 'mysql://a' },
      /^BERTH_DATABASE_URL is not a Postgre/,
    ],
    ['no workers', { BERTH_WORKERS: '0' }, /^BERTH_WORKERS is not a number.* 1 to 128, or auto/],
    ['half a TLS pair', { BERTH_TLS_KEY: '/k' }, /BERTH_TLS_CERTIFICATE and BERTH_TLS_KEY belong/],
    ['a short secret key', { BERTH_SECRET_KEY: 'YQ==' }, /^BERTH_SECRET_KEY .*openssl rand/],
    ['a short password', { BERTH_ADMIN_PASSWORD: 'short' }, /^BERTH_ADMIN_PASSWORD must have 8/],
    ['a short token', { BERTH_METRICS_TOKEN: 'short' }, /^BERTH_METRICS_TOKEN .*openssl rand/],
    [
      'a collector that is no URL',
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector' },
      /^OTEL_EXPORTER_OTLP_ENDPOINT is not a URL/,
    ],
    [
      'a collector by gRPC',
      { ...collector, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
      /^OTEL_EXPORTER_OTLP_PROTOCOL is grpc.* 4318\.$/,
    ],
    [
      'an unknown sampler',
      { ...collector, OTEL_TRACES_SAMPLER: 'some' },
      /^OTEL_TRACES_SAMPLER must be one of/,
    ],
    [
      'a share that is none',
      { ...collector, OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '2' },
      /^OTEL_TRACES_SAMPLER_ARG is not a number from 0 to 1/,
    ],
    [
      'another exporter',
      { ...collector, OTEL_TRACES_EXPORTER: 'zipkin' },
      /^OTEL_TRACES_EXPORTER must be otlp or none/,
    ],
    ['a duration that is none', { BERTH_COLLECTION_GRACE: 'day' }, /^BERTH_COLLECTION_GRACE .*24h/],
    ['a level that is none', { BERTH_LOG_LEVEL: 'loud' }, /^BERTH_LOG_LEVEL must be one of error/],
  ];
  for (const [what, environment, expected] of wrong) {
    test(`${what} stops the start with its name and the cure`, async () => {
      await assert.rejects(readConfig({}, environment), {
        name: 'InvalidSetting',
        message: expected,
      });
    });
  }

  test('one process serves unless more are asked for', async () => {
    assert.equal((await readConfig({}, {})).workers, 1);
    assert.equal((await readConfig({ workers: '3' }, {})).workers, 3);
    const { workers } = await readConfig({ workers: 'auto' }, {});
    assert.ok(Number.isInteger(workers) && workers >= 1);
  });

  test('a key of berth.yaml that is no setting stops the start and lists those there are', async () => {
    writeFileSync(join(folder, 'berth.yaml'), 'prot: 7001\n');
    await assert.rejects(
      readConfig({ data: folder }, {}),
      /prot in .* is no setting: there are host, port/,
    );
  });

  test('a berth.yaml that is no YAML stops the start', async () => {
    writeFileSync(join(folder, 'berth.yaml'), 'port: [7001\n');
    await assert.rejects(readConfig({ data: folder }, {}), /berth\.yaml is not valid YAML/);
  });

  test('a misspelt variable is noticed, those of the command line and of Kubernetes are not', async () => {
    const { unknownVariables } = await readConfig(
      {},
      {
        BERTH_PROT: '1',
        BERTH_TOKEN: 'x',
        BERTH_SERVICE_HOST: '10.0.0.1',
        BERTH_PORT_443_TCP: 'y',
        BERTH_IMAGES_SERVICE_HOST: '10.0.0.2',
        BERTH_IMAGES_PORT: 'tcp://10.0.0.2:443',
        BERTH_IMAGES_PORT_443_TCP: 'z',
      },
    );
    assert.deepEqual(unknownVariables, ['BERTH_PROT']);
  });

  test('the secret key is made once, for its owner only', () => {
    const key = secretKeyOf(folder);
    assert.equal(key.length, 32);
    assert.deepEqual(secretKeyOf(folder), key);
    assert.equal(statSync(join(folder, 'secret.key')).mode & 0o777, 0o600);
  });

  test('a damaged secret key is never replaced', () => {
    writeFileSync(join(folder, 'secret.key'), 'damaged\n');
    assert.throws(() => secretKeyOf(folder), /secret\.key is not 32 bytes/);
    assert.equal(readFileSync(join(folder, 'secret.key'), 'utf8'), 'damaged\n');
  });
});
