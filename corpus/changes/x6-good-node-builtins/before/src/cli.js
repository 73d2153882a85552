#!/usr/bin/env node
import 'dotenv/config';
import { readFile } from 'node:fs/promises';
import chalk from 'chalk';
import { program } from 'commander';
import { summarise } from './summary.js';

program.argument('<file>').option('--top <n>', 'paths to show', '10').parse();

const [file] = program.args;
const lines = (await readFile(file, 'utf8')).split('\n').filter(Boolean);
for (const { path, count, errors } of summarise(lines).slice(0, Number(program.opts().top))) {
  console.log(`${count}\t${errors ? chalk.red(errors) : 0}\t${path}`);
}
