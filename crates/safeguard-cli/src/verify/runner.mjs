// Calls a function as it was and as it is with the same arguments, and tells what differs.
//
// One JSON object is read and one is written. The project's code runs in two other processes, which this one starts: they write no file
// and start no process where Node.js can forbid it.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';

const CALL_MS = 1000;
const START_MS = 10_000;
const TEXT_MAX = 2000;
const MEMORY_MB = 512;
const LETTERS = [...'abzABZ019 .,:;-_/\\\'"@%<>{}\n\té☃'];

// What is sent as an argument is text, so that each version has values of its own.
function written(value) {
  if (value === undefined) return 'undefined';
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (value instanceof Date) return `new Date(${value.getTime()})`;
  if (Array.isArray(value)) return `[${value.map(written).join(', ')}]`;
  if (value && typeof value === 'object') {
    return `{${Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${written(item)}`).join(', ')}}`;
  }
  return JSON.stringify(value);
}

function shown(value) {
  const text = inspect(value, { depth: 6, sorted: true, breakLength: Infinity, compact: true, maxArrayLength: 100, maxStringLength: TEXT_MAX });
  return text.slice(0, TEXT_MAX);
}

async function serve({ root, path, name }, lines, say) {
  process.chdir(root);
  const module = await import(pathToFileURL(join(root, path)));
  const found = module[name] ?? module.default?.[name] ?? (module.default?.name === name ? module.default : undefined);
  if (typeof found !== 'function') throw new Error(`\`${name}\` is not exported`);
  say('ready');
  for await (const line of { [Symbol.asyncIterator]: () => lines }) {
    const values = (0, eval)(`[${JSON.parse(line)}]`);
    const before = shown(values);
    let answer;
    try {
      const returned = found(...values);
      answer = ['returned', shown(returned && typeof returned.next === 'function' ? [...returned].slice(0, 100) : returned)];
    } catch (error) {
      answer = ['raised', error instanceof Error ? `${error.name}: ${error.message}` : shown(error)];
    }
    const after = shown(values);
    if (after !== before) answer[1] += `, and its arguments are then ${after}`;
    say(answer);
  }
}

// A process with one of the versions. One that does not answer in time is ended, and another one takes its place.
class Version {
  constructor(request, root) {
    this.question = { root, path: request.path, name: request.function };
    this.start();
  }

  start() {
    const known = process.allowedNodeEnvironmentFlags;
    const permission = ['--permission', '--experimental-permission'].find((flag) => known.has(flag));
    const flags = permission ? [permission, '--allow-fs-read=*'] : [];
    const source = process.execArgv[process.execArgv.indexOf('-e') + 1];
    this.child = spawn(process.execPath, [...flags, '--no-warnings', `--max-old-space-size=${MEMORY_MB}`, '--input-type=module', '-e', source, 'serve'], {
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    });
    this.told = '';
    this.child.stderr.on('data', (piece) => { this.told = (this.told + piece).slice(-TEXT_MAX); });
    // That it is gone is heard from its answers.
    this.child.stdin.on('error', () => {});
    this.lines = createInterface({ input: this.child.stdio[3] })[Symbol.asyncIterator]();
    this.tell(this.question);
    this.ready = this.hear(START_MS);
  }

  why() {
    if (this.told.includes('ERR_UNKNOWN_FILE_EXTENSION')) return `Node.js ${process.version} does not read TypeScript, 22.18 and newer do`;
    return this.told.match(/^\w*Error.*$/m)?.[0] ?? 'its file can not be loaded';
  }

  tell(question) {
    this.child.stdin.write(`${JSON.stringify(question)}\n`);
  }

  async hear(longest) {
    let timer;
    const late = new Promise((done) => { timer = setTimeout(done, longest, { late: true }); });
    const answer = await Promise.race([this.lines.next(), late]);
    clearTimeout(timer);
    if (answer.late) return undefined;
    if (answer.done) return null;
    return JSON.parse(answer.value);
  }

  async called(text) {
    if ((await this.ready) !== 'ready') throw new Error(this.why());
    this.tell(text);
    const answer = await this.hear(CALL_MS);
    if (answer) return answer;
    this.child.kill('SIGKILL');
    this.start();
    return ['raised', answer === null ? 'the end of the process' : `no end within ${CALL_MS / 1000} s`];
  }
}

// Numbers that are always the same (mulberry32).
function chance(seed) {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (((mixed ^ (mixed >>> 14)) >>> 0) % below);
  };
}

// Values of a shape, small ones first; for projects without fast-check.
function values(shape, pool, pick) {
  const inner = (other) => values(other, pool, pick);
  switch (shape.is) {
    case 'number': return [0, 1, -1, 2, 3, 10, 0.5, ...pool.numbers, pick(2000) - 1000, pick(2000) / 100, NaN];
    case 'text': return ['', 'a', '0', ' ', ' a ', 'A b', 'é', ...pool.texts, 'a'.repeat(40)];
    case 'bool': return [false, true];
    case 'null': return [null];
    case 'undefined': return [undefined];
    case 'date': return [new Date(0), new Date(Date.UTC(2024, 1, 29, 23, 59, 59))];
    case 'literal': return [(0, eval)(`(${shape.text})`)];
    case 'list': {
      const items = inner(shape.of);
      return [[], items.slice(0, 1), items.slice(0, 2), [items[0], items[0]], items.slice(1, 5), items.slice(-3).reverse()];
    }
    case 'tuple': return together(shape.of.map(inner), 30, pick);
    case 'record': return together(shape.of.map(([, part]) => inner(part)), 40, pick).map((row) => record(shape, row));
    case 'map': {
      const items = inner(shape.of);
      return [{}, { a: items[0] }, { a: items[0], b: items[1] ?? items[0] }];
    }
    case 'one-of': return shape.of.flatMap(inner);
    default: throw new Error(`there are no values for ${shape.is}`);
  }
}

