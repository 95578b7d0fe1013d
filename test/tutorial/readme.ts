/** What the README's commands may begin with: a new one has to be made runnable here first. */
const programs = ['npm', 'sudo', './berth', 'docker', 'helm', 'kubectl', 'curl', 'echo'];

/** What the README tells its reader to replace. */
export const placeholders = ['FINGERPRINT', 'PASSWORD'] as const;

/**
 * The command lines of a document's `sh` blocks, in order.
 * @throws {Error} for one that the test cannot run as its reader would
 */
export function commandsOf(document: string): string[] {
  return [...document.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
    .filter(([, language]) => isShell(language ?? ''))
    .flatMap(([, , block = '']) => linesOf(block))
    .map(checked);
}

function isShell(language: string): boolean {
  if (language === 'sh') return true;
  if (['bash', 'shell', 'console', ''].includes(language)) {
    throw new Error(`A block of the README is ${language || 'of no language'}: mark commands sh.`);
  }
  return false;
}

/** A quoted text, or a line that ends in a backslash, goes on in the next line. */
function linesOf(block: string): string[] {
  const commands: string[] = [];
  for (const line of block.trimEnd().split('\n')) {
    const last = commands.at(-1);
    if (last !== undefined && isOpen(last)) commands.splice(-1, 1, `${last}\n${line}`);
    else commands.push(line);
  }
  return commands;
}

function isOpen(command: string): boolean {
  return command.endsWith('\\') || (command.split("'").length - 1) % 2 === 1;
}

function checked(command: string): string {
  const bare = command.replaceAll(/'[^']*'|"[^"]*"/g, "''").replaceAll('\\\n', ' ');
  for (const part of bare.split(/\|\|?|&&|;|\n/)) {
    const [program = ''] = part.trim().split(/\s+/);
    if (!programs.includes(program)) {
      throw new Error(`The README runs ${program || 'nothing'} in ${JSON.stringify(command)}.`);
    }
  }
  const unknown = bare.match(/\b[A-Z]{3,}\b/g)?.filter((word) => !isPlaceholder(word)) ?? [];
  if (unknown.length > 0) {
    throw new Error(`The README does not say what ${unknown.join(', ')} stands for.`);
  }
  return command;
}

function isPlaceholder(word: string): boolean {
  return placeholders.some((placeholder) => placeholder === word);
}
