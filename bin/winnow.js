#!/usr/bin/env node
import { existsSync } from 'node:fs';
import module from 'node:module';

const main = new URL('../dist/cli/main.js', import.meta.url);
const [major, minor] = process.versions.node.split('.').map(Number);

function refuse(message) {
  process.stderr.write(`winnow: ${message}\n`);
  process.exitCode = 1;
}

if (major < 20 || (major === 20 && minor < 19)) {
  refuse(`needs Node 20.19 or newer; this is ${process.version}.`);
} else if (!existsSync(main)) {
  refuse('is not built here. In a clone, start it as ./winnow, which builds it on first use, or run: npm run build');
} else {
  // From Node 22 on, compiled code is kept between starts.
  module.enableCompileCache?.();
  try {
    const { main: start } = await import(main.href);
    process.exit(await start(process.argv.slice(2)));
  } catch (error) {
    if (error?.code !== 'ERR_MODULE_NOT_FOUND' || process.env.WINNOW_DEBUG === '1') throw error;
    refuse(
      `a package it needs is missing (${error.message.split('\n')[0]}). Install it again, in a clone with: npm ci`,
    );
  }
}
