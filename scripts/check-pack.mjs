#!/usr/bin/env node
// The package as a user gets it: packed, listed, installed in an empty folder, and run there, also without ONNX
// Runtime.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const MAX_PACKED_MB = 40;
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'winnow-pack-'));
const home = path.join(work, 'empty');
fs.mkdirSync(home);
let failed = 0;

/** A step says what it found; throwing fails it and the rest goes on as far as it can. */
function step(name, body) {
  const begun = Date.now();
  try {
    const said = body() ?? '';
    process.stdout.write(`ok   ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)${said && `: ${said}`}\n`);
    return true;
  } catch (error) {
    failed += 1;
    process.stdout.write(`FAIL ${name}: ${error.message}\n`);
    return false;
  }
}

function must(condition, message) {
  if (!condition) throw new Error(message);
}

function run(cwd, command, ...args) {
  return spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    timeout: 600_000,
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip', npm_config_loglevel: 'error', INIT_CWD: cwd },
  });
}

function succeed(cwd, command, ...args) {
  const result = run(cwd, command, ...args);
  must(
    result.status === 0,
    `\`${command} ${args.join(' ')}\` ended with ${result.status}\n${result.stdout}${result.stderr}`,
  );
  return result;
}

let tarball = '';
let unpackedFiles = [];
const packed = step('npm pack', () => {
  const [pack] = JSON.parse(
    succeed(ROOT, 'npm', 'pack', '--json', '--pack-destination', work).stdout.replace(/^[^[]*/, ''),
  );
  tarball = path.join(work, pack.filename);
  unpackedFiles = pack.files.map((file) => file.path);
  must(pack.size < MAX_PACKED_MB * 1e6, `${(pack.size / 1e6).toFixed(1)} MB packed, more than ${MAX_PACKED_MB}`);
  return `${unpackedFiles.length} files, ${(pack.size / 1e6).toFixed(1)} MB packed, ${(pack.unpackedSize / 1e6).toFixed(1)} MB unpacked`;
});

step('publint', () => {
  const { stdout } = succeed(ROOT, process.execPath, 'node_modules/publint/src/cli.js', 'run', tarball, '--strict');
  must(!/warning|error/i.test(stdout.replace(/All good!/, '')), stdout);
});

if (packed) {
  const installed = step('install in an empty folder', () => {
    succeed(home, 'npm', 'init', '-y');
    succeed(home, 'npm', 'install', '--no-audit', '--no-fund', tarball);
  });
  if (installed) {
    step('npx winnow --version', () => {
      const { version } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
      must(succeed(home, 'npx', 'winnow', '--version').stdout.trim() === version, 'another version answered');
    });
    step("import 'winnow-vlm'", () => {
      const script = "const api = await import('winnow-vlm'); console.log(Object.keys(api).length)";
      const { stdout } = succeed(home, process.execPath, '--input-type=module', '-e', script);
      must(Number(stdout) > 0, 'it exports nothing');
      return `${stdout.trim()} exports`;
    });
    step('npx winnow demo', () => {
      succeed(home, 'npx', 'winnow', 'demo');
      const pages = fs
        .readdirSync(path.join(home, 'winnow-demo'), { recursive: true })
        .filter((name) => String(name).endsWith('.html'));
      must(pages.length > 0, 'it wrote no report');
      return `report ${pages[0]}`;
    });
    step('without ONNX Runtime the message explains', () => {
      fs.rmSync(path.join(home, 'node_modules', 'onnxruntime-node'), { recursive: true });
      fs.rmSync(path.join(home, 'winnow-demo'), { recursive: true, force: true });
      const { status, stdout, stderr } = run(home, 'npx', 'winnow', 'demo');
      const said = stdout + stderr;
      must(status === 1, `it ended with ${status}\n${said}`);
      must(
        /onnxruntime-node/.test(said) && /ONNXRUNTIME_NODE_INSTALL=skip/.test(said),
        `it does not say how to install it:\n${said}`,
      );
      must(!/\n\s+at .*:\d+:\d+/.test(said), `it shows a stack:\n${said}`);
    });
  }
}

fs.rmSync(work, { recursive: true, force: true });
process.stdout.write(`${failed === 0 ? 'the package is sound' : `${failed} steps failed`}\n`);
process.exitCode = failed === 0 ? 0 : 1;
