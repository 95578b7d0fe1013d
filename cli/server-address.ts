import { UsageFailure } from './failure.ts';

/** A server as people name it. */
export interface ServerAddress {
  /** `host` or `host:port`: the key of sessions, and the host of image names. */
  readonly name: string;
  readonly protocol: 'http' | 'https';
}

/** @throws {UsageFailure} unless `text` is `[https://|http://]HOST[:PORT]` */
export function parseServerAddress(text: string): ServerAddress {
  const match = /^(?:(https?):\/\/)?([^/\s]+)\/?$/i.exec(text);
  const protocol = match?.[1]?.toLowerCase() === 'http' ? 'http' : 'https';
  const url = URL.parse(`${protocol}://${match?.[2]}`);
  if (
    match === null ||
    url === null ||
    url.username !== '' ||
    !/^[a-z0-9.:[\]_-]+$/i.test(url.host)
  ) {
    throw new UsageFailure(
      `${JSON.stringify(text.slice(0, 200))} names no server: write HOST or HOST:PORT, such as registry.example.com:5000.`,
    );
  }
  return { name: url.host, protocol };
}
