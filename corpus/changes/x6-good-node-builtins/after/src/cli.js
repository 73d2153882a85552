#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { parseArgs, styleText } from 'node:util';
import { summarise } from './summary.js';

if (existsSync('.env')) process.loadEnvFile('.env');

const { values, positionals } = parseArgs({
  options: { top: { type: 'string', short: 'n', default: process.env.LOGSUM_TOP ?? '10' } },
  allowPositionals: true,
});

if (positionals.length !== 1 || !/^\d+$/.test(values.top)) {
  console.error('usage: logsum [--top N] FILE');
  process.exit(2);
}

const lines = (await readFile(positionals[0], 'utf8')).split('\n').filter(Boolean);
for (const { path, count, errors } of summarise(lines).slice(0, Number(values.top))) {
  console.log(`${count}\t${errors ? styleText('red', String(errors)) : 0}\t${path}`);
}
