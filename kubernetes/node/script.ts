import { base } from './script/base.ts';
import { detect } from './script/detect.ts';
import { folders } from './script/folders.ts';
import { loop } from './script/loop.ts';

/** What runs on every node: POSIX sh with `local`, as dash, bash and busybox have it. */
export const nodeScript: string = [base, folders, detect, loop].join('');
