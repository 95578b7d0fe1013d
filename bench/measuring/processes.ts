import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts processor time in hundredths of a second, whatever its own clock: proc(5). */
const ticksPerSecond = 100;

/** Processor time that a process and its descendants have used, in seconds. */
export function cpuSeconds(pid: number): number {
  return sum(pid, (member) => {
    const [utime = 0, stime = 0] = statFields(member).slice(11, 13).map(Number);
    return (utime + stime) / ticksPerSecond;
  });
}

/** Processor time of this process's children that have ended, in seconds. */
export function endedChildrenSeconds(): number {
  const [cutime = 0, cstime = 0] = statFields(process.pid).slice(13, 15).map(Number);
  return (cutime + cstime) / ticksPerSecond;
}

/** Resident memory of a process and its descendants, in bytes; pages that they share count twice. */
export function residentBytes(pid: number): number {
  return sum(pid, (member) => {
    const status = readFileSync(`/proc/${member}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  });
}

function sum(pid: number, of: (member: number) => number): number {
  return [pid, ...descendants(pid)].reduce((total, member) => total + of(member), 0);
}

function descendants(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean),
  );
  return children.map(Number).flatMap((child) => [child, ...descendants(child)]);
}

/** What follows the program's name in /proc/PID/stat, which may itself hold spaces. */
function statFields(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}
