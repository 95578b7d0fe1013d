import { base } from './script/base.ts';
import { changes } from './script/changes.ts';
import { detect } from './script/detect.ts';
import { folders } from './script/folders.ts';
import { loop } from './script/loop.ts';
import { provider } from './script/provider.ts';

/** What runs on every node: POSIX sh with `local`, as dash, bash and busybox have it. */
export const nodeScript: string = [base, folders, detect, changes, provider, loop].join('');
