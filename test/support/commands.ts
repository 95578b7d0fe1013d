/** What the commands of a document may be, so that a test can run them all as a reader would. */
export interface Document {
  /** As messages name it: "The README". */
  readonly name: string;
  /** What commands may begin with: a new one has to be made runnable first. */
  readonly programs: readonly string[];
  /** What readers are told to replace. */
  readonly placeholders: readonly string[];
}

/**
 * The command lines of a document's `sh` blocks, in order.
 * @throws {Error} for one that the test cannot run as its reader would
 */
export function commandsOf(text: string, document: Document): string[] {
  return [...text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)]
    .filter(([, language]) => isShell(language ?? '', document))
    .flatMap(([, , block = '']) => linesOf(block))
    .map((command) => checked(command, document));
}

function isShell(language: string, { name }: Document): boolean {
  if (language === 'sh') return true;
  if (['bash', 'shell', 'console', ''].includes(language)) {
    throw new Error(`A block of ${name} is ${language || 'of no language'}: mark commands sh.`);
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

function checked(command: string, { name, programs, placeholders }: Document): string {
  const bare = command.replaceAll(/'[^']*'|"[^"]*"/g, "''").replaceAll('\\\n', ' ');
  for (const part of bare.split(/\|\|?|&&|;|\n/)) {
    const [program = ''] = part.trim().split(/\s+/);
    if (!programs.includes(program)) {
      throw new Error(`${name} runs ${program || 'nothing'} in ${JSON.stringify(command)}.`);
    }
  }
  const unknown =
    bare.match(/\b[A-Z]{3,}\b/g)?.filter((word) => !placeholders.includes(word)) ?? [];
  if (unknown.length > 0) {
    throw new Error(`${name} does not say what ${unknown.join(', ')} stands for.`);
  }
  return command;
}
