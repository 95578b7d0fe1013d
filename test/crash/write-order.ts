import { dirname } from 'node:path';
import { type Moment, openFileOf, stringsOf, succeeded } from '#test/trace.ts';

/** What a part of a trace must hold for an acknowledgement to be true. */
export interface Step {
  readonly what: string;
  /** Positions of the moments that prove it: without them the check objects. */
  readonly moments: readonly number[];
}

/** The steps of a write in their order, or the first that is missing. */
export type Verdict = { readonly steps: readonly Step[] } | { readonly objection: string };

class Missing extends Error {}

/**
 * Checks that a pushed blob was acknowledged after data sync, rename, folder syncs and commit, each
 * begun after the one before had ended.
 */
export function checkBlob(moments: readonly Moment[], requestId: string): Verdict {
  return verdict(() => {
    const trace = within(moments, requestId);
    const renamed = trace.call('the rename', /^rename/, (text) =>
      /\/uploads\/.*\/blobs\//.test(text),
    );
    const [from = '', to = ''] = stringsOf(trace.at(renamed.end)).map(String);
    const written = trace.lastEnd(/^pwrite/, from, renamed.start);
    const synced = trace.sync('the data sync', from, written, renamed.start);
    const folders = [dirname(to), dirname(from)].map((folder) =>
      trace.sync(`the sync of ${folder}`, folder, renamed.end, trace.reply),
    );
    const commit = checkCommit(trace, Math.max(...folders.map(({ end }) => end)));
    return [
      step('data sync', synced),
      step('rename', renamed),
      ...folders.map((folder) => step('folder sync', folder)),
      ...commit,
    ];
  });
}

/** Checks that a pushed manifest was acknowledged after its commit. */
export function checkManifest(moments: readonly Moment[], requestId: string): Verdict {
  return verdict(() => {
    const trace = within(moments, requestId);
    return checkCommit(trace, trace.request);
  });
}

/** Checks that every folder below `root` was made durable before the first acknowledgement. */
export function checkNewFolders(
  moments: readonly Moment[],
  root: string,
  requestId: string,
): Verdict {
  return verdict(() => {
    const trace = within(moments, requestId);
    const steps: Step[] = [];
    moments.forEach((moment, position) => {
      const made = moment.call.startsWith('mkdir') && moment.phase === 'end' && succeeded(moment);
      const folder = made ? String(stringsOf(moment)[0]) : '';
      if (!folder.startsWith(`${root}/`)) return;
      const parent = dirname(folder);
      const synced = trace.sync(
        `the sync of ${parent} for ${folder}`,
        parent,
        position,
        trace.reply,
      );
      steps.push(step(`sync of ${parent}`, synced));
    });
    return steps;
  });
}

/**
 * Checks that each commit to the durable database was synced by the thread that wrote it, before
 * that thread did anything else that others could see: so does a connection of synchronous=FULL.
 */
export function checkEverySqliteCommit(moments: readonly Moment[]): Verdict {
  return verdict(() => {
    const steps: Step[] = [];
    moments.forEach((moment, position) => {
      if (moment.phase !== 'end' || !endsSqliteCommit(moment)) return;
      const own = moments.findIndex(
        (later, index) =>
          index > position &&
          later.thread === moment.thread &&
          later.phase === 'start' &&
          !(later.call === 'pwrite64' && openFileOf(later)?.endsWith('/berth.sqlite-wal')),
      );
      const next = moments[own];
      if (next === undefined || !isSync(next) || openFileOf(next) !== openFileOf(moment)) {
        throw new Missing(
          `a commit at line ${position} was followed by ${next?.call} ${next?.text.slice(0, 80)}`,
        );
      }
      steps.push({ what: 'sync of a commit', moments: [own] });
    });
    return steps;
  });
}

interface Span {
  readonly start: number;
  readonly end: number;
}

interface Trace {
  readonly request: number;
  readonly reply: number;
  at(position: number): Moment;
  call(what: string, name: RegExp, matches: (text: string) => boolean): Span;
  /** The end of the last such call on a file before a position; the request when there is none. */
  lastEnd(name: RegExp, file: string, before: number): number;
  /** A sync of a file or folder that began after one position and ended before another. */
  sync(what: string, path: string, after: number, before: number): Span;
  /** The first position after another that satisfies, before the reply. */
  find(what: string, after: number, satisfies: (moment: Moment) => boolean): number;
}