function record(shape, row) {
  return Object.fromEntries(shape.of.map(([name], at) => [name, row[at]]).filter(([, value]) => value !== undefined));
}

// First each column from its beginning, then by chance.
function together(columns, count, pick) {
  const longest = Math.max(1, ...columns.map((column) => column.length));
  return Array.from({ length: count }, (_, number) =>
    columns.map((column) => column[number < longest ? number % column.length : pick(column.length)]));
}

// Takes the first value of each column that differs in the same way.
async function smaller(columns, row, way, compare) {
  for (const [at, column] of columns.entries()) {
    for (const value of column) {
      const other = row.map((known, number) => (number === at ? value : known));
      if ((await compare(other)) === way) {
        row = other;
        break;
      }
    }
  }
}

function arbitrary(fc, shape, pool) {
  const inner = (other) => arbitrary(fc, other, pool);
  const near = (plain, some) => (some.length ? fc.oneof(plain, fc.constantFrom(...some)) : plain);
  switch (shape.is) {
    case 'number': return near(fc.oneof(fc.integer(), fc.double({ noDefaultInfinity: true })), pool.numbers);
    case 'text': return near(fc.array(fc.constantFrom(...LETTERS)).map((letters) => letters.join('')), pool.texts);
    case 'bool': return fc.boolean();
    case 'date': return fc.date({ noInvalidDate: true });
    case 'list': return fc.array(inner(shape.of), { maxLength: 20 });
    case 'tuple': return fc.tuple(...shape.of.map(inner));
    case 'record': return fc.tuple(...shape.of.map(([, part]) => inner(part))).map((row) => record(shape, row));
    case 'map': return fc.dictionary(fc.constantFrom('a', 'b', 'c'), inner(shape.of));
    case 'one-of': return fc.oneof(...shape.of.map(inner));
    default: return fc.constantFrom(...values(shape, pool));
  }
}

async function drive(request) {
  const until = Date.now() + request.seconds * 1000;
  const versions = [new Version(request, request.base), new Version(request, request.head)];
  const seen = new Map();
  const smallest = new Map();
  // Ways whose smallest call was looked for.
  const settled = new Set();
  const compare = async (row) => {
    const text = row.slice(0, row.findLastIndex((value) => value !== undefined) + 1).map(written).join(', ');
    if (seen.has(text) || Date.now() > until) return seen.get(text);
    const [before, now] = await Promise.all(versions.map((version) => version.called(text)));
    let way;
    if (before[0] !== now[0]) way = now[0] === 'raised' ? 'now-fails' : 'no-longer-fails';
    else if (now[0] === 'raised') way = now[1].split(':')[0] === before[1].split(':')[0] ? undefined : 'fails-otherwise';
    else if (before[1] !== now[1]) way = 'returns-otherwise';
    const known = smallest.get(way);
    if (way && !settled.has(way) && (!known || text.length < known.arguments.length)) {
      smallest.set(way, { way, arguments: text, before: before[1], now: now[1] });
    }
    seen.set(text, way);
    return way;
  };
  const by = await searched(request, compare, settled);
  const differences = [...smallest.values()].sort((left, right) => (left.way < right.way ? -1 : 1));
  return { by, calls: seen.size, differences };
}

async function searched(request, compare, settled) {
  const { shapes, pool, calls } = request;
  let fc;
  try {
    fc = createRequire(join(request.head, 'package.json'))('fast-check');
  } catch {
    const pick = chance(1);
    const columns = shapes.map((shape) => values(shape, pool, pick));
    for (const row of together(columns, calls, pick)) {
      const way = await compare(row);
      if (!way || settled.has(way)) continue;
      await smaller(columns, row, way, compare);
      settled.add(way);
    }
    return 'a small generator';
  }
  for (let round = 0; round < 4; round += 1) {
    let wanted;
    const property = fc.asyncProperty(fc.tuple(...shapes.map((shape) => arbitrary(fc, shape, pool))), async (row) => {
      const way = await compare(row);
      if (way && (way === wanted || (wanted === undefined && !settled.has(way)))) {
        wanted = way;
        return false;
      }
      return true;
    });
    await fc.check(property, { seed: 1, numRuns: calls });
    if (!wanted) break;
    settled.add(wanted);
  }
  return 'fast-check';
}

async function first() {
  for await (const line of createInterface({ input: process.stdin })) return JSON.parse(line);
  throw new Error('nothing is asked');
}

if (process.argv.at(-1) === 'serve') {
  const { writeSync } = await import('node:fs');
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  await serve(JSON.parse((await lines.next()).value), lines, (answer) => writeSync(3, `${JSON.stringify(answer)}\n`));
} else {
  let answer;
  try {
    answer = await drive(await first());
  } catch (error) {
    answer = { error: error.message };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`, () => process.exit(0));
}