/** What happens from the arrival of a request on until its reply begins. */
function within(moments: readonly Moment[], requestId: string): Trace {
  const names = ({ text }: Moment) => text.toLowerCase().includes(`x-request-id: ${requestId}\\r`);
  const request = moments.findIndex((moment) => moment.phase === 'end' && names(moment));
  const reply = moments.findIndex(
    (moment, position) =>
      position > request &&
      moment.phase === 'start' &&
      /^(?:write|send)/.test(moment.call) &&
      names(moment),
  );
  if (request < 0 || reply < 0) throw new Missing(`the request ${requestId} or its reply`);
  const at = (position: number) => moments[position] as Moment;

  function find(what: string, after: number, satisfies: (moment: Moment) => boolean): number {
    for (let position = after + 1; position < reply; position += 1) {
      if (satisfies(at(position))) return position;
    }
    throw new Missing(`${what} before the reply`);
  }

  function endOf(what: string, start: number): number {
    const { thread } = at(start);
    return find(what, start, (moment) => moment.thread === thread && moment.phase === 'end');
  }

  return {
    request,
    reply,
    at,
    find,
    call(what, name, matches) {
      const start = find(
        what,
        request,
        (moment) => moment.phase === 'start' && name.test(moment.call) && matches(moment.text),
      );
      return { start, end: endOf(what, start) };
    },
    lastEnd(name, file, before) {
      for (let position = before - 1; position > 0; position -= 1) {
        const moment = at(position);
        if (moment.phase !== 'end' || !name.test(moment.call)) continue;
        if (openFileOf(moment) === file) return position;
      }
      throw new Missing(`the writing of ${file}`);
    },
    sync(what, path, after, before) {
      for (let start = after + 1; start < before; start += 1) {
        const moment = at(start);
        if (moment.phase !== 'start' || !isSync(moment) || openFileOf(moment) !== path) continue;
        const end = endOf(what, start);
        if (end < before && succeeded(at(end))) return { start, end };
      }
      throw new Missing(what);
    },
  };
}

/** The commit of SQLite or of PostgreSQL, whichever the trace shows, after `after`. */
function checkCommit(trace: Trace, after: number): Step[] {
  const insertion = findOrUndefined(() =>
    trace.find('the insertion', after, (moment) => {
      return (
        moment.phase === 'start' &&
        /insert into \\"(?:repository_blobs|manifests)\\"/.test(moment.text)
      );
    }),
  );
  return insertion === undefined
    ? checkSqliteCommit(trace, after)
    : checkPostgresCommit(trace, insertion);
}

/** Whatever else commits meanwhile, none of it may stand in for the request's own. */
function checkSqliteCommit(trace: Trace, after: number): Step[] {
  const written = trace.find('the commit', after, (moment) => {
    return moment.phase === 'end' && endsSqliteCommit(moment);
  });
  const log = openFileOf(trace.at(written)) ?? '';
  trace.sync('the sync of the commit', log, written, trace.reply);
  const all = Array.from({ length: trace.reply - after }, (_, index) => after + index);
  return [
    { what: 'commit', moments: all.filter((position) => endsSqliteCommit(trace.at(position))) },
    {
      what: 'sync of the commit',
      moments: all.filter((position) => {
        const moment = trace.at(position);
        return isSync(moment) && openFileOf(moment) === log;
      }),
    },
  ];
}

function checkPostgresCommit(trace: Trace, insertion: number): Step[] {
  const socket = openFileOf(trace.at(insertion));
  const says = (moment: Moment, what: RegExp) =>
    openFileOf(moment) === socket && what.test(moment.text);
  const asked = trace.find('the commit', insertion, (moment) => {
    return moment.phase === 'start' && says(moment, /(?:begin|commit)\b/);
  });
  if (says(trace.at(asked), /begin\b/)) throw new Missing('the commit before the reply');
  const answered = trace.find('the answer to the commit', asked, (moment) => {
    const answer = moment.phase === 'end' && says(moment, /COMMIT\\0/);
    return answer || (moment.phase === 'start' && says(moment, /begin\b/));
  });
  if (says(trace.at(answered), /begin\b/)) throw new Missing('the answer to the commit');
  return [
    { what: 'commit', moments: [asked] },
    { what: 'answer to the commit', moments: [answered] },
  ];
}

/** A frame of the write-ahead log ends a commit when it names the size of the database (SQLite, "WAL File Format"). */
function endsSqliteCommit(moment: Moment): boolean {
  if (moment.call !== 'pwrite64' || !openFileOf(moment)?.endsWith('/berth.sqlite-wal'))
    return false;
  const [frame] = stringsOf(moment);
  return frame?.length === 24 && frame.readUInt32BE(4) !== 0;
}

function isSync({ call }: Moment): boolean {
  return call === 'fsync' || call === 'fdatasync';
}

function step(what: string, { start, end }: Span): Step {
  return { what, moments: [start, end] };
}

function findOrUndefined(find: () => number): number | undefined {
  try {
    return find();
  } catch (error) {
    if (error instanceof Missing) return undefined;
    throw error;
  }
}

function verdict(check: () => readonly Step[]): Verdict {
  try {
    return { steps: check() };
  } catch (error) {
    if (error instanceof Missing) return { objection: `missing: ${error.message}` };
    throw error;
  }
}
